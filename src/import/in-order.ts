/**
 * Runs `work` for each item, up to `concurrency` at a time and never two with the same key: those follow one another in
 * the order of the list. Stops taking new ones when `work` returns false, waits for those under way, and passes on the
 * first error.
 */
export async function inOrder<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  concurrency: number,
  work: (item: T) => Promise<boolean>,
): Promise<void> {
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  let goesOn = true;
  for (const item of items) {
    const key = keyOf(item);
    await running.get(key);
    while (running.size >= concurrency) await Promise.race(running.values());
    if (!goesOn) break;
    const one = work(item)
      .then((wanted) => {
        goesOn &&= wanted;
      })
      .catch((error: unknown) => {
        failures.push(error);
        goesOn = false;
      })
      .finally(() => running.delete(key));
    running.set(key, one);
  }
  await Promise.all(running.values());
  if (failures.length > 0) throw failures[0];
}
