import { monotonicMs, type Sleep, sleep } from '../clock.js';

export interface SharedReadingOptions {
  /** For so long everybody gets the same result, in milliseconds; 0: only those who ask meanwhile. */
  readonly freshMs: number;
  /** What takes long is kept for so many times as long, so that looking takes no more than that share of the time. */
  readonly rest?: number;
  /** But nothing is kept for longer, in milliseconds. */
  readonly mostFreshMs?: number;
  /** Nobody waits for longer, in milliseconds. */
  readonly deadlineMs?: number;
  readonly now?: () => number;
  readonly wait?: Sleep;
}

/** It was not there in time. Somebody else may still get it: the work goes on. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';
  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs / 1000} s`);
  }
}

/**
 * One reading for all who ask, however many: it is never made twice at once, and a failure is not kept. While Postgres
 * hangs one connection hangs with it, and everybody who asks is told so at the deadline.
 */
export function sharedReading<T>(work: () => Promise<T>, options: SharedReadingOptions): () => Promise<T> {
  const { freshMs, rest = 0, mostFreshMs = Number.POSITIVE_INFINITY, deadlineMs } = options;
  const { now = monotonicMs, wait = sleep } = options;
  let kept: Promise<T> | undefined;
  let endMs = 0;
  const made = (): Promise<T> => {
    if (kept && now() < endMs) return kept;
    endMs = Number.POSITIVE_INFINITY;
    const startMs = now();
    kept = work();
    kept.then(
      () => {
        const nowMs = now();
        const tookMs = nowMs - startMs;
        // What hung for so long may tell of the time before.
        endMs = tookMs > mostFreshMs ? 0 : nowMs + Math.min(mostFreshMs, Math.max(freshMs, rest * tookMs));
      },
      () => {
        kept = undefined;
      },
    );
    return kept;
  };
  return deadlineMs === undefined ? made : () => within(deadlineMs, made(), wait);
}

async function within<T>(deadlineMs: number, work: Promise<T>, wait: Sleep): Promise<T> {
  const done = new AbortController();
  const late = wait(deadlineMs, done.signal).then(
    () => Promise.reject(new NoAnswerError(deadlineMs)),
    () => undefined as never,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
