/** A problem that the person who runs the program can mend; its message is one clear line. Ends with exit code 1. */
export class UserError extends Error {
  override name = 'UserError';
}

/** One or more environment variables are wrong; `problems` has a line for each, secrets never echoed. */
export class ConfigError extends UserError {
  override name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`Configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/** Another replica has taken over what was leased (an Application, a job): this one must not write a row more. */
export class LeaseLostError extends Error {
  override name = 'LeaseLostError';
  constructor(readonly leased: string) {
    super(`The lease of ${leased} was taken over by another replica`);
  }
}

/** True for the rejection of anything that was given an aborted signal, and for nothing else. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'CanceledError');
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
