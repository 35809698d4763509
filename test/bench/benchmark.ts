import type { CleanUp } from '../demo/clean-up.js';
import type { BenchOptions } from './command-line.js';
import type { BenchPostgres } from './postgres.js';

/** What every benchmark is given. */
export interface BenchContext {
  readonly options: BenchOptions;
  readonly postgres: BenchPostgres;
  readonly signal: AbortSignal;
  readonly cleanUp: CleanUp;
}

/** A table and the few words it needs. */
export interface Report {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
  /** What `--guard` looks at. */
  readonly ratios?: readonly Ratio[];
}

/** A figure that does not depend on how quick the machine is. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  /** What is aimed at. */
  readonly aim?: number | undefined;
  /** Beyond these something is broken; well away from the aim, for machines are noisy. */
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
  /** It is no fault if it could not be measured. */
  readonly mayBeUnknown?: boolean;
}

/** One benchmark. Those that are chosen run in turn, round after round, so that a slow minute hits all of them. */
export interface Benchmark {
  /** One measurement, kept inside. */
  readonly run: () => Promise<void>;
  /** The medians of all measurements. */
  readonly report: () => Report;
}

/** Prepares a benchmark: what is made here is not measured. */
export type OpenBenchmark = (context: BenchContext) => Promise<Benchmark>;
