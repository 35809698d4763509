import { type Instant, parseInstant } from '../instant.js';
import type { Client } from './pool.js';
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

/** The oldest owed sessions, by the creation time known so far. */
export async function owedSessions(
  warehouse: Warehouse,
  applicationId: string,
  limit: number,
): Promise<OwedSession[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ id: string; version: string; event_id: string; created: string }>(
      `with chunk as (
         select id, version, event_id, first_created from talon_one_owed_snapshot
         where kind = 'session' and application_id = $1 order by first_created limit $2
       )
       select id, version, event_id,
         to_char(coalesce(snapshot.created, event.created, first_created) at time zone 'UTC',
           'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created
       from chunk
       left join lateral (
         select session_created as created from talon_one_session_snapshot s
         where s.application_id = $1 and s.session_id = chunk.id and s.session_created is not null
         order by fetched_at desc limit 1
       ) snapshot on true
       left join lateral (
         select e.created from talon_one_event e where e.session_id = chunk.id and e.application_id = $1
         order by e.created limit 1
       ) event on snapshot.created is null
       order by created, id`,
      [applicationId, limit],
    ),
  );
  return rows.map((row) => ({
    id: row.id,
    version: row.version,
    eventId: row.event_id,
    created: parseInstant(row.created) ?? 0n,
  }));
}

/** How many snapshots of both kinds an Application still owes. */
export async function countOwed(client: Client, applicationId: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    'select count(*) as count from talon_one_owed_snapshot where application_id = $1 and kind in ($2, $3)',
    [applicationId, 'profile', 'session'],
  );
  return Number(rows[0]?.count ?? 0);
}

/** The database's clock as Postgres writes it. A fetch that begins afterwards reflects every event stored before. */
export async function databaseTime(warehouse: Warehouse): Promise<string> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ now: string }>('select clock_timestamp()::text as now'),
  );
  return rows[0]?.now ?? '';
}
