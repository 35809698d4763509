import { monotonicMs } from '../clock.js';

/** So many pages are measured together. */
const MEASURED_PAGES = 3;
/** Of the time that passes, the answers' share from which on they are what is waited for. */
const WAITING_SHARE = 0.75;

/**
 * Tells what the reading of a list waits for: the answers, or something that no second request would hasten, such as the
 * request budget, or Postgres, or pauses after failures.
 */
export class ReadingPace {
  private sinceMs: number | undefined;
  private answeringMs = 0;
  private pages = 0;
  private isWaiting = false;

  /** @param now milliseconds on a clock that never steps back, the one by which `tookMs` was measured */
  constructor(private readonly now: () => number = monotonicMs) {}

  /** A page has been read; `tookMs` is the time from sending the request to the end of the answer. */
  note(tookMs: number | undefined): void {
    this.answeringMs += tookMs ?? 0;
    this.pages += 1;
  }

  /**
   * Whether reading one page after the other would mostly wait for the answers. Asked when nothing is under way; pages
   * that were read side by side since the last time count as if they had been read one by one.
   */
  waitsForAnswers(): boolean {
    // The first page does not count: with it comes the question whether the server sorts.
    if (this.pages < (this.sinceMs === undefined ? 1 : MEASURED_PAGES)) return this.isWaiting;
    const now = this.now();
    if (this.sinceMs !== undefined) {
      this.isWaiting = this.answeringMs > 0 && this.answeringMs >= (now - this.sinceMs) * WAITING_SHARE;
    }
    this.sinceMs = now;
    this.answeringMs = 0;
    this.pages = 0;
    return this.isWaiting;
  }
}
