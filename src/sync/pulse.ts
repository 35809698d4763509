import { sleep } from '../clock.js';

/** A wait that ends early when something happens elsewhere in the process; beats between two waits are not lost. */
export class Pulse {
  private waiting: AbortController | undefined;
  private hasBeaten = false;

  beat(): void {
    this.hasBeaten = true;
    this.waiting?.abort();
  }

  /** Waits `ms` milliseconds, or until a beat or the signal; never rejects. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.hasBeaten || signal.aborted) {
      this.hasBeaten = false;
      return;
    }
    const controller = new AbortController();
    const stop = () => controller.abort();
    signal.addEventListener('abort', stop, { once: true });
    this.waiting = controller;
    await sleep(ms, controller.signal).catch(() => {});
    signal.removeEventListener('abort', stop);
    this.waiting = undefined;
    this.hasBeaten = false;
  }
}
