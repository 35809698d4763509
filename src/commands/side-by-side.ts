/**
 * Runs both until both have ended: what they share must stay open for as long as one of them uses it. When one of them
 * fails, the signal that both were given aborts.
 * @throws what the first that failed has thrown
 */
export async function sideBySide<A, B>(
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
  signal: AbortSignal,
): Promise<[A, B]> {
  const failure = new AbortController();
  const shared = AbortSignal.any([signal, failure.signal]);
  const guarded = async <T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await run(shared);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  const running = [guarded(first), guarded(second)] as const;
  await Promise.allSettled(running);
  failure.signal.throwIfAborted();
  return Promise.all(running);
}
