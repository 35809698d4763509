// The server may grant less than REQUESTS_PER_SECOND: other programs use the same key, or the account has another limit.
// Then requests of that endpoint are spaced out: a quarter fewer after a refusal, and slowly more again. What is refused
// costs a request each time, so growing is slow and shrinking is not. How far it has grown follows from the time since the
// refusal alone, so nothing has to be written down while it grows, and it ends for endpoints that nobody uses any more.

export const SHRINK = 0.75;
export const GROW = 1.1;
/** So long without a refusal for each step up. */
export const GROW_AFTER_MS = 5_000;
/** Requests that were under way together are refused together: that is one refusal. */
export const SAME_REFUSAL_MS = 1_000;
/** At the full limit so long without a refusal: it is over. */
export const OVER_AFTER_MS = 60_000;
/** Requests a second; the server's own Retry-After asks for longer pauses. */
export const LEAST_RATE = 0.1;
/** The longest pause that a Retry-After can make, in milliseconds: servers have been seen to ask for a day. */
export const LONGEST_PAUSE_MS = 60_000;

/** What a refusal left behind, on any clock. */
export interface Refused {
  /** Requests a second just after it. */
  readonly rate: number;
  readonly refusedMs: number;
}

/** Requests a second by now; above the limit when the limit is granted again. */
export function rateAt({ rate, refusedMs }: Refused, nowMs: number): number {
  const steps = Math.floor(Math.max(0, nowMs - refusedMs) / GROW_AFTER_MS);
  return rate * GROW ** Math.min(steps, 100);
}

/** The whole limit has been granted for a minute. */
export function isOver(refused: Refused, limit: number, nowMs: number): boolean {
  return rateAt(refused, nowMs - OVER_AFTER_MS) >= limit;
}

/** What another refusal makes of it. */
export function refusedAgain(known: Refused | undefined, limit: number, nowMs: number): Refused {
  if (known && nowMs - known.refusedMs < SAME_REFUSAL_MS) return known;
  const rate = known ? Math.min(limit, rateAt(known, nowMs)) : limit;
  return { rate: Math.max(Math.min(LEAST_RATE, limit), rate * SHRINK), refusedMs: nowMs };
}

/** How long nothing is sent after a refusal, in milliseconds. */
export function pauseAfter(rate: number, retryAfterMs = 0): number {
  return Math.max(1000 / rate, Math.min(retryAfterMs, LONGEST_PAUSE_MS));
}
