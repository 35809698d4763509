import { type Instant, parseInstant } from '../instant.js';
import type { Client } from './pool.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

export type SnapshotKind = 'profile' | 'session';

/** A snapshot that is still to be fetched; `version` tells whether newer events touched it meanwhile. */
export interface OwedSnapshot {
  readonly id: string;
  readonly version: string;
  readonly eventId: string;
}

/** An owed session with what is known of its creation: the planner's input. */
export interface OwedSession extends OwedSnapshot {
  /** `created` of the session where a snapshot knows it, else of its earliest stored event. */
  readonly created: Instant;
  /** A snapshot knows it. */
  readonly isDated: boolean;
  /** `created` of the earliest event that calls for it: the session was updated then, or later. */
  readonly touched: Instant;
}

/** The next owed profiles after `afterId`, in order of their IDs. */
export async function owedProfiles(
  warehouse: Warehouse,
  applicationId: string,
  afterId: string,
  limit: number,
): Promise<OwedSnapshot[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ id: string; version: string; event_id: string }>(
      `select id, version, event_id from talon_one_owed_snapshot
       where kind = 'profile' and application_id = $1 and id > $2 order by id limit $3`,
      [applicationId, afterId, limit],
    ),
  );
  return rows.map((row) => ({ id: row.id, version: row.version, eventId: row.event_id }));
}

interface OwedRow {
  readonly id: string;
  readonly version: string;
  readonly event_id: string;
  readonly created: string;
  readonly is_dated: boolean;
  readonly touched: string;
}

/**
 * The oldest owed sessions. A session without a snapshot has been owed since its first stored event, so that one's time
 * is the best guess at its creation.
 */
export async function owedSessions(
  warehouse: Warehouse,
  applicationId: string,
  limit: number,
): Promise<OwedSession[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<OwedRow>(
      `with chunk as (
         select id, version, event_id, first_created from talon_one_owed_snapshot
         where kind = 'session' and application_id = $1 order by first_created limit $2
       )
       select id, version, event_id,
         ${rfc3339('coalesce(snapshot.created, first_created)')} as created, snapshot.created is not null as is_dated,
         ${rfc3339('first_created')} as touched
       from chunk
       left join lateral (
         select session_created as created from talon_one_session_snapshot s
         where s.application_id = $1 and s.session_id = chunk.id and s.session_created is not null
         order by fetched_at desc limit 1
       ) snapshot on true
       order by created, id`,
      [applicationId, limit],
    ),
  );
  return rows.map((row) => ({
    id: row.id,
    version: row.version,
    eventId: row.event_id,
    created: parseInstant(row.created) ?? 0n,
    isDated: row.is_dated,
    touched: parseInstant(row.touched) ?? 0n,
  }));
}

/**
 * Those among `ids` that are owed. Their versions are as they were when an answer was asked for, although it is here
 * already: only the holder of the lease stores events, and it does not while it fetches snapshots.
 */
export async function owedSessionsAmong(
  warehouse: Warehouse,
  applicationId: string,
  ids: readonly string[],
): Promise<OwedSession[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ id: string; version: string; event_id: string; touched: string }>(
      `select id, version, event_id, ${rfc3339('first_created')} as touched from talon_one_owed_snapshot
       where kind = 'session' and application_id = $1 and id = any($2::bigint[])`,
      [applicationId, ids],
    ),
  );
  return rows.map((row) => {
    const touched = parseInstant(row.touched) ?? 0n;
    return {
      id: row.id,
      version: row.version,
      eventId: row.event_id,
      created: touched,
      isDated: false,
      touched,
    };
  });
}

/** What an Application still owes, of both kinds. */
export interface OwedSummary {
  readonly count: number;
  /** `created` of the earliest event that calls for one. */
  readonly oldest: Instant | undefined;
  /** The database's clock when this was read. */
  readonly readAt: Instant;
}

export async function summariseOwed(client: Client, applicationId: string): Promise<OwedSummary> {
  const { rows } = await client.query<{ count: string; oldest: string | null; now: string }>(
    `select count(*) as count, ${rfc3339('min(first_created)')} as oldest,
       ${rfc3339('clock_timestamp()')} as now
     from talon_one_owed_snapshot
     where application_id = $1 and kind in ('profile', 'session')`,
    [applicationId],
  );
  const { count = '0', oldest, now = '' } = rows[0] ?? {};
  return {
    count: Number(count),
    oldest: oldest ? parseInstant(oldest) : undefined,
    readAt: parseInstant(now) ?? 0n,
  };
}

/** The database's clock, RFC 3339. A fetch that begins afterwards reflects every event stored before. */
export async function databaseTime(warehouse: Warehouse): Promise<string> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ now: string }>(`select ${rfc3339('clock_timestamp()')} as now`),
  );
  return rows[0]?.now ?? '';
}
