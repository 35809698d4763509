/**
 * Who may use the connections of a pool. Pages take seconds where Postgres is busy, and there are more of them than
 * connections: statements that leases and the request budget depend on must not queue up behind them, or the lease of
 * each page that waits would run out meanwhile. So they go first, and from three connections on one is kept for them.
 */
export class Places {
  private busy = 0;
  private readonly urgent: (() => void)[] = [];
  private readonly usual: (() => void)[] = [];

  /** @param size connections of the pool */
  constructor(private readonly size: number) {}

  /** How many wait for a connection. */
  get waiting(): number {
    return this.urgent.length + this.usual.length;
  }

  /** Resolves when a connection may be asked for; then `free` must follow. */
  async take(isUrgent: boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      (isUrgent ? this.urgent : this.usual).push(resolve);
      this.admit();
    });
  }

  free(): void {
    this.busy -= 1;
    this.admit();
  }

  private admit(): void {
    for (let next = this.next(); next; next = this.next()) {
      this.busy += 1;
      next();
    }
  }

  private next(): (() => void) | undefined {
    if (this.busy >= this.size) return undefined;
    const isLast = this.busy === this.size - 1;
    return this.urgent.shift() ?? (isLast && this.size > 2 ? undefined : this.usual.shift());
  }
}
