const SECOND_MS = 1000;

/** Counts what happened in the second before now. Two moments exactly a second apart do not meet in one window. */
export class SlidingWindow {
  private readonly times: number[] = [];
  /** The largest number ever seen in any sliding second. */
  peak = 0;

  count(now: number): number {
    while (this.times.length > 0 && (this.times[0] as number) <= now - SECOND_MS) this.times.shift();
    return this.times.length;
  }

  add(now: number): void {
    this.times.push(now);
    this.peak = Math.max(this.peak, this.count(now));
  }

  /** When the oldest counted moment leaves the window. */
  freeAt(now: number): number {
    return this.count(now) === 0 ? now : (this.times[0] as number) + SECOND_MS;
  }
}

/** One window for each name, made when first asked for. */
export class SlidingWindows {
  private readonly windows = new Map<string, SlidingWindow>();

  get(name: string): SlidingWindow {
    const known = this.windows.get(name);
    if (known !== undefined) return known;
    const window = new SlidingWindow();
    this.windows.set(name, window);
    return window;
  }

  peaks(): Record<string, number> {
    return Object.fromEntries([...this.windows].map(([name, window]) => [name, window.peak]));
  }

  clear(): void {
    this.windows.clear();
  }
}
