import { formatInstant, type Instant } from '../instant.js';
import type { Lease } from './cursor.js';
import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

export type CycleOutcome = 'caught-up' | 'behind' | 'stopped' | 'failed' | 'unauthorised' | 'lease-lost';

/** What one cycle did; the row of talon_one_sync_cycle and the log line have the same figures. */
export interface CycleRecord {
  readonly cycleId: string;
  readonly durationMs: number;
  readonly outcome: CycleOutcome;
  readonly windowFrom: Instant | undefined;
  readonly windowTo: Instant | undefined;
  readonly pages: number;
  readonly requests: number;
  readonly retries: number;
  readonly eventsNew: number;
  readonly eventsRepeated: number;
  readonly profileSnapshots: number;
  readonly sessionSnapshots: number;
  readonly quarantined: number;
  readonly owed: number | undefined;
  /** Everything up to here was stored at the end; `undefined`: the cycle could not tell. */
  readonly completeThrough: Instant | undefined;
  readonly error: string | undefined;
}

/** Writes the record of a cycle that has ended. Needs no lease: it also tells of cycles that lost theirs. */
export async function insertCycle(client: Client, lease: Lease, record: CycleRecord): Promise<void> {
  await client.query(
    `insert into talon_one_sync_cycle
       (cycle_id, application_id, fence, owner, started_at, duration_ms, outcome, window_from, window_to, pages, requests,
        retries, events_new, events_repeated, profile_snapshots, session_snapshots, quarantined, owed, error, complete_through)
     values ($1, $2, $3, $4, clock_timestamp() - $5::bigint * interval '1 ms', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
       $15, $16, $17, $18, $19)
     on conflict do nothing`,
    [
      record.cycleId,
      lease.applicationId,
      lease.fence,
      lease.owner,
      Math.round(record.durationMs),
      record.outcome,
      record.windowFrom === undefined ? null : formatInstant(record.windowFrom),
      record.windowTo === undefined ? null : formatInstant(record.windowTo),
      record.pages,
      record.requests,
      record.retries,
      record.eventsNew,
      record.eventsRepeated,
      record.profileSnapshots,
      record.sessionSnapshots,
      record.quarantined,
      record.owed ?? null,
      record.error?.replaceAll('\0', '').slice(0, 1000) ?? null,
      record.completeThrough === undefined ? null : formatInstant(record.completeThrough),
    ],
  );
}

/** Deletes records older than 30 days. */
export async function pruneCycles(warehouse: Warehouse): Promise<void> {
  await warehouse.transaction((client) =>
    client.query(
      `delete from talon_one_sync_cycle where started_at < clock_timestamp() - interval '30 days'`,
    ),
  );
}
