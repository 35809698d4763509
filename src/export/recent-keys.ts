/** How many keys are remembered: pages repeat what came shortly before, never the whole list. */
const CAPACITY = 200_000;

/** Tells new keys from those of the last 200,000. */
export class RecentKeys {
  private newer = new Set<unknown>();
  private older = new Set<unknown>();

  constructor(private readonly capacity = CAPACITY) {}

  /** True when the key is new; from now on it is not. */
  add(key: unknown): boolean {
    if (this.newer.has(key) || this.older.has(key)) return false;
    this.newer.add(key);
    if (this.newer.size * 2 >= this.capacity) {
      this.older = this.newer;
      this.newer = new Set();
    }
    return true;
  }
}
