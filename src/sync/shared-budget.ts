import { createHash } from 'node:crypto';
import { sleep } from '../clock.js';
import type { Logger } from '../logger.js';
import { type BudgetShape, LocalBudget, type RequestBudget } from '../talon-one/request-budget.js';
import { type HeldSlot, releaseSlot, type SlotRequest, takeSlot } from '../warehouse/request-slots.js';
import { isConnectionFailure, isReadOnly, isTimeout } from '../warehouse/sqlstate.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** Postgres is there, but busy. */
const BUSY_PAUSE_MS = 200;

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
 * beside it and always asked first: while Postgres is away it is the one that holds.
 */
export class SharedBudget implements RequestBudget {
  private readonly local: LocalBudget;
  private readonly budget: string;
  private isAway = false;

  constructor(private readonly options: SharedBudgetOptions) {
    this.local = new LocalBudget(options.shape);
    const identity = `${options.baseUrl}\n${options.apiKey}`;
    this.budget = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  }

  async acquire(endpoint: string, signal: AbortSignal): Promise<() => void> {
    const counted = this.options.scope === 'key' ? '*' : endpoint;
    const releaseLocal = await this.local.acquire(counted, signal);
    const { shape, requestTimeoutMs } = this.options;
    const request: SlotRequest = {
      budget: this.budget,
      endpoint: counted,
      slots: shape.slots,
      holdMs: requestTimeoutMs + shape.periodMs,
    };
    try {
      const slot = await this.take(request, signal);
      let isHeld = true;
      return () => {
        releaseLocal();
        if (isHeld && slot !== undefined) void this.release(request, slot);
        isHeld = false;
      };
    } catch (error) {
      releaseLocal();
      throw error;
    }
  }

  /** `undefined`: Postgres is away or read-only, the process's own budget has to do. Other trouble with it passes, or is an error. */
  private async take(request: SlotRequest, signal: AbortSignal): Promise<HeldSlot | undefined> {
    for (;;) {
      signal.throwIfAborted();
      let waitMs = BUSY_PAUSE_MS;
      try {
        const answer = await takeSlot(this.options.warehouse, request);
        this.noteAway(undefined);
        if ('slot' in answer) return answer;
        waitMs = answer.waitMs;
      } catch (error) {
        if (isConnectionFailure(error) || isReadOnly(error)) {
          this.noteAway(error);
          return undefined;
        }
        if (!isTimeout(error)) throw error;
      }
      await sleep(waitMs, signal);
    }
  }

  // Nobody waits for this: if it is lost, the slot opens by itself when the request must have ended.
  private async release(request: SlotRequest, slot: HeldSlot): Promise<void> {
    try {
      await releaseSlot(this.options.warehouse, request, slot, this.options.shape.periodMs);
    } catch (error) {
      this.noteAway(error);
    }
  }

  private noteAway(error: unknown): void {
    const isAway = error !== undefined;
    if (isAway && !this.isAway) {
      this.options.log.info({ err: error }, 'request budget is not shared while Postgres is away');
    }
    this.isAway = isAway;
  }
}
