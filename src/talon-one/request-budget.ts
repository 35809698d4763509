import { monotonicMs, type Sleep, sleep } from '../clock.js';

/**
 * Waits until a request to `endpoint` may be sent. The returned function says that the server has certainly received
 * it (an answer began, or the attempt failed); calling it again does nothing.
 */
export interface RequestBudget {
  acquire(endpoint: string, signal: AbortSignal): Promise<() => void>;
}

/** How a limit of requests per second is divided: `slots` requests, each blocking its slot for `periodMs` afterwards. */
export interface BudgetShape {
  readonly slots: number;
  readonly periodMs: number;
}

/**
 * The shape for a limit in any sliding second. Fractions above 1 are cut (2.5 gives 2): more slots with a shorter
 * period would let a burst exceed the limit inside one second.
 */
export function budgetShape(requestsPerSecond: number): BudgetShape | undefined {
  if (requestsPerSecond <= 0) return undefined;
  if (requestsPerSecond < 1) return { slots: 1, periodMs: 1000 / requestsPerSecond };
  return { slots: Math.floor(requestsPerSecond), periodMs: 1000 };
}

/** No limit at all (REQUESTS_PER_SECOND=0). */
export const unlimitedBudget: RequestBudget = {
  acquire: async (_endpoint, signal) => {
    signal.throwIfAborted();
    return () => {};
  },
};

/**
 * The budget of one process. A slot is taken when a request is sent and becomes free `periodMs` after its answer
 * began. The server saw the request somewhere between the two, so no `slots + 1` requests can reach it within one
 * period, whatever the network does to each of them.
 */
export class LocalBudget implements RequestBudget {
  private readonly freeAt = new Map<string, number[]>();

  constructor(
    private readonly shape: BudgetShape,
    private readonly now: () => number = monotonicMs,
    private readonly wait: Sleep = sleep,
  ) {}

  async acquire(endpoint: string, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      const taken = this.tryTake(endpoint);
      if (typeof taken === 'function') return taken;
      await this.wait(taken, signal);
    }
  }

  /** Takes a slot and returns its release, or the milliseconds until the next one may be free. */
  tryTake(endpoint: string): (() => void) | number {
    const slots = this.slotsOf(endpoint);
    const earliest = Math.min(...slots);
    const now = this.now();
    // A slot in use has no known end; its release comes at the latest with the request's own deadline.
    if (earliest > now) return Number.isFinite(earliest) ? Math.ceil(earliest - now) : 20;
    const slot = slots.indexOf(earliest);
    slots[slot] = Number.POSITIVE_INFINITY;
    let held = true;
    return () => {
      if (held) slots[slot] = this.now() + this.shape.periodMs;
      held = false;
    };
  }

  private slotsOf(endpoint: string): number[] {
    const known = this.freeAt.get(endpoint);
    if (known) return known;
    const slots = new Array<number>(this.shape.slots).fill(0);
    this.freeAt.set(endpoint, slots);
    return slots;
  }
}
