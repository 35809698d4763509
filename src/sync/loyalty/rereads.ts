import { monotonicMs } from '../../clock.js';
import { type Instant, secondsBetween } from '../../instant.js';
import type { TransactionList } from '../../talon-one/transaction-list.js';
import { changedByEffects, type EventMarks, waitingTransactions } from '../../warehouse/loyalty-rereads.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import type { JobContext } from '../job.js';

/** Points that wait for an action are looked at this often: no event tells that they were activated. */
const WAITING_EVERY_MS = 3_600_000;

/** Finds the stored transactions of one program that are to be read again, because they may say something else by now. */
export class Rereads {
  private lookAtMs = 0;
  /** Read again without a change although the API no longer lists them as waiting: not worth asking again. */
  private readonly settled = new Set<string>();

  constructor(
    private readonly warehouse: Warehouse,
    private readonly list: TransactionList,
  ) {}

  /** UUIDs of transactions that effects of events since `marks` have changed, and of those that wait no longer. */
  async due(marks: EventMarks, lookback: Instant, context: JobContext): Promise<string[]> {
    const lookbackSeconds = secondsBetween(0n, lookback);
    const changed = await changedByEffects(this.warehouse, this.list.programId, marks, lookbackSeconds);
    return [...new Set([...changed, ...(await this.activated(context))])];
  }

  private async activated(context: JobContext): Promise<string[]> {
    if (monotonicMs() < this.lookAtMs) return [];
    const stored = await waitingTransactions(this.warehouse, this.list.programId);
    const unsettled = stored.filter((uuid) => !this.settled.has(uuid));
    const waiting = unsettled.length === 0 ? new Set() : await this.list.waiting(context.requests);
    const gone = unsettled.filter((uuid) => !waiting.has(uuid));
    for (const uuid of gone) this.settled.add(uuid);
    this.lookAtMs = monotonicMs() + WAITING_EVERY_MS;
    return gone;
  }
}
