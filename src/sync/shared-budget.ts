import { createHash } from 'node:crypto';
import { monotonicMs, sleep } from '../clock.js';
import type { Logger } from '../logger.js';
import { type BudgetShape, LocalBudget, type RequestBudget } from '../talon-one/request-budget.js';
import { type HeldSlot, releaseSlot, type SlotRequest, takeSlot } from '../warehouse/request-slots.js';
import { isConnectionFailure, isReadOnly, isTimeout } from '../warehouse/sqlstate.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** Postgres is busy, or away for the moment. */
const PAUSE_MS = 200;

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
 * beside it and always asked first.
 *
 * While Postgres is away nobody knows what the others send. So a process waits until every request that another one had
 * under way must have ended: most outages are over by then, and without Postgres nothing can be stored anyway. After
 * that it goes on with a single slot, so that as many processes as the limit has slots stay within it together; and once
 * Postgres is back it waits for those that have not noticed yet.
 */
export class SharedBudget implements RequestBudget {
  private readonly local: LocalBudget;
  private readonly alone: LocalBudget;
  private readonly budget: string;
  private readonly patienceMs: number;
  private awaySinceMs: number | undefined;
  private isAlone = false;

  constructor(private readonly options: SharedBudgetOptions) {
    const { shape } = options;
    this.local = new LocalBudget(shape);
    this.alone = new LocalBudget({ ...shape, slots: 1 });
    this.patienceMs = options.requestTimeoutMs + shape.periodMs;
    const identity = `${options.baseUrl}\n${options.apiKey}`;
    this.budget = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  }

  async acquire(endpoint: string, signal: AbortSignal): Promise<() => void> {
    const counted = this.options.scope === 'key' ? '*' : endpoint;
    const releaseLocal = await this.local.acquire(counted, signal);
    try {
      const release = await this.acquireShared(counted, signal);
      return () => {
        releaseLocal();
        release();
      };
    } catch (error) {
      releaseLocal();
      throw error;
    }
  }

  private async acquireShared(counted: string, signal: AbortSignal): Promise<() => void> {
    const { shape } = this.options;
    const request: SlotRequest = {
      budget: this.budget,
      endpoint: counted,
      slots: shape.slots,
      holdMs: this.patienceMs,
    };
    const slot = await this.take(request, signal);
    if (slot === undefined) return this.alone.acquire(counted, signal);
    let isHeld = true;
    return () => {
      if (isHeld) void this.release(request, slot);
      isHeld = false;
    };
  }

  /** `undefined`: Postgres is away or read-only for long. Other trouble with it passes, or is an error. */
  private async take(request: SlotRequest, signal: AbortSignal): Promise<HeldSlot | undefined> {
    for (;;) {
      signal.throwIfAborted();
      let waitMs = PAUSE_MS;
      try {
        const answer = await takeSlot(this.options.warehouse, request);
        const wasAlone = this.isAlone;
        this.noteBack();
        // Others may be alone for one more request, and begin it a period from now.
        if (wasAlone) await sleep(2 * this.options.shape.periodMs, signal);
        else if ('slot' in answer) return answer;
        else waitMs = answer.waitMs;
      } catch (error) {
        if (isConnectionFailure(error) || isReadOnly(error)) {
          this.noteAway(error);
          if (this.isAlone) return undefined;
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
    this.awaySinceMs ??= monotonicMs();
    if (this.isAlone || monotonicMs() - this.awaySinceMs < this.patienceMs) return;
    this.isAlone = true;
    this.options.log.info({ err: error }, 'request budget is not shared while Postgres is away');
  }

  private noteBack(): void {
    this.awaySinceMs = undefined;
    this.isAlone = false;
  }
}
