import { LeaseLostError } from '../errors.js';
import { formatInstant, type Instant, parseInstant } from '../instant.js';
import {
  type HeldLease,
  type LeaseOptions,
  type LeaseTable,
  leaveRows,
  millisecondsUntilRow,
  renewRows,
  takeRow,
} from './lease.js';
import type { Client } from './pool.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// One row per Application holds its cursor and its lease (lease.ts). Every writing transaction begins with
// `advanceCursor`, which locks the row and finds nothing when the fence has moved on.

// Read close to its end lately: longer ago than the longest pause after a failure is behind. A server without a clock says
// only that it was read to its end.
const IS_LIVE = `coalesce(read_until > clock_timestamp() - interval '15 minutes', status = 'up-to-date')`;

const CURSORS: LeaseTable = {
  name: 'talon_one_sync_cursor',
  key: 'application_id',
  keyType: 'bigint',
  dueAt: 'next_cycle_at',
  isPressing: IS_LIVE,
};

/** The right to write one Application, until it expires or somebody with a higher fence has it. */
export interface Lease extends HeldLease {
  readonly applicationId: string;
}

/** What the cursor row said when the lease was taken. */
export interface CursorState {
  readonly lastSync: Instant;
  readonly readUntil: Instant | undefined;
  /** It was up to date lately; otherwise this is a first sync, or one after a long absence. */
  readonly isLive: boolean;
  readonly failures: number;
}

export interface LeasedCursor {
  readonly lease: Lease;
  readonly cursor: CursorState;
  /** For how long the next of the other Applications has been due and free, in milliseconds; 0 when none is. */
  readonly othersWaitMs: number;
}

export interface ApplicationRow {
  readonly id: string;
  readonly name: string | undefined;
  readonly created: Instant | undefined;
  /** lastSync of a new cursor; without effect on one that exists. */
  readonly start: Instant;
}

/**
 * Makes sure that each Application has a cursor, and refreshes names. Rows that need nothing are not touched: an upsert
 * would lock them, and wait for the page that holds each.
 */
export async function ensureCursors(
  warehouse: Warehouse,
  applications: readonly ApplicationRow[],
): Promise<void> {
  if (applications.length === 0) return;
  await warehouse.transaction((client) =>
    client.query(
      `insert into talon_one_sync_cursor (application_id, application_name, application_created, last_sync, first_sync)
       select id, name, created, start, start
       from json_to_recordset($1) as a(id bigint, name text, created timestamptz, start timestamptz)
       left join talon_one_sync_cursor c on c.application_id = id
       where c.application_id is null
         or (c.application_name, c.application_created) is distinct from (name, coalesce(created, c.application_created))
       order by id
       on conflict (application_id) do update
         set application_name = excluded.application_name,
             application_created = coalesce(excluded.application_created, talon_one_sync_cursor.application_created)`,
      [
        JSON.stringify(
          applications.map(({ id, name, created, start }) => ({
            id,
            name: name?.replaceAll('\0', ''),
            created: created === undefined ? undefined : formatInstant(created),
            start: formatInstant(start),
          })),
        ),
      ],
    ),
  );
}

/** IDs of those among `ids` that have a cursor already. */
export async function knownApplications(warehouse: Warehouse, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ application_id: string }>(
      'select application_id from talon_one_sync_cursor where application_id = any($1::bigint[])',
      [ids],
    ),
  );
  return new Set(rows.map((row) => row.application_id));
}

export interface TakeOptions extends LeaseOptions {
  readonly applicationIds: readonly string[];
}

/**
 * Takes the lease of one Application that is due and that nobody holds, the longest due first; `undefined` when there
 * is none.
 */
export async function takeLease(
  warehouse: Warehouse,
  options: TakeOptions,
): Promise<LeasedCursor | undefined> {
  const row = await takeRow<CursorRow>(
    warehouse,
    CURSORS,
    options.applicationIds,
    options,
    `failures, ${rfc3339('last_sync')} as last_sync, ${rfc3339('read_until')} as read_until, ${IS_LIVE} as is_live, ${OTHERS_WAIT}`,
  );
  if (!row) return undefined;
  const { owner, leaseMs: durationMs } = options;
  return {
    lease: { applicationId: row.key, fence: row.fence, owner, durationMs },
    cursor: {
      lastSync: toInstant(row.last_sync) ?? 0n,
      readUntil: toInstant(row.read_until),
      isLive: row.is_live,
      failures: row.failures,
    },
    othersWaitMs: Number(row.others_wait_ms),
  };
}

// Seen as before the update, in which the row that is taken was free as well. $1 are the Applications of `takeRow`.
const OTHERS_WAIT = `(
  select greatest(0, round(extract(epoch from clock_timestamp() - min(other.next_cycle_at)) * 1000))
  from talon_one_sync_cursor as other
  where other.application_id = any($1::bigint[]) and other.application_id <> taken.application_id
    and coalesce(other.lease_expires_at <= clock_timestamp(), true)
)::text as others_wait_ms`;

interface CursorRow {
  others_wait_ms: string | null;
  failures: number;
  is_live: boolean;
  last_sync: string;
  read_until: string | null;
}

/** Milliseconds until `takeLease` may find an Application; `undefined` when there is none at all. */
export function millisecondsUntilDue(
  warehouse: Warehouse,
  options: TakeOptions,
): Promise<number | undefined> {
  return millisecondsUntilRow(warehouse, CURSORS, options.applicationIds, options);
}

/**
 * Gives a lease back that was taken for a single write between two cycles: the row says what it said before.
 * @param isDueNow there is something new for the next cycle to do
 */
export async function returnLease(warehouse: Warehouse, lease: Lease, isDueNow: boolean): Promise<void> {
  await warehouse.transaction(
    (client) =>
      client.query(
        `update talon_one_sync_cursor
       set lease_owner = null, lease_expires_at = clock_timestamp(), updated_at = clock_timestamp(),
           next_cycle_at = case when $3 then least(next_cycle_at, clock_timestamp()) else next_cycle_at end
       where application_id = $1 and fence = $2`,
        [lease.applicationId, lease.fence, isDueNow],
      ),
    { isUrgent: true },
  );
}

/** How far an Application has been copied. */
export interface CursorReach {
  readonly applicationId: string;
  readonly applicationName: string | undefined;
  readonly applicationCreated: Instant | undefined;
  readonly lastSync: Instant;
  readonly readUntil: Instant | undefined;
  /** As in talon_one_sync_cursor. */
  readonly status: string;
}

/** Where the cursors stand of these Applications, or of all. */
export async function readReaches(
  warehouse: Warehouse,
  applicationIds?: readonly string[],
): Promise<CursorReach[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<Record<'id' | 'name' | 'created' | 'last_sync' | 'read_until' | 'status', string | null>>(
      `select application_id::text as id, application_name as name, ${rfc3339('application_created')} as created,
         ${rfc3339('last_sync')} as last_sync, ${rfc3339('read_until')} as read_until, status
       from talon_one_sync_cursor
       where $1::bigint[] is null or application_id = any($1::bigint[]) order by application_id`,
      [applicationIds ?? null],
    ),
  );
  return rows.map((row) => ({
    applicationId: row.id ?? '',
    applicationName: row.name ?? undefined,
    applicationCreated: toInstant(row.created),
    lastSync: toInstant(row.last_sync) ?? 0n,
    readUntil: toInstant(row.read_until),
    status: row.status ?? 'new',
  }));
}

/** Says that `owner` is going and none of its cycles runs any more. */
export function leaveApplications(warehouse: Warehouse, owner: string): Promise<void> {
  return leaveRows(warehouse, CURSORS, owner);
}

/** How far the cursor moves in a transaction; what is absent stays. Nothing ever moves back. */
export interface CursorAdvance {
  readonly lastSync?: Instant | undefined;
  readonly readUntil?: Instant | undefined;
  /** There is more to read. That all is read is said by the end of the cycle, when the snapshots are there too. */
  readonly status?: 'back-filling' | undefined;
}

/**
 * First statement of every writing transaction: locks the cursor row, renews the lease and moves the cursor.
 * @throws LeaseLostError when the lease was taken over; the transaction then writes nothing
 */
export async function advanceCursor(
  client: Client,
  lease: Lease,
  advance: CursorAdvance = {},
): Promise<void> {
  const { rowCount } = await client.query(
    `update talon_one_sync_cursor
     set last_sync = greatest(last_sync, $4), read_until = greatest(read_until, $5),
         status = case when status in ('failing', 'unauthorised') then status
                       when status = 'new' and coalesce($4::timestamptz, $5::timestamptz) is not null then 'back-filling'
                       else coalesce($6, status) end,
         lease_expires_at = clock_timestamp() + $3 * interval '1 ms', updated_at = clock_timestamp(),
         pace_fence = $2, pace_from = case when pace_fence = $2 then pace_from else last_sync end,
         pace_since = case when pace_fence = $2 then pace_since else clock_timestamp() end
     where application_id = $1 and fence = $2`,
    [
      lease.applicationId,
      lease.fence,
      lease.durationMs,
      advance.lastSync === undefined ? null : formatInstant(advance.lastSync),
      advance.readUntil === undefined ? null : formatInstant(advance.readUntil),
      advance.status ?? null,
    ],
  );
  if (rowCount === 0) throw new LeaseLostError(`Application ${lease.applicationId}`);
}

/** Renews leases beside the pages; returns those that were taken over. */
export function renewCursors(warehouse: Warehouse, leases: readonly Lease[]): Promise<Lease[]> {
  return renewRows(warehouse, CURSORS, leases, ({ applicationId }) => applicationId);
}

/** How a cycle ends: when the next one is due and what is known now. */
export interface CycleEnd {
  readonly nextCycleInMs: number;
  /** Everything up to here is stored. */
  readonly completeThrough?: Instant | undefined;
  /** `undefined`: the cycle was stopped, and says nothing about how things stand. */
  readonly status?: 'up-to-date' | 'back-filling' | 'failing' | 'unauthorised';
  /** Given with `failing` and `unauthorised`. */
  readonly failure?: {
    readonly message: string;
    /** The failures are counted anew: this cycle has stored something all the same. */
    readonly isFirst?: boolean;
  };
  /** With more Applications than these the process leaves this one to others; default: any number. */
  readonly share?: number | undefined;
}

/**
 * Ends the cycle and gives the lease back.
 * @returns how long the Application has been failing, in milliseconds; 0 when it is not
 * @throws LeaseLostError when somebody else has the lease already
 */
export async function endCycle(client: Client, lease: Lease, end: CycleEnd): Promise<number> {
  const { rows, rowCount } = await client.query<{ failing_ms: string }>(
    `update talon_one_sync_cursor
     set next_cycle_at = clock_timestamp() + $3 * interval '1 ms', lease_expires_at = clock_timestamp(),
         complete_through = greatest(complete_through, $4),
         status = coalesce($5, status),
         failures = case when $5::text is null then failures when $6::text is null then 0
                         when $9 then 1 else failures + 1 end,
         failing_since = case when $5::text is null then failing_since
                              when $6::text is not null then coalesce(failing_since, clock_timestamp()) end,
         last_error = coalesce($6, last_error),
         lease_owner = case when (select count(*) from talon_one_sync_cursor as own where own.lease_owner = $7) > $8
                            then null else lease_owner end,
         updated_at = clock_timestamp()
     where application_id = $1 and fence = $2
     returning coalesce(round(extract(epoch from clock_timestamp() - failing_since) * 1000), 0)::text as failing_ms`,
    [
      lease.applicationId,
      lease.fence,
      end.nextCycleInMs,
      end.completeThrough === undefined ? null : formatInstant(end.completeThrough),
      end.status ?? null,
      end.failure?.message.replaceAll('\0', '').slice(0, 1000) ?? null,
      lease.owner,
      end.share ?? null,
      end.failure?.isFirst ?? false,
    ],
  );
  if (rowCount === 0) throw new LeaseLostError(`Application ${lease.applicationId}`);
  return Number(rows[0]?.failing_ms ?? 0);
}

function toInstant(text: string | null): Instant | undefined {
  return text === null ? undefined : parseInstant(text);
}
