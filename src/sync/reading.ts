import { monotonicMs } from '../clock.js';
import {
  earlierOf,
  floorToSecond,
  formatInstant,
  type Instant,
  laterOf,
  SECOND,
  secondsBetween,
} from '../instant.js';
import type { Logger } from '../logger.js';
import type { ReadPage } from '../talon-one/record-list.js';

// What reading along a time of creation has in common, of events and of loyalty transactions.

/**
 * Where to begin to read: a look-back before the newest record, at the whole second below, and at least one second
 * before it. That is right for servers that take the lower bound as inclusive, as exclusive, or in whole seconds.
 */
export function startOfWindow(cursor: { readonly lastSync: Instant }, lookback: Instant): Instant {
  return floorToSecond(cursor.lastSync - laterOf(lookback, SECOND));
}

/**
 * How far the cursor may move with a page: a record that says it comes from the future must not carry it past those
 * that are still to come. The Date header has whole seconds. However long a reading takes, the cursor stays within a
 * look-back of what may have become visible behind it: the next reading has to begin there.
 * @param closeAt what `clockIfClose` said of an earlier page of the reading
 */
export function reachedBy(
  { lastSync, page: { serverTime } }: ReadPage,
  closeAt: Instant | undefined,
): Instant | undefined {
  const limit = closeAt ?? (serverTime === undefined ? undefined : serverTime + SECOND);
  return lastSync === undefined || limit === undefined ? lastSync : earlierOf(lastSync, limit);
}

/**
 * The server's clock when a page comes within a look-back of it. Records become visible up to a look-back after their
 * creation, so what a page holds is final only when it is older.
 */
export function clockIfClose(
  { page: { rows, serverTime } }: ReadPage,
  lookback: Instant,
): Instant | undefined {
  if (serverTime === undefined) return undefined;
  const final = serverTime - laterOf(lookback, SECOND);
  return rows.some((row) => row.created > final) ? serverTime : undefined;
}

const PROGRESS_MS = 10_000;

/** Says every ten seconds how far a long reading has come. */
export class Progress {
  private nextMs = monotonicMs() + PROGRESS_MS;

  constructor(private readonly log: Logger) {}

  note(lastSync: Instant, serverTime: Instant | undefined, figures: Record<string, unknown>): void {
    if (monotonicMs() < this.nextMs) return;
    this.nextMs = monotonicMs() + PROGRESS_MS;
    const lagSeconds = serverTime && Math.max(0, Math.round(secondsBetween(lastSync, serverTime)));
    this.log.info({ ...figures, lastSync: formatInstant(lastSync), lagSeconds }, 'back-filling');
  }
}
