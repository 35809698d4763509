import { advanceJob, type JobLease } from './job.js';
import { REMOVE_ROWS, type SnapshotKind, STORE_ROWS } from './loyalty-snapshot-sql.js';
import { NO_APPLICATION } from './quarantine.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

/** One reading of an export of a loyalty program. */
export interface LoyaltySnapshot {
  readonly lease: JobLease;
  readonly programId: string;
  readonly kind: SnapshotKind;
  /** RFC 3339, on the clock of Postgres before the request was sent. */
  readonly fetchedAt: string;
}

/** A day of a program, and its last second: RFC 3339. */
export interface ProgramDay {
  readonly day: string;
  readonly balanceAt: string;
}

/** In one transaction: some seconds' work of Postgres. */
const MOST_REMOVED = 50_000;

/** Begins a reading; what earlier ones left unfinished is removed. */
export async function beginSnapshot(
  warehouse: Warehouse,
  lease: JobLease,
  programId: string,
  kind: SnapshotKind,
  signal: AbortSignal,
): Promise<LoyaltySnapshot> {
  await removeUnfinished(warehouse, lease, programId, kind, signal);
  return warehouse.transaction(async (client) => {
    await advanceJob(client, lease);
    await client.query(
      'delete from talon_one_loyalty_snapshot where program_id = $1 and kind = $2 and finished_at is null',
      [programId, kind],
    );
    const { rows } = await client.query<{ fetched_at: string }>(
      `insert into talon_one_loyalty_snapshot (program_id, kind, fetched_at) values ($1, $2, clock_timestamp())
       returning ${rfc3339('fetched_at')} as fetched_at`,
      [programId, kind],
    );
    return { lease, programId, kind, fetchedAt: rows[0]?.fetched_at ?? '' };
  });
}

/** Some at a time: one statement for the balances of millions of customers would run into its time limit, every day anew. */
async function removeUnfinished(
  warehouse: Warehouse,
  lease: JobLease,
  programId: string,
  kind: SnapshotKind,
  signal: AbortSignal,
): Promise<void> {
  const statement = REMOVE_ROWS[kind];
  if (statement === undefined) return;
  let removed: number;
  do {
    signal.throwIfAborted();
    removed = await warehouse.transaction(async (client) => {
      await advanceJob(client, lease);
      const { rowCount } = await client.query(statement, [programId, kind, MOST_REMOVED]);
      return rowCount ?? 0;
    });
  } while (removed === MOST_REMOVED);
}

/** Stores some rows of the export; `day` is given for projections. */
export async function writeSnapshotPage(
  warehouse: Warehouse,
  { lease, programId, kind, fetchedAt }: LoyaltySnapshot,
  page: RecordPage,
  day?: ProgramDay,
): Promise<StoreCounts> {
  return storePage(warehouse, page, {
    kind: 'loyalty-export',
    applicationId: NO_APPLICATION,
    fence: (client) => advanceJob(client, lease),
    insert: async (client, text) => {
      const days = day === undefined ? [] : [day.day, day.balanceAt];
      const statement = STORE_ROWS[kind];
      const { rowCount } = await client.query(statement, [programId, fetchedAt, text, ...days]);
      return rowCount ?? 0;
    },
  });
}

/** All rows are stored: the reading counts from now on. */
export async function finishSnapshot(
  warehouse: Warehouse,
  { lease, programId, kind, fetchedAt }: LoyaltySnapshot,
  rowCount: number,
): Promise<void> {
  await warehouse.transaction(async (client) => {
    await advanceJob(client, lease);
    await client.query(
      `update talon_one_loyalty_snapshot set finished_at = clock_timestamp(), row_count = $4
       where program_id = $1 and kind = $2 and fetched_at = $3`,
      [programId, kind, fetchedAt, rowCount],
    );
  });
}

/** Whether there is a complete reading that began at this moment or later (RFC 3339, clock of Postgres). */
export async function hasReadingSince(
  warehouse: Warehouse,
  programId: string,
  kind: SnapshotKind,
  since: string,
): Promise<boolean> {
  const { rowCount } = await warehouse.transaction((client) =>
    client.query(
      `select from talon_one_loyalty_snapshot
       where program_id = $1 and kind = $2 and fetched_at >= $3 and finished_at is not null limit 1`,
      [programId, kind, since],
    ),
  );
  return rowCount === 1;
}

/** Today and the days after it, `count` in all, in the program's time zone (UTC when it is not known). */
export async function comingDays(
  warehouse: Warehouse,
  programId: string,
  count: number,
): Promise<ProgramDay[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ day: string; balance_at: string }>(
      `select to_char(day, 'YYYY-MM-DD') as day, ${rfc3339('balance_at')} as balance_at
       from talon_one_loyalty_days($1, $2) order by day`,
      [programId, count],
    ),
  );
  return rows.map((row) => ({ day: row.day, balanceAt: row.balance_at.replace('.000000Z', 'Z') }));
}
