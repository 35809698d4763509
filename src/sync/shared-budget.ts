import { createHash, randomUUID } from 'node:crypto';
import { monotonicMs, sleep } from '../clock.js';
import { isOver, type Refused } from '../granted-rate.js';
import type { Logger } from '../logger.js';
import type { BudgetShape, Priority, RequestBudget } from '../talon-one/request-budget.js';
import { forgetRefusals, noteRefusal } from '../warehouse/granted-rates.js';
import {
  type HeldSlot,
  holdSlots,
  leaveQueue,
  releaseSlot,
  type SlotRequest,
  takeSlot,
} from '../warehouse/request-slots.js';
import { isConnectionFailure, isReadOnly, isTimeout } from '../warehouse/sqlstate.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { SlotKeeper } from './slot-keeper.js';
import { Turnstile } from './turnstile.js';

// Why no second sees more requests than there are slots, as the server counts them. A slot is held from before its request
// is sent, and closed for a period after the answer began: the server saw the request in between. While it runs the slot
// is held on, every second for HOLD_MS and a period, so in ordinary times nothing is assumed of the network.
//
// A process that dies, is stopped (SIGSTOP), or cannot reach Postgres any more does not hold on, and its slots go to others
// at the earliest HOLD_MS - EXTEND_MS and a period after it last could. What it had sent by then is in the hands of the
// network, whether the process runs or not; so the one assumption is that a request reaches the server within HOLD_MS
// less EXTEND_MS less the time that a statement takes, or not at all. What it had not sent yet it must not send when
// it goes on: a slot that was asked for more than SLACK_MS ago is given back unused, and a connection that was not made in
// time is not used (talon-one/http.ts).

/** Postgres is busy, or away for the moment. */
const PAUSE_MS = 200;
/** The longest that may pass between taking a slot and sending the request: somebody stopped the process meanwhile. */
const SLACK_MS = 1_000;
/** Beyond one period. */
const HOLD_MS = 4_000;
const EXTEND_MS = 1_000;
/** Requests of a kind that queue up at the same time: enough to be seen by others, few enough to spare Postgres. */
const AT_A_TIME = 3;
const FORGET_EVERY_MS = 5_000;

export interface SharedBudgetOptions {
  readonly warehouse: Warehouse;
  readonly shape: BudgetShape;
  /** `endpoint`: a budget for each; `key`: one for all. */
  readonly scope: 'endpoint' | 'key';
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly requestTimeoutMs: number;
  readonly log: Logger;
  /** Told, of all processes to one, when the server begins to grant less and when that is over. */
  readonly onChange?: (isLess: boolean, endpoint: string) => void;
  /** What the server grants, in requests a second by now; `undefined`: nothing was refused lately. */
  readonly onRate?: (endpoint: string, rate: number | undefined) => void;
}

/**
 * The request budget of every process that uses the same key with the same database: slots, queue and what the server
 * grants are in Postgres. Of a process only a few requests of each kind queue up there at a time.
 *
 * While Postgres is away nobody knows what the others send, so nothing is sent: what came back could not be stored
 * anyway. It is waited for as long as a request may take, then the work at hand fails and is tried again later.
 */
export class SharedBudget implements RequestBudget {
  private readonly budget: string;
  private readonly patienceMs: number;
  private readonly holdMs: number;
  /** Requests a second. */
  private readonly limit: number;
  private readonly keeper: SlotKeeper;
  private readonly turnstiles = new Map<string, Turnstile>();
  private readonly refused = new Map<string, Refused>();
  private forgotMs = Number.NEGATIVE_INFINITY;
  private isAway = false;

  constructor(private readonly options: SharedBudgetOptions) {
    const { warehouse, shape, requestTimeoutMs, baseUrl, apiKey } = options;
    this.patienceMs = requestTimeoutMs + shape.periodMs;
    this.holdMs = HOLD_MS + shape.periodMs;
    this.limit = (shape.slots * 1000) / shape.periodMs;
    this.budget = createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, 16);
    this.keeper = new SlotKeeper(
      (holders) => holdSlots(warehouse, this.budget, holders, this.holdMs),
      EXTEND_MS,
    );
  }

  /** @throws the error of the connection when Postgres has been away or read-only for longer than a request may take */
  async acquire(endpoint: string, signal: AbortSignal, priority?: Priority): Promise<() => void> {
    this.forgetWhatIsOver();
    const counted = this.counted(endpoint);
    const leave = await this.turnstile(`${priority === 'live'} ${counted}`).enter(signal);
    const { slots } = this.options.shape;
    const request: SlotRequest = { budget: this.budget, endpoint: counted, slots, holdMs: this.holdMs };
    try {
      const slot = await this.take(request, priority === 'live', signal);
      this.keeper.add(slot.holder);
      let isHeld = true;
      return () => {
        if (isHeld) void this.release(request, slot);
        isHeld = false;
      };
    } finally {
      leave();
    }
  }

  answered(endpoint: string, status: number, retryAfterMs = 0): void {
    if (status === 429) void this.noteRefusal(this.counted(endpoint), retryAfterMs);
  }

  private async take(request: SlotRequest, isLive: boolean, signal: AbortSignal): Promise<HeldSlot> {
    const name = randomUUID();
    let awaySinceMs: number | undefined;
    try {
      // A live request is seen by others at once, a back-fill's when it has to wait twice: that costs two rows more.
      for (let queues = isLive; ; queues = true) {
        signal.throwIfAborted();
        let waitMs = PAUSE_MS;
        const askedMs = monotonicMs();
        try {
          const answer = await takeSlot(this.options.warehouse, request, { name, isLive, queues });
          this.isAway = false;
          awaySinceMs = undefined;
          this.noteRate(request.endpoint, answer.rate);
          if (!('slot' in answer)) waitMs = answer.waitMs;
          else if (monotonicMs() - askedMs <= SLACK_MS) return answer;
          // Too old to be used: it may have opened for somebody else before our request is received.
          else void this.release(request, answer);
        } catch (error) {
          if (isConnectionFailure(error) || isReadOnly(error)) {
            this.noteAway(error);
            awaySinceMs ??= monotonicMs();
            if (monotonicMs() - awaySinceMs > this.patienceMs) throw error;
          } else if (!isTimeout(error)) throw error;
        }
        await sleep(waitMs, signal);
      }
    } catch (error) {
      void leaveQueue(this.options.warehouse, request, name).catch(() => {});
      throw error;
    }
  }

  // Nobody waits for this: if it is lost, the slot opens by itself after a while.
  private async release(request: SlotRequest, slot: HeldSlot): Promise<void> {
    this.keeper.remove(slot.holder);
    try {
      await releaseSlot(this.options.warehouse, request, slot, this.options.shape.periodMs);
    } catch {
      // As said above.
    }
  }

  // Nobody waits for this either: the next refusal says it again.
  private async noteRefusal(endpoint: string, retryAfterMs: number): Promise<void> {
    const { warehouse, onChange } = this.options;
    const { budget, limit } = this;
    try {
      await this.forget();
      const { rate, isFirst } = await noteRefusal(warehouse, { budget, endpoint, limit, retryAfterMs });
      this.noteRate(endpoint, rate);
      if (isFirst) onChange?.(true, endpoint);
    } catch {
      // As said above.
    }
  }

  private noteRate(endpoint: string, rate: number | null): void {
    const known = this.refused.get(endpoint);
    if (rate === null && known === undefined) return;
    if (rate === null) this.refused.delete(endpoint);
    else if (!known || rate < this.limit) this.refused.set(endpoint, { rate, refusedMs: monotonicMs() });
    this.options.onRate?.(endpoint, rate ?? undefined);
  }

  // With time, whichever endpoint is used next: a daily export would not come back to its own for a day.
  private forgetWhatIsOver(): void {
    const nowMs = monotonicMs();
    if (nowMs - this.forgotMs < FORGET_EVERY_MS) return;
    if (![...this.refused.values()].some((refused) => isOver(refused, this.limit, nowMs))) return;
    this.forgotMs = nowMs;
    // Postgres is away: it is tried again soon.
    void this.forget().catch(() => {});
  }

  private async forget(): Promise<void> {
    const { warehouse, onChange } = this.options;
    const { over, left } = await forgetRefusals(warehouse, this.budget, this.limit);
    for (const endpoint of this.refused.keys()) if (!left.includes(endpoint)) this.noteRate(endpoint, null);
    const [last] = over;
    if (last !== undefined && left.length === 0) onChange?.(false, last);
  }

  private turnstile(name: string): Turnstile {
    const known = this.turnstiles.get(name);
    if (known) return known;
    const turnstile = new Turnstile(AT_A_TIME);
    this.turnstiles.set(name, turnstile);
    return turnstile;
  }

  private counted(endpoint: string): string {
    return this.options.scope === 'key' ? '*' : endpoint;
  }

  private noteAway(error: unknown): void {
    if (!this.isAway) this.options.log.info({ err: error }, 'requests wait for Postgres, which counts them');
    this.isAway = true;
  }
}
