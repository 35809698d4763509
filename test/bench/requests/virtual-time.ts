interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock for a program that really waits for Postgres, but for nothing else: it stands still while a transaction is
 * under way or code can go on, and then jumps to the next moment that somebody waits for. A day passes as quickly as its
 * rows are stored.
 */
export class VirtualTime {
  private nowMs = 0;
  private busy = 0;
  private sleepers: Sleeper[] = [];
  private onQuiet: (() => void) | undefined;

  readonly now = (): number => this.nowMs;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const wake = () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const sleeper = { at: this.nowMs + Math.max(0, ms), wake };
      const stop = () => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      this.sleepers.push(sleeper);
      signal?.addEventListener('abort', stop, { once: true });
    });
  };

  /** Runs `work` outside of this time: the clock stands still until it has ended. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.busy += 1;
    try {
      return await work();
    } finally {
      this.busy -= 1;
      if (this.busy === 0) this.onQuiet?.();
    }
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
      this.onQuiet?.();
    });
    done.catch(() => {});
    for (;;) {
      // Whatever can go on without time passing goes on first.
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone) return done;
      if (this.busy > 0) await this.quiet();
      else this.jump();
    }
  }

  private quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.onQuiet = resolve;
    });
  }

  private jump(): void {
    const next = Math.min(...this.sleepers.map((sleeper) => sleeper.at));
    if (next === Number.POSITIVE_INFINITY) throw new Error('nobody waits, and the work is not done');
    this.nowMs = Math.max(this.nowMs, next);
    const due = this.sleepers.filter((sleeper) => sleeper.at <= next);
    this.sleepers = this.sleepers.filter((sleeper) => sleeper.at > next);
    for (const sleeper of due) sleeper.wake();
  }
}
