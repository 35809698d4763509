// While the request budget is enough, every Application is looked at once an interval. When it is not, Applications wait
// beyond their time, and those in which nothing happens would take as many requests as those in which much does. Then a
// quiet one is looked at again after a share of the time it has been quiet: what is seen late is small in proportion.

/** A shorter wait comes from a start, a long page or a busy machine. */
const NOTEWORTHY_WAIT_MS = 30_000;
/** A quiet Application waits for a tenth of the time since its newest event. */
const SHARE_OF_QUIET = 0.1;
/** … but never longer than this, or the interval. */
const LONGEST_MS = 15 * 60_000;

export interface Situation {
  /** SYNC_INTERVAL_SECONDS, in milliseconds. */
  readonly intervalMs: number;
  /** For how long the next of the other Applications had been due when this one was taken, in milliseconds. */
  readonly othersWaitMs: number;
  /** Time since the newest event of this Application, in milliseconds; `undefined` when that is not known. */
  readonly quietMs: number | undefined;
}

/** Milliseconds until an Application that is caught up is due again. */
export function nextCycleInMs({ intervalMs, othersWaitMs, quietMs }: Situation): number {
  const isBudgetShort = othersWaitMs > Math.max(intervalMs, NOTEWORTHY_WAIT_MS);
  if (!isBudgetShort || quietMs === undefined) return intervalMs;
  return Math.max(intervalMs, Math.min(quietMs * SHARE_OF_QUIET, LONGEST_MS));
}
