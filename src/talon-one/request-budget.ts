import { monotonicMs, type Sleep, sleep } from '../clock.js';

/**
 * Waits until a request to `endpoint` may be sent. The returned function says that the server has certainly received
 * it (an answer began, or the attempt failed); calling it again does nothing.
 */
export interface RequestBudget {
  acquire(endpoint: string, signal: AbortSignal, priority?: Priority): Promise<() => void>;
  /** What the server made of a request. @param retryAfterMs how long it asks to be left alone, in milliseconds */
  answered?(endpoint: string, status: number, retryAfterMs?: number): void;
  /** From now on requests go no faster than `paceOf` says. */
  paceBy?(paceOf: PaceOf): void;
}

/**
 * `live` requests keep the tables current and go before those of a `back-fill`: first syncs, exports, daily jobs. Where
 * both wait, two live ones go for each of a back-fill, so that neither waits for long.
 */
export type Priority = 'live' | 'back-fill';

/** So many live requests go, while such wait, before one of a back-fill that waits as well. */
export const LIVE_TURNS = 2;

/** What the server grants at the moment. */
export interface Pace {
  /** Requests a second. */
  readonly rate: number;
  /** Nothing is sent before, on the clock of the budget. */
  readonly fromMs: number;
}

/** `undefined`: the whole limit. */
export type PaceOf = (endpoint: string) => Pace | undefined;

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

/** A request that wants a slot. */
interface Waiting {
  readonly isLive: boolean;
}

interface Lane {
  /** When each slot is free again; infinite while its request is under way. */
  readonly freeAt: number[];
  /** In the order in which they came. */
  readonly waiting: Waiting[];
  /** Live requests in a row that were let go, up to LIVE_TURNS. */
  liveRun: number;
}

/**
 * The budget of one process. A slot is taken when a request is sent and becomes free `periodMs` after its answer
 * began. The server saw the request somewhere between the two, so no `slots + 1` requests can reach it within one
 * period, whatever the network does to each of them. At a lower pace there are fewer slots, and they stay closed for longer.
 */
export class LocalBudget implements RequestBudget {
  private readonly lanes = new Map<string, Lane>();
  private paceOf: PaceOf = () => undefined;

  constructor(
    private readonly shape: BudgetShape,
    private readonly now: () => number = monotonicMs,
    private readonly wait: Sleep = sleep,
  ) {}

  paceBy(paceOf: PaceOf): void {
    this.paceOf = paceOf;
  }

  async acquire(
    endpoint: string,
    signal: AbortSignal,
    priority: Priority = 'back-fill',
  ): Promise<() => void> {
    const turn: Waiting = { isLive: priority === 'live' };
    const lane = this.laneOf(endpoint);
    lane.waiting.push(turn);
    try {
      for (;;) {
        // As many slots are free as requests go before this one, and one more.
        const isMyTurn = placeIn(lane, turn) < this.freeSlots(endpoint);
        const taken = isMyTurn ? this.tryTake(endpoint) : this.waitMs(endpoint);
        if (typeof taken === 'function') {
          lane.liveRun = turn.isLive ? Math.min(LIVE_TURNS, lane.liveRun + 1) : 0;
          return taken;
        }
        await this.wait(taken, signal);
      }
    } finally {
      lane.waiting.splice(lane.waiting.indexOf(turn), 1);
    }
  }

  /** Takes a slot and returns its release, or the milliseconds until the next one may be free. */
  tryTake(endpoint: string): (() => void) | number {
    if (this.freeSlots(endpoint) === 0) return this.waitMs(endpoint);
    const { freeAt } = this.laneOf(endpoint);
    const slot = freeAt.indexOf(Math.min(...this.usable(endpoint)));
    freeAt[slot] = Number.POSITIVE_INFINITY;
    let held = true;
    return () => {
      if (held) freeAt[slot] = this.now() + this.closedMs(endpoint);
      held = false;
    };
  }

  private freeSlots(endpoint: string): number {
    if ((this.paceOf(endpoint)?.fromMs ?? 0) > this.now()) return 0;
    return this.usable(endpoint).filter((at) => at <= this.now()).length;
  }

  // A slot in use has no known end; its release comes at the latest with the request's own deadline.
  private waitMs(endpoint: string): number {
    const earliest = Math.max(Math.min(...this.usable(endpoint)), this.paceOf(endpoint)?.fromMs ?? 0);
    return Number.isFinite(earliest) ? Math.max(1, Math.ceil(earliest - this.now())) : 20;
  }

  private usable(endpoint: string): number[] {
    return this.laneOf(endpoint).freeAt.slice(0, this.slotsAt(this.paceOf(endpoint)));
  }

  private closedMs(endpoint: string): number {
    const pace = this.paceOf(endpoint);
    return Math.max(this.shape.periodMs, pace ? (1000 * this.slotsAt(pace)) / pace.rate : 0);
  }

  private slotsAt(pace: Pace | undefined): number {
    return Math.min(this.shape.slots, Math.ceil(pace?.rate ?? this.shape.slots));
  }

  private laneOf(endpoint: string): Lane {
    const known = this.lanes.get(endpoint);
    if (known) return known;
    const lane: Lane = { freeAt: new Array<number>(this.shape.slots).fill(0), waiting: [], liveRun: 0 };
    this.lanes.set(endpoint, lane);
    return lane;
  }
}

/** How many others go first: of those that wait, two live ones for each of a back-fill. */
function placeIn({ waiting, liveRun }: Lane, turn: Waiting): number {
  const same = waiting.filter(({ isLive }) => isLive === turn.isLive);
  const before = same.indexOf(turn);
  const others = waiting.length - same.length;
  const due = turn.isLive
    ? Math.floor((liveRun + before) / LIVE_TURNS)
    : LIVE_TURNS - liveRun + LIVE_TURNS * before;
  return before + Math.min(others, due);
}
