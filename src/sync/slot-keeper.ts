import { Upkeep } from './upkeep.js';

/**
 * Keeps the slots of the requests that a process has under way: all of them in one statement, every second. What a
 * process leaves behind that dies opens by itself a few seconds later.
 */
export class SlotKeeper {
  private readonly held = new Set<string>();
  private readonly upkeep: Upkeep;

  /**
   * @param hold holds the slots of these requests for longer
   * @param everyMs milliseconds between two
   */
  constructor(
    hold: (holders: readonly string[]) => Promise<void>,
    private readonly everyMs: number,
  ) {
    // Postgres is away: nobody else gets a slot either, and the next try comes soon.
    const holdAll = () => hold([...this.held]).catch(() => {});
    this.upkeep = new Upkeep(() => this.held.size > 0, holdAll);
  }

  add(holder: string): void {
    this.held.add(holder);
    this.upkeep.begin(this.everyMs);
  }

  /** It need not be waited for: only slots that still have this holder are held for longer. */
  remove(holder: string): void {
    this.held.delete(holder);
    void this.upkeep.end();
  }
}
