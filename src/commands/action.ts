import type { Config } from '../config.js';
import type { Logger } from '../logger.js';

/** A command's work; it ends early when the signal aborts. */
export type Action = (config: Config, log: Logger, signal: AbortSignal) => Promise<unknown>;

export interface ExecuteOptions {
  /** Default: true. Otherwise the configuration may lack what the API needs. */
  readonly needsApi?: boolean;
  /** Logs go to standard error, because standard output belongs to data. */
  readonly logsToStderr?: boolean;
}

/** Runs a command with configuration, log and stop signal, and sees to its exit code. */
export type Execute = (action: Action, options: ExecuteOptions) => Promise<void>;
