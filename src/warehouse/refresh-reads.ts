import type { SnapshotKind } from './owed.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// What is to be read again without an event: profiles and open sessions, by their newest snapshot, from the highest ID
// down. The primary keys end in fetched_at, so going backwards the first row met of each ID is its newest snapshot: one
// descent of the index each, however many snapshots there are, and no index of its own.

/** A record that is read again. */
export interface KnownSnapshot {
  readonly id: string;
  /** `fetched_at` of its newest snapshot, RFC 3339. */
  readonly knownAt: string;
  /** What that one says: the API knew it. */
  readonly found: boolean;
  /** RFC 3339: when the session was created, as far as is known. */
  readonly created: string;
}

export interface RefreshQuery {
  readonly kind: SnapshotKind;
  readonly applicationId: string;
  /** Exclusive. */
  readonly below: string;
  /** Records to read again. */
  readonly limit: number;
  /** IDs that are looked at for them: those of other Applications and closed sessions lie between. */
  readonly scan: number;
}

export interface RefreshChunk {
  readonly wanted: readonly KnownSnapshot[];
  /** The next chunk lies below; `undefined`: there is none. */
  readonly below: string | undefined;
}

// $1 Application, $2 exclusive upper bound, $3 limit, $4 IDs to look at. Postgres computes as many rows of a recursive
// query as are fetched from it (its documentation of WITH queries), so a full chunk ends the walk. Profiles that the API
// did not know are asked for again: an answer that left them out may have been wrong. Forgotten customers are left alone.
const CHUNK: Record<SnapshotKind, string> = {
  profile: `with recursive known as (
    (select 1 as place, profile_id, fetched_at, application_id, found from talon_one_profile_snapshot
     where profile_id < $2::bigint order by profile_id desc, fetched_at desc, application_id desc limit 1)
    union all
    select place + 1, newest.* from known cross join lateral (
      select s.profile_id, s.fetched_at, s.application_id, s.found from talon_one_profile_snapshot s
      where s.profile_id < known.profile_id order by s.profile_id desc, s.fetched_at desc, s.application_id desc limit 1
    ) as newest
    where place < $4
  )
  select profile_id::text as id, ${rfc3339('fetched_at')} as known_at, ${rfc3339('fetched_at')} as created, found, is_wanted,
    place = $4 as is_last
  from known cross join lateral (
    select application_id = $1 and talon_one_erasure_of(profile_id, null, null) is null
  ) as chosen (is_wanted)
  where is_wanted or place = $4
  limit $3`,
  session: `with recursive known as (
    (select 1 as place, session_id, fetched_at, found, state, profile_id, session_created from talon_one_session_snapshot
     where application_id = $1 and session_id < $2::bigint order by session_id desc, fetched_at desc limit 1)
    union all
    select place + 1, newest.* from known cross join lateral (
      select s.session_id, s.fetched_at, s.found, s.state, s.profile_id, s.session_created
      from talon_one_session_snapshot s
      where s.application_id = $1 and s.session_id < known.session_id
      order by s.session_id desc, s.fetched_at desc limit 1
    ) as newest
    where place < $4
  )
  select session_id::text as id, ${rfc3339('fetched_at')} as known_at,
    ${rfc3339('coalesce(session_created, fetched_at)')} as created, found, is_wanted,
    place = $4 as is_last
  from known cross join lateral (
    select found and state = 'open' and talon_one_erasure_of(profile_id, session_id, $1) is null
  ) as chosen (is_wanted)
  where is_wanted or place = $4
  limit $3`,
};

interface ChunkRow {
  readonly id: string;
  readonly known_at: string;
  readonly created: string;
  readonly found: boolean;
  readonly is_wanted: boolean;
  readonly is_last: boolean;
}

/** The next records to be read again, the highest ID first. */
export async function nextToRefresh(
  warehouse: Warehouse,
  { kind, applicationId, below, limit, scan }: RefreshQuery,
): Promise<RefreshChunk> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<ChunkRow>(CHUNK[kind], [applicationId, below, limit, scan]),
  );
  const last = rows.at(-1);
  const wanted = rows.filter((row) => row.is_wanted);
  return {
    wanted: wanted.map(({ id, known_at: knownAt, created, found }) => ({ id, knownAt, created, found })),
    below: last && (last.is_last || rows.length === limit) ? last.id : undefined,
  };
}

// Profiles belong to no Application: those of the others lie between, and are passed over.
const RANGE: Record<SnapshotKind, string> = {
  profile: `select min(profile_id)::text as lowest, max(profile_id)::text as highest from talon_one_profile_snapshot
    where $1::bigint is not null`,
  session: `select min(session_id)::text as lowest, max(session_id)::text as highest from talon_one_session_snapshot
    where application_id = $1`,
};

/** The lowest and the highest ID that snapshots of this kind have; `undefined` when there is none. */
export async function idRange(
  warehouse: Warehouse,
  kind: SnapshotKind,
  applicationId: string,
): Promise<{ readonly lowest: string; readonly highest: string } | undefined> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ lowest: string | null; highest: string | null }>(RANGE[kind], [applicationId]),
  );
  const { lowest, highest } = rows[0] ?? {};
  return lowest && highest ? { lowest, highest } : undefined;
}
