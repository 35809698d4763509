import { setTimeout as delay } from 'node:timers/promises';

// The only door to time. Correctness never depends on it (DESIGN I7): it paces waits and measures durations;
// what is compared with stored data comes from the API's timestamps or from Postgres.

/** Milliseconds on a clock that never steps back; only differences mean something. */
export function monotonicMs(): number {
  return performance.now();
}

/** Milliseconds since 1970 on this machine's clock: for Retry-After dates and diagnostics, never for cursors. */
export function wallClockMs(): number {
  return Date.now();
}

/** Share of the time since the start of the process in which its one thread was busy, 0 to 1. */
export function busyShare(): number {
  return performance.eventLoopUtilization().utilization;
}

/** Waits `ms` milliseconds. Rejects with the signal's AbortError as soon as `signal` aborts. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await delay(Math.max(0, ms), undefined, signal ? { signal } : {});
}

/** Waits like `sleep`; says whether the time passed (true) or `signal` aborted before (false). */
export function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, signal).then(
    () => true,
    () => false,
  );
}

export type Sleep = typeof sleep;

/** The reason with which `withDeadline` aborts its work. */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
  constructor(readonly deadlineMs: number) {
    super(`not done within ${deadlineMs} ms`);
  }
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds (reason: DeadlineError) or together with `signal`.
 * Written out because `AbortSignal.any` on a long-lived signal keeps every short-lived one reachable on Node 20.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const stop = () => controller.abort(signal.reason);
  const timer = setTimeout(() => controller.abort(new DeadlineError(ms)), ms);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
