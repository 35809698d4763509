import type { Simulator } from '../simulator/simulator-handle.js';

const EVENTS_PER_SECOND = 6;
const TICK_MS = 100;

/** How some events of a real API become visible: after newer ones. */
export const LATENESS = { lateShare: 0.1, lateMs: 3_000 };

/** New events, as a shop makes them, until stopped. */
export class Traffic {
  /** Made so far; those that are late are not visible yet. */
  events = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly simulator: Simulator,
    private readonly applicationId: number,
  ) {}

  start(): void {
    this.simulator.set(LATENESS);
    const startedAt = performance.now();
    const before = this.events;
    this.timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1000) * EVENTS_PER_SECOND);
      const missing = due - (this.events - before);
      if (missing > 0) this.events += this.simulator.emit(this.applicationId, missing).length;
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  get eventsPerSecond(): number {
    return EVENTS_PER_SECOND;
  }
}
