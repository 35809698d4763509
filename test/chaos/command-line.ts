import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { knownKinds, planOf } from './campaign.js';
import { type PlantName, plantNames } from './plants.js';

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  /** So many seeds, one campaign each, from `seed` on. */
  readonly seeds: number;
  readonly only?: readonly number[];
  readonly kinds?: readonly string[];
  readonly plant?: PlantName;
  /** Only prints the plan. */
  readonly plan: boolean;
  readonly keep: boolean;
  /** A file to which each result is added, a JSON line each. */
  readonly results?: string;
  /** Files of results, to be printed as a table. */
  readonly table?: readonly string[];
}

export type CommandLine = { kind: 'run'; options: ChaosOptions } | { kind: 'exit'; code: 0 | 2 };

/** Help and wrong usage end here, with the text already printed. */
export function readCommandLine(words: readonly string[]): CommandLine {
  const command = new Command('npm run chaos --')
    .description(
      [
        'Two replicas of the daemon, a Postgres of its own and a simulated API, with traffic that never stops and faults on',
        'all sides; then peace, and the comparison of what is stored with what was issued. Exits with 1 unless every count',
        'is zero. The same seed gives the same faults at the same moments.',
      ].join('\n'),
    )
    .option('--minutes <number>', 'length of the war, fractions allowed', positive, 10)
    .option('--seed <number>', 'what the plan follows from', wholeNumber, 7)
    .option('--seeds <number>', 'run so many seeds, one after the other', atLeastOne, 1)
    .option('--only <numbers>', 'only these faults of the plan, with commas between', numbers)
    .option('--kinds <names>', 'plan only these kinds of faults, with commas between', kinds)
    .addOption(
      new Option('--plant <defect>', 'run a daemon with a known defect, and what brings it to light').choices(
        plantNames,
      ),
    )
    .option('--plan', 'print the plan and end', false)
    .option('--keep', 'leave the logs of the daemons behind', false)
    .option('--results <file>', 'add each result to this file, a JSON line each')
    .option('--table <files...>', 'print files of results as a Markdown table and end')
    .exitOverride();
  try {
    command.parse(words, { from: 'user' });
    const options = command.opts<ChaosOptions>();
    if (options.only && planOf(options).length < options.only.length)
      command.error('error: --only names a fault that the plan does not have; --plan prints it');
    return { kind: 'run', options };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', code: error.exitCode === 0 ? 0 : 2 };
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 24 * 60) return value;
  throw new InvalidArgumentError('Expected a number of minutes above 0.');
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

function numbers(text: string): number[] {
  return text.split(',').map(wholeNumber);
}

function kinds(text: string): string[] {
  const given = text.split(',').map((name) => name.trim());
  const unknown = given.find((name) => !knownKinds().includes(name));
  if (unknown === undefined) return given;
  throw new InvalidArgumentError(`There is no fault "${unknown}"; --plan shows their names.`);
}

function atLeastOne(text: string): number {
  if (wholeNumber(text) > 0) return Number(text);
  throw new InvalidArgumentError('Expected a whole number above 0.');
}
