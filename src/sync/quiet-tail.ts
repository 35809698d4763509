import { monotonicMs } from '../clock.js';
import { floorToSecond, type Instant, SECOND } from '../instant.js';
import { startOfWindow } from './reading.js';

/** Clocks of different machines do not run at quite the same speed. */
const PATIENCE = 1.1;
/** Two seconds are given away by `startAfter`, one is to spare. */
const MARGIN_MS = 3_000;
/** No Date header is wrong by more. */
const FAR_BEHIND = 86_400n * SECOND;

/**
 * Notices that the newest events need not be read again. Events become visible up to a look-back after their creation, so
 * everything up to the newest one is known once a reading has begun more than a look-back after that one was seen. Without
 * this, a burst before a quiet night would be read again every minute until the morning.
 *
 * Only durations of this process count: a Date header may be an hour ahead of the clock that records go by. Kept in memory:
 * another process reads the look-back until it knows for itself.
 */
export class QuietTail {
  private newest: Instant | undefined;
  private seenMs = 0;
  private isFinal = false;
  private isFarBehind = false;

  constructor(
    private readonly lookback: Instant,
    private readonly now: () => number = monotonicMs,
  ) {}

  /**
   * Where the next reading has to begin. Once nothing can come late any more, that is the whole second after `lastSync`:
   * a burst within the last second is not read again either. The last reading began at least three seconds later than a
   * look-back after the newest event, and found none that is newer, so there is none within two seconds after it: even a
   * server that leaves out the whole second that it is asked for leaves out nothing.
   */
  startAfter(lastSync: Instant): Instant {
    if (this.newest !== lastSync) return startOfWindow({ lastSync }, this.lookback);
    if (this.isFinal) return floorToSecond(lastSync) + SECOND;
    return startOfWindow({ lastSync }, this.isFarBehind ? 0n : this.lookback);
  }

  /** A reading that began at `beganMs` has come to the end of the list. */
  noteCaughtUp(lastSync: Instant, beganMs: number): void {
    this.isFarBehind = false;
    if (this.newest !== lastSync) {
      this.newest = lastSync;
      this.seenMs = this.now();
      this.isFinal = false;
    } else if (beganMs - this.seenMs > (PATIENCE * Number(this.lookback)) / 1000 + MARGIN_MS) {
      this.isFinal = true;
    }
  }

  /**
   * A reading has stored everything up to here, and there is more. Where that is long past, nothing comes late any more.
   * @param serverTime the Date header; `undefined`: the server sends none, and nothing is known
   */
  noteBehind(lastSync: Instant, serverTime: Instant | undefined): void {
    // A look-back that is read again brings nothing newer, and says nothing new.
    if (this.newest === lastSync) return;
    this.newest = lastSync;
    this.seenMs = this.now();
    this.isFinal = false;
    this.isFarBehind = serverTime !== undefined && serverTime - lastSync > FAR_BEHIND + this.lookback;
  }

  /** Milliseconds on the clock of `noteCaughtUp`. */
  nowMs(): number {
    return this.now();
  }
}
