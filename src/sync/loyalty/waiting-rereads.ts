import { monotonicMs } from '../../clock.js';
import { hasStatus } from '../../talon-one/api-error.js';
import type { TransactionList } from '../../talon-one/transaction-list.js';
import { waitingTransactions } from '../../warehouse/loyalty-rereads.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import type { JobContext } from '../job.js';

/** Points that wait for an action are looked at this often: no event tells that they were activated. */
const WAITING_EVERY_MS = 3_600_000;

/** Finds the stored transactions of one program whose points waited for an action, and may do so no longer. */
export class WaitingRereads {
  private lookAtMs = 0;
  /** What waits no longer, as the API says; `undefined` when it was not looked at. */
  private found: readonly string[] | undefined;
  /** Read again although the API no longer lists them as waiting: not worth asking again. */
  private readonly settled = new Set<string>();

  constructor(
    private readonly warehouse: Warehouse,
    private readonly list: TransactionList,
  ) {}

  /** UUIDs of those that are to be read again. */
  async due(context: JobContext): Promise<readonly string[]> {
    this.found = undefined;
    if (monotonicMs() < this.lookAtMs) return [];
    const stored = await waitingTransactions(this.warehouse, this.list.programId);
    const unsettled = stored.filter((uuid) => !this.settled.has(uuid));
    this.found = [];
    if (unsettled.length === 0) return [];
    try {
      const waiting = await this.list.waiting(context.requests);
      this.found = unsettled.filter((uuid) => !waiting.has(uuid));
      return this.found;
    } catch (error) {
      // Older deployments may not know the filter: then each is asked for, and none is settled.
      if (!hasStatus(error, 400)) throw error;
      return unsettled;
    }
  }

  /** What was due has been read again and stored. */
  settle(): void {
    if (this.found === undefined) return;
    for (const uuid of this.found) this.settled.add(uuid);
    this.lookAtMs = monotonicMs() + WAITING_EVERY_MS;
  }
}
