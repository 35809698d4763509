import { Command, CommanderError, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Events that are there before the daemon starts. */
  events: number;
  /** Stay up after the summary, until Ctrl-C. */
  keepRunning: boolean;
}

export type CommandLine = { kind: 'run'; options: DemoOptions } | { kind: 'exit'; code: 0 | 2 };

const ABOUT = [
  'Shows the daemon at work, without credentials: starts a Postgres, a simulator of the Talon.One API and the daemon',
  'itself, back-fills a history of events with their profiles and sessions, lets new events arrive, kills and restarts',
  'the daemon, compares every record with what the simulator issued, and asks the ten questions of docs/queries.md.',
  'Takes about a minute, leaves nothing behind.',
].join(' ');

/** Help and wrong usage end here, with the text already printed. */
export function readCommandLine(words: readonly string[]): CommandLine {
  const command = new Command('npm run demo --')
    .description(ABOUT)
    .option('--keep-running', 'stay up after the summary, with new events, until Ctrl-C', false)
    .option('--events <number>', 'random events in the history, from 100 to 1,000,000', eventCount, 50_000)
    .addHelpText('after', '\nExit codes: 0 all is proven, 1 it is not, 2 wrong usage, 130 Ctrl-C.')
    .exitOverride();
  try {
    command.parse(words, { from: 'user' });
    return { kind: 'run', options: command.opts<DemoOptions>() };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', code: error.exitCode === 0 ? 0 : 2 };
  }
}

function eventCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 100 && count <= 1_000_000) return count;
  throw new InvalidArgumentError('Expected a whole number from 100 to 1000000.');
}
