import { monotonicMs, type Sleep, sleep } from '../clock.js';

/**
 * Waits until a request to `endpoint` may be sent. The returned function says that the server has certainly received
 * it (an answer began, or the attempt failed); calling it again does nothing.
 */
export interface RequestBudget {
  acquire(endpoint: string, signal: AbortSignal, priority?: Priority): Promise<() => void>;
  /** What the server made of a request. */
  answered?(endpoint: string, status: number): void;
}

/**
 * `live` requests keep the tables current and go before those of a `back-fill`: first syncs, exports, daily jobs. Only
 * for a while: a request that has waited long enough is served whatever it is for.
 */
export type Priority = 'live' | 'back-fill';

/** A live request goes before a back-fill's that has waited up to so long. */
export const HEAD_START_MS = 2_000;

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

/** A request that wants a slot; the earliest gets the next one. */
interface Waiting {
  readonly dueMs: number;
}

/**
 * The budget of one process. A slot is taken when a request is sent and becomes free `periodMs` after its answer
 * began. The server saw the request somewhere between the two, so no `slots + 1` requests can reach it within one
 * period, whatever the network does to each of them.
 */
export class LocalBudget implements RequestBudget {
  private readonly freeAt = new Map<string, number[]>();
  private readonly waiting = new Map<string, Waiting[]>();

  constructor(
    private readonly shape: BudgetShape,
    private readonly now: () => number = monotonicMs,
    private readonly wait: Sleep = sleep,
  ) {}

  async acquire(
    endpoint: string,
    signal: AbortSignal,
    priority: Priority = 'back-fill',
  ): Promise<() => void> {
    const turn: Waiting = { dueMs: this.now() + (priority === 'live' ? 0 : HEAD_START_MS) };
    const queue = this.queueOf(endpoint);
    queue.push(turn);
    try {
      for (;;) {
        // As many slots are free as requests are due before this one, and one more.
        const isMyTurn = placeIn(queue, turn) < this.freeSlots(endpoint);
        const taken = isMyTurn ? this.tryTake(endpoint) : this.waitMs(endpoint);
        if (typeof taken === 'function') return taken;
        await this.wait(taken, signal);
      }
    } finally {
      queue.splice(queue.indexOf(turn), 1);
    }
  }

  /** Takes a slot and returns its release, or the milliseconds until the next one may be free. */
  tryTake(endpoint: string): (() => void) | number {
    const slots = this.slotsOf(endpoint);
    const earliest = Math.min(...slots);
    if (earliest > this.now()) return this.waitMs(endpoint);
    const slot = slots.indexOf(earliest);
    slots[slot] = Number.POSITIVE_INFINITY;
    let held = true;
    return () => {
      if (held) slots[slot] = this.now() + this.shape.periodMs;
      held = false;
    };
  }

  private freeSlots(endpoint: string): number {
    return this.slotsOf(endpoint).filter((at) => at <= this.now()).length;
  }

  // A slot in use has no known end; its release comes at the latest with the request's own deadline.
  private waitMs(endpoint: string): number {
    const earliest = Math.min(...this.slotsOf(endpoint));
    return Number.isFinite(earliest) ? Math.max(1, Math.ceil(earliest - this.now())) : 20;
  }

  private queueOf(endpoint: string): Waiting[] {
    const known = this.waiting.get(endpoint);
    if (known) return known;
    const queue: Waiting[] = [];
    this.waiting.set(endpoint, queue);
    return queue;
  }

  private slotsOf(endpoint: string): number[] {
    const known = this.freeAt.get(endpoint);
    if (known) return known;
    const slots = new Array<number>(this.shape.slots).fill(0);
    this.freeAt.set(endpoint, slots);
    return slots;
  }
}

/** How many others go first: those that are due earlier, and of two at once the one that came first. */
function placeIn(queue: readonly Waiting[], turn: Waiting): number {
  const own = queue.indexOf(turn);
  return queue.filter(({ dueMs }, index) => dueMs < turn.dueMs || (dueMs === turn.dueMs && index < own))
    .length;
}
