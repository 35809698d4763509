/**
 * Waits for all of them, whatever becomes of one: nothing goes on behind the back of the caller.
 * @throws what the first in their order that failed was rejected with
 */
export async function together<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const results: T[] = [];
  for (const outcome of await Promise.allSettled(works)) {
    if (outcome.status === 'rejected') throw outcome.reason;
    results.push(outcome.value);
  }
  return results;
}
