import type { CleanUp } from '../../demo/clean-up.js';
import type { Report } from '../benchmark.js';
import type { BenchPostgres } from '../postgres.js';

export interface ScaleOptions {
  /** How often a replica is killed. */
  kills: number;
  /** Applications in one process. */
  applications: number;
  writeDocs: boolean;
}

export interface ScaleContext {
  readonly options: ScaleOptions;
  readonly postgres: BenchPostgres;
  readonly signal: AbortSignal;
  readonly cleanUp: CleanUp;
  readonly say: (line: string) => void;
}

/** Takes minutes, so it is done once; every row of its table is a measurement of its own. */
export type ScaleBenchmark = (context: ScaleContext) => Promise<Report>;
