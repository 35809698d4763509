import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { benchmarkNames, defaultNames } from './benchmarks.js';

export interface BenchOptions {
  /** How many times each benchmark runs; the medians count. */
  runs: number;
  /** Events of one end-to-end run. */
  events: number;
  /** Events of the runs of daemon-memory. */
  sizes: number[];
  /** Events that the tables of full-tables hold already. */
  rows: number;
  /** A folder with the public peer (peer.ts). */
  peer?: string;
  /** Undefined: the embedded Postgres. */
  databaseUrl?: string;
  /** Also files of 2 GB. */
  large: boolean;
  writeDocs: boolean;
  /** Whether a ratio out of bounds is a failure. */
  guard: boolean;
}

export type CommandLine =
  | { kind: 'run'; options: BenchOptions; names: readonly string[] }
  | { kind: 'exit'; code: 0 | 2 };

/** Help and wrong usage end here, with the text already printed. */
export function readCommandLine(words: readonly string[]): CommandLine {
  const command = new Command('npm run bench --')
    .description(
      'Measures how fast events get from the API into Postgres, and what that costs. Takes some minutes.',
    )
    .argument(
      '[names...]',
      `benchmarks to run: ${benchmarkNames.join(', ')}; default: ${defaultNames.join(', ')}`,
      knownName,
    )
    .option('--runs <number>', 'runs of each, of which the median counts', wholeNumber(1, 99), 5)
    .option('--events <number>', 'events of an end-to-end run', wholeNumber(2_000, 10_000_000), 30_000)
    .option('--sizes <numbers>', 'daemon-memory: events of its runs', wholeNumbers, [100_000, 1_000_000])
    .option(
      '--rows <number>',
      'full-tables: events that are there already (2 KB each)',
      wholeNumber(10_000, 1_000_000_000),
      10_000_000,
    )
    .option(
      '--database-url <url>',
      'a Postgres to measure, instead of the embedded one; needs the right to create schemas',
    )
    .option(
      '--large',
      'export and import-memory: also a file of 2 GB each (some minutes and 2 GB of disk)',
      false,
    )
    .option(
      '--peer <folder>',
      'writer: also measure the Stripe sync engine, installed there with npm i @supabase/stripe-sync-engine@0.48.5',
    )
    .option('--guard', 'end with exit code 1 when a ratio is far from what it should be', false)
    .option('--write-docs', 'put the measured tables into docs/performance.md; the others there stay', false)
    .exitOverride();
  try {
    command.parse(words, { from: 'user' });
    const [names = []] = command.processedArgs as [string[] | undefined];
    return {
      kind: 'run',
      options: command.opts<BenchOptions>(),
      names: names.length > 0 ? names : defaultNames,
    };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', code: error.exitCode === 0 ? 0 : 2 };
  }
}

function knownName(name: string, previous: string[] = []): string[] {
  if (benchmarkNames.includes(name)) return [...previous, name];
  throw new InvalidArgumentError(`Expected one of: ${benchmarkNames.join(', ')}.`);
}

function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber(1_000, 100_000_000));
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}
