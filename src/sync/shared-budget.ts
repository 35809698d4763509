import { createHash, randomUUID } from 'node:crypto';
import { monotonicMs, sleep } from '../clock.js';
import type { Logger } from '../logger.js';
import {
  type BudgetShape,
  HEAD_START_MS,
  LocalBudget,
  type Priority,
  type RequestBudget,
} from '../talon-one/request-budget.js';
import { type HeldSlot, releaseSlot, type SlotRequest, takeSlot } from '../warehouse/request-slots.js';
import { isConnectionFailure, isReadOnly, isTimeout } from '../warehouse/sqlstate.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** Postgres is busy, or away for the moment. */
const PAUSE_MS = 200;
/** The longest that may pass between taking a slot and sending the request: somebody stopped the process meanwhile. */
const SLACK_MS = 1_000;

export interface SharedBudgetOptions {
  readonly warehouse: Warehouse;
  readonly shape: BudgetShape;
  /** `endpoint`: a budget for each; `key`: one for all. */
  readonly scope: 'endpoint' | 'key';
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly requestTimeoutMs: number;
  readonly log: Logger;
}

/**
 * The request budget of every process that uses the same key with the same database. The process's own budget is kept
 * beside it and always asked first, which spares Postgres most of the waiting.
 *
 * While Postgres is away nobody knows what the others send, so nothing is sent: what came back could not be stored
 * anyway. It is waited for as long as a request may take, then the work at hand fails and is tried again later.
 */
export class SharedBudget implements RequestBudget {
  private readonly local: LocalBudget;
  private readonly budget: string;
  private readonly patienceMs: number;
  private isAway = false;

  constructor(private readonly options: SharedBudgetOptions) {
    this.local = new LocalBudget(options.shape);
    this.patienceMs = options.requestTimeoutMs + options.shape.periodMs;
    const identity = `${options.baseUrl}\n${options.apiKey}`;
    this.budget = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  }

  /** @throws the error of the connection when Postgres has been away or read-only for longer than a request may take */
  async acquire(endpoint: string, signal: AbortSignal, priority?: Priority): Promise<() => void> {
    const counted = this.options.scope === 'key' ? '*' : endpoint;
    const releaseLocal = await this.local.acquire(counted, signal, priority);
    const request: SlotRequest = {
      budget: this.budget,
      endpoint: counted,
      slots: this.options.shape.slots,
      holdMs: this.patienceMs + SLACK_MS,
    };
    try {
      const slot = await this.take(request, priority === 'live' ? 0 : HEAD_START_MS, signal);
      let isHeld = true;
      return () => {
        releaseLocal();
        if (isHeld) void this.release(request, slot);
        isHeld = false;
      };
    } catch (error) {
      releaseLocal();
      throw error;
    }
  }

  private async take(request: SlotRequest, headStartMs: number, signal: AbortSignal): Promise<HeldSlot> {
    const name = randomUUID();
    let awaySinceMs: number | undefined;
    for (let hasWaited = false; ; hasWaited = true) {
      signal.throwIfAborted();
      let waitMs = PAUSE_MS;
      const askedMs = monotonicMs();
      try {
        const answer = await takeSlot(this.options.warehouse, request, { name, headStartMs, hasWaited });
        this.isAway = false;
        awaySinceMs = undefined;
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
  }

  // Nobody waits for this: if it is lost, the slot opens by itself when the request must have ended.
  private async release(request: SlotRequest, slot: HeldSlot): Promise<void> {
    try {
      await releaseSlot(this.options.warehouse, request, slot, this.options.shape.periodMs);
    } catch {
      // As said above.
    }
  }

  private noteAway(error: unknown): void {
    if (!this.isAway) this.options.log.info({ err: error }, 'requests wait for Postgres, which counts them');
    this.isAway = true;
  }
}
