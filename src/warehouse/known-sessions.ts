import { type Instant, parseInstant } from '../instant.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// Sessions whose creation the snapshots tell. Both reads go along the primary key (Application, session) and look at a
// bounded number of rows, because sessions that the API did not know have no time.

/** A session whose time of creation is known. */
export interface KnownSession {
  readonly id: number;
  readonly created: Instant;
}

/** Up to two sessions below and two above each of `ids`, in order of their IDs. */
export async function sessionsAround(
  warehouse: Warehouse,
  applicationId: string,
  ids: readonly string[],
): Promise<KnownSession[]> {
  if (ids.length === 0) return [];
  const { rows } = await warehouse.transaction((client) =>
    client.query<KnownRow>(AROUND, [applicationId, ids]),
  );
  return rows.map(toKnown);
}

/** The sessions with the highest IDs, at most `limit`, in order of their IDs. */
export async function newestSessions(
  warehouse: Warehouse,
  applicationId: string,
  limit: number,
): Promise<KnownSession[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<KnownRow>(NEWEST, [applicationId, limit]),
  );
  return rows.map(toKnown);
}

interface KnownRow {
  readonly id: string;
  readonly created: string;
}

function toKnown({ id, created }: KnownRow): KnownSession {
  return { id: Number(id), created: parseInstant(created) ?? 0n };
}

const AROUND = `
  select distinct on (id) id, ${rfc3339('created')} as created
  from unnest($2::bigint[]) as wanted (session), lateral (
    (select distinct on (session_id) session_id as id, session_created as created from (
      select session_id, session_created from talon_one_session_snapshot
      where application_id = $1 and session_id < wanted.session order by session_id desc limit 50
    ) as below where session_created is not null order by session_id desc limit 2)
    union all
    (select distinct on (session_id) session_id as id, session_created as created from (
      select session_id, session_created from talon_one_session_snapshot
      where application_id = $1 and session_id > wanted.session order by session_id limit 50
    ) as above where session_created is not null order by session_id limit 2)
  ) as near
  order by id`;

const NEWEST = `
  select id, ${rfc3339('created')} as created from (
    select distinct on (session_id) session_id as id, session_created as created from (
      select session_id, session_created from talon_one_session_snapshot
      where application_id = $1 order by session_id desc limit 4 * $2::integer
    ) as newest where session_created is not null order by session_id desc limit $2
  ) as known order by id`;
