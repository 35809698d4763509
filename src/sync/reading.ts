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

/** How far the cursor may move while one reading goes on: never so far that the next reading begins behind a record. */
export class Reach {
  /**
   * The server's clock when the reading first came within a look-back of it: from there on records may still have become
   * visible behind the reading. `undefined` when it did not come so close, or the server sends no clock.
   */
  closeAt: Instant | undefined;

  constructor(private readonly lookback: Instant) {}

  /**
   * With this page. A record that says it comes from the future must not carry the cursor past those that are still to
   * come; the Date header has whole seconds. And however long a reading takes, the cursor stays within a look-back of
   * what may have become visible behind it: the next reading has to bring it.
   */
  of({ lastSync, page: { rows, serverTime } }: ReadPage): Instant | undefined {
    const limit = this.closeAt ?? (serverTime === undefined ? undefined : serverTime + SECOND);
    // Records become visible up to a look-back after their creation: what a page holds is final only when it is older.
    const final = serverTime && serverTime - laterOf(this.lookback, SECOND);
    if (final !== undefined && rows.some((row) => row.created > final)) this.closeAt ??= serverTime;
    return lastSync === undefined || limit === undefined ? lastSync : earlierOf(lastSync, limit);
  }
}

const PROGRESS_MS = 10_000;

/** Says every ten seconds how far a long reading has come. */
export class Progress {
  private nextMs = monotonicMs() + PROGRESS_MS;

  constructor(private readonly log: Logger) {}

  /** True every ten seconds. */
  isDue(): boolean {
    if (monotonicMs() < this.nextMs) return false;
    this.nextMs = monotonicMs() + PROGRESS_MS;
    return true;
  }

  note(lastSync: Instant, serverTime: Instant | undefined, figures: Record<string, unknown>): void {
    if (!this.isDue()) return;
    const lagSeconds = serverTime && Math.max(0, Math.round(secondsBetween(lastSync, serverTime)));
    this.log.info({ ...figures, lastSync: formatInstant(lastSync), lagSeconds }, 'back-filling');
  }
}
