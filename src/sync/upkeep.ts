import { monotonicMs, passes } from '../clock.js';

/** Work that is repeated as long as something needs it, never twice at the same time. */
export class Upkeep {
  private isRunning = false;
  private idle = new AbortController();
  private underWay: Promise<void> = Promise.resolve();

  /**
   * @param isNeeded something needs the work now
   * @param work must not reject
   */
  constructor(
    private readonly isNeeded: () => boolean,
    private readonly work: () => Promise<void>,
  ) {}

  /** Something needs it from now on, every so many milliseconds. */
  begin(everyMs: number): void {
    if (this.isRunning) return;
    this.isRunning = true;
    void this.run(everyMs);
  }

  /** Something needs it no longer. Resolves when nothing is under way that began while it did. */
  async end(): Promise<void> {
    if (!this.isNeeded()) this.idle.abort();
    await this.underWay;
  }

  private async run(everyMs: number): Promise<void> {
    let nextMs = monotonicMs() + everyMs;
    while (this.isNeeded()) {
      this.idle = new AbortController();
      if (!(await passes(nextMs - monotonicMs(), this.idle.signal)) || !this.isNeeded()) continue;
      nextMs = monotonicMs() + everyMs;
      this.underWay = this.work();
      await this.underWay;
    }
    this.isRunning = false;
  }
}
