import { wallClockMs } from '../clock.js';
import { type Instant, secondsBetween } from '../instant.js';
import type { Priority } from '../talon-one/request-budget.js';

/** Longer than the longest pause after a failure. */
const BEHIND_SECONDS = 900;

/**
 * What the requests of a cycle wait for. A first sync, or one after a long absence, is a back-fill that makes way for the
 * Applications that are up to date. Clocks that differ only change who waits.
 */
export function cyclePriority(readUntil: Instant | undefined, nowMs = wallClockMs()): Priority {
  if (readUntil === undefined) return 'back-fill';
  const now = BigInt(Math.round(nowMs)) * 1000n;
  return secondsBetween(readUntil, now) > BEHIND_SECONDS ? 'back-fill' : 'live';
}
