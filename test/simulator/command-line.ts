import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { SimulatorOptions } from './options.js';
import { checkSwitches, type SwitchSettings, switchesSchema } from './switches.js';

export type CommandLine = { kind: 'start'; options: SimulatorOptions } | { kind: 'exit'; code: 0 | 2 };

interface MainValues {
  port: number;
  host: string;
  seed: number;
  apiKey?: string;
  integrationApiKey?: string;
  applications: number;
  sandboxApplications: number;
  events: number;
  sessions?: number;
  profiles?: number;
  days: number;
  eventsPerSecond: number;
  missingIds: string;
  timestampDigits: string;
}

/** Help and wrong usage end here, with the text already printed. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const command = describeCommand();
  try {
    command.parse(args, { from: 'user' });
    return { kind: 'start', options: optionsFrom(command) };
  } catch (error) {
    if (error instanceof CommanderError) return { kind: 'exit', code: error.exitCode === 0 ? 0 : 2 };
    if (!(error instanceof z.ZodError)) throw error;
    console.error(`error: ${z.prettifyError(error)}`);
    return { kind: 'exit', code: 2 };
  }
}

function describeCommand(): Command {
  const command = new Command('simulator')
    .description(
      "A server that behaves as Talon.One's Management API is documented, and the readable part of its Integration API, with invented data.",
    )
    .option('--port <number>', 'port to listen on; 0: any free one', whole, 3900)
    .option('--host <name>', 'address to listen on', '127.0.0.1')
    .option('--seed <number>', 'all data follows from it', whole, 1)
    .option('--api-key <key>', 'the key that is accepted; default: follows from the seed')
    .option('--integration-api-key <key>', 'the same for the Integration API')
    .option('--applications <number>', 'live Applications', whole, 1)
    .option('--sandbox-applications <number>', 'sandbox Applications', whole, 0)
    .option('--events <number>', 'events in the history of each Application', whole, 10_000)
    .option('--sessions <number>', 'sessions of each Application; default: a third of the events', whole)
    .option('--profiles <number>', 'profiles of each Application; default: an eighth of the events', whole)
    .option('--days <number>', 'length of the history in days', decimal, 30)
    .option('--events-per-second <number>', 'live traffic over all Applications', decimal, 1)
    .addOption(
      new Option('--missing-ids <form>', 'how records say that they have no profile or session')
        .choices(['documented', 'absent', 'zero', 'null', 'mixed'])
        .default('documented'),
    )
    .addOption(
      new Option('--timestamp-digits <form>', 'fractions of seconds')
        .choices(['six', 'trimmed'])
        .default('six'),
    )
    .exitOverride();
  for (const option of switchOptions()) command.addOption(option);
  return command;
}

/** Each switch is an option of the same name, `--created-after` for `createdAfter`. */
function switchOptions(): Option[] {
  return Object.entries(switchesSchema.shape).map(([name, schema]) => {
    const inner = schema.unwrap();
    const flag = `--${kebab(name)}`;
    const description = schema.description ?? '';
    if (inner instanceof z.ZodBoolean) return new Option(flag, description);
    const fallback: unknown = schema.parse(undefined);
    if (inner instanceof z.ZodEnum) {
      const choices = inner.options.map(String);
      return new Option(`${flag} <choice>`, description)
        .choices(choices)
        .default(undefined, String(fallback));
    }
    const parser = inner instanceof z.ZodNumber ? decimal : jsonValue;
    const form = inner instanceof z.ZodNumber ? 'number' : 'json';
    return new Option(`${flag} <${form}>`, description)
      .argParser(parser)
      .default(undefined, JSON.stringify(fallback));
  });
}

function optionsFrom(command: Command): SimulatorOptions {
  const values = command.opts<MainValues & Record<string, unknown>>();
  const given = Object.keys(switchesSchema.shape).flatMap((name) =>
    values[name] === undefined ? [] : [[name, values[name]] as const],
  );
  const switches: SwitchSettings = checkSwitches(Object.fromEntries(given));
  return {
    port: values.port,
    host: values.host,
    seed: values.seed,
    ...(values.apiKey === undefined ? {} : { apiKey: values.apiKey }),
    ...(values.integrationApiKey === undefined ? {} : { integrationApiKey: values.integrationApiKey }),
    applications: [
      ...Array.from({ length: values.applications }, () => ({})),
      ...Array.from({ length: values.sandboxApplications }, () => ({ sandbox: true })),
    ],
    history: {
      events: values.events,
      days: values.days,
      ...(values.sessions === undefined ? {} : { sessions: values.sessions }),
      ...(values.profiles === undefined ? {} : { profiles: values.profiles }),
    },
    eventsPerSecond: values.eventsPerSecond,
    missingIds: values.missingIds as NonNullable<SimulatorOptions['missingIds']>,
    timestampDigits: values.timestampDigits as NonNullable<SimulatorOptions['timestampDigits']>,
    switches,
  };
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number.');
  return Number(text);
}

function decimal(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('expected a number.');
  return Number(text);
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('expected JSON.');
  }
}
