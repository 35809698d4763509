import { setTimeout as delay } from 'node:timers/promises';

const stepMs = 15;
const defaultLimitMs = 60_000;

/** Looks until there is an answer (anything but undefined and false) and returns it; fails after the limit. */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = defaultLimitMs,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await look();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${limitMs} ms in vain for ${what}`);
    await delay(stepMs);
  }
}

/** Waits until the list of what is wrong is empty; fails with what is left of it after the limit. */
export async function waitUntilNothingWrong(
  look: () => Promise<readonly string[]>,
  limitMs = defaultLimitMs,
): Promise<void> {
  let wrong: readonly string[] = [];
  const isRight = async () => {
    wrong = await look();
    return wrong.length === 0;
  };
  await waitFor('nothing to be wrong', isRight, limitMs).catch((error: unknown) => {
    if (wrong.length === 0) throw error;
    throw new Error(`Still wrong after ${limitMs} ms: ${wrong.join('; ')}`);
  });
}
