import { isAbortError, UserError } from '../errors.js';

/**
 * Runs `work`, which neither settles nor sends anything.
 * @param when it was stopped, for people: `before the ledger was read`
 * @throws UserError that says so when `signal` ends it
 */
export async function unlessStopped<T>(
  signal: AbortSignal,
  when: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted || !isAbortError(error)) throw error;
    throw new UserError(`Stopped ${when}: nothing was settled or sent.`);
  }
}
