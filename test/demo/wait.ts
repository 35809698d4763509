import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './demo-error.js';
import { formatDuration } from './numbers.js';

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** What is waited for, to end the sentence "waited a minute in vain until …". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Looks again and again until `condition` holds. Rejects with the signal's reason, or a DemoError when time is up. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { signal, what, timeoutMs = 60_000, everyMs = 200 }: WaitOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    if (await condition()) return;
    if (performance.now() > deadline)
      throw new DemoError(`waited ${formatDuration(timeoutMs)} in vain until ${what}`);
    await pause(everyMs, signal);
  }
}

/** Waits; rejects with the signal's own reason as soon as it aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
