/** The command line cannot be used as it is: exit code 2. The message names the option and the way out. */
export class UsageError extends Error {
  override name = 'UsageError';
}
