import type { Config, ConfigNeeds } from '../config.js';
import type { Logger } from '../logger.js';

/** A command's work; it ends early when the signal aborts. */
export type Action = (config: Config, log: Logger, signal: AbortSignal) => Promise<unknown>;

export interface ExecuteOptions extends ConfigNeeds {
  /** Logs go to standard error, because standard output belongs to data. */
  readonly logsToStderr?: boolean;
  /** Exit code after SIGTERM or SIGINT. Default: 0; a command that has a definite end is not done before it. */
  readonly codeWhenStopped?: number;
}

/** Runs a command with configuration, log and stop signal, and sees to its exit code. */
export type Execute = (action: Action, options: ExecuteOptions) => Promise<void>;
