import { monotonicMs } from '../clock.js';
import { type Instant, SECOND } from '../instant.js';

/** Clocks of different machines do not run at quite the same speed, and a margin costs next to nothing. */
const PATIENCE = 2;
const MARGIN_MS = 1_000;
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

  constructor(
    private readonly lookback: Instant,
    private readonly now: () => number = monotonicMs,
  ) {}

  /** How far before `lastSync` the next reading has to begin. */
  lookbackFor(lastSync: Instant): Instant {
    return this.isFinal && this.newest === lastSync ? 0n : this.lookback;
  }

  /** A reading that began at `beganMs` has come to the end of the list. */
  noteCaughtUp(lastSync: Instant, beganMs: number): void {
    if (this.newest !== lastSync) {
      this.newest = lastSync;
      this.seenMs = this.now();
      this.isFinal = false;
    } else if (beganMs - this.seenMs > (PATIENCE * Number(this.lookback)) / 1000 + MARGIN_MS) {
      this.isFinal = true;
    }
  }

  /**
   * A reading has stored everything up to here, and there is more.
   * @param serverTime the Date header; `undefined`: the server sends none, and nothing is known
   */
  noteBehind(lastSync: Instant, serverTime: Instant | undefined): void {
    this.newest = lastSync;
    this.seenMs = this.now();
    this.isFinal = serverTime !== undefined && serverTime - lastSync > FAR_BEHIND + this.lookback;
  }

  /** Milliseconds on the clock of `noteCaughtUp`. */
  nowMs(): number {
    return this.now();
  }
}
