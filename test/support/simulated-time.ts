/** A clock that stands still until everybody waits, then jumps to the next moment that somebody waits for. */
export class SimulatedTime {
  private nowMs = 0;
  private sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  readonly now = (): number => this.nowMs;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal?.reason);
      const wake = () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      this.sleepers.push({ at: this.nowMs + ms, wake });
      signal?.addEventListener('abort', stop, { once: true });
    });
  };

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    done.catch(() => {});
    for (;;) {
      // Whatever can go on without time passing goes on first.
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone) return done;
      const next = Math.min(...this.sleepers.map((sleeper) => sleeper.at));
      if (next === Number.POSITIVE_INFINITY) throw new Error('nobody waits, and the work is not done');
      this.nowMs = next;
      const due = this.sleepers.filter((sleeper) => sleeper.at <= next);
      this.sleepers = this.sleepers.filter((sleeper) => sleeper.at > next);
      for (const sleeper of due) sleeper.wake();
    }
  }
}
