import { sleep } from '../clock.js';

/**
 * Keeps the slots of the requests that a process has under way: all of them in one statement, every second. What a
 * process leaves behind that dies opens by itself a few seconds later.
 */
export class SlotKeeper {
  private readonly held = new Set<string>();
  private isRunning = false;
  private idle = new AbortController();

  /**
   * @param hold holds the slots of these requests for longer
   * @param everyMs milliseconds between two
   */
  constructor(
    private readonly hold: (holders: readonly string[]) => Promise<void>,
    private readonly everyMs: number,
  ) {}

  add(holder: string): void {
    this.held.add(holder);
    if (this.isRunning) return;
    this.isRunning = true;
    void this.run();
  }

  /** It need not be waited for: only slots that still have this holder are held for longer. */
  remove(holder: string): void {
    this.held.delete(holder);
    if (this.held.size === 0) this.idle.abort();
  }

  private async run(): Promise<void> {
    while (this.held.size > 0) {
      this.idle = new AbortController();
      const isDue = await sleep(this.everyMs, this.idle.signal).then(
        () => true,
        () => false,
      );
      // Postgres is away: nobody else gets a slot either, and the next try comes soon.
      if (isDue && this.held.size > 0) await this.hold([...this.held]).catch(() => {});
    }
    this.isRunning = false;
  }
}
