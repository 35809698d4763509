import type { SnapshotKind } from './owed.js';
import type { Client } from './pool.js';
import { quarantine } from './quarantine.js';
import { storePage } from './record-page.js';
import type { KnownSnapshot } from './refresh-reads.js';
import type { SessionSource } from './snapshot-writer.js';
import type { Warehouse } from './warehouse.js';

// Snapshots that no event called for: of what was read again, only what changed is stored. Beside the cycles, which may
// fetch the same record at the same time, so nothing is stored of a record
//
// - whose newest snapshot is not the one that was known before the question: somebody else has asked meanwhile, perhaps
//   later than this answer is from;
// - that is owed: the cycle is about to ask, or its answer is on the way and may be older than the newest snapshot.
//
// So a newest snapshot is never replaced by an answer that may be older. Owed rows and cursors are not touched.

/** An answer about one record. */
export interface RefreshAnswer extends KnownSnapshot {
  /** JSON text as it was sent; `undefined`: the API does not know the record. */
  readonly raw: string | undefined;
  /** Lane, for sessions. */
  readonly source: SessionSource;
}

export interface RefreshBatch {
  readonly kind: SnapshotKind;
  readonly applicationId: string;
  /** `databaseTime` before the first request. */
  readonly askedAt: string;
  /** First statement of the transaction: the fence, and how far the job has come. */
  readonly fence: (client: Client) => Promise<void>;
  readonly answers: readonly RefreshAnswer[];
  /** What can be no record, or what the API would not answer for: for the quarantine. */
  readonly unusable: readonly { readonly raw: string; readonly reason: string }[];
  /** Request that returned it, for the quarantine. */
  readonly source: string;
  /** jsonb may store a text differently without an error. */
  readonly mayChange: boolean;
}

/** A profile, or the lane of a session. */
export type RefreshLane = 'profile' | SessionSource;

export interface RefreshCounts {
  /** Lane of every snapshot that was stored. */
  readonly lanes: readonly RefreshLane[];
  /** Snapshots with other content than the newest before. */
  readonly changed: number;
  /** Records that the API does not know any more. */
  readonly gone: number;
  readonly quarantined: number;
}

/** Stores what changed, in one transaction with the progress of the job. */
export async function writeRefreshed(warehouse: Warehouse, batch: RefreshBatch): Promise<RefreshCounts> {
  const { kind, applicationId, askedAt, answers, unusable, source, mayChange } = batch;
  const found = answers.filter((one) => one.raw !== undefined);
  const missing = answers.filter((one) => one.raw === undefined);
  let gone = 0;
  let lanes: RefreshLane[] = [];
  const prepare = async (client: Client) => {
    for (const { raw, reason } of unusable)
      await quarantine(client, { kind, applicationId, raw, reason, source });
    gone = await insertMissing(client, batch, missing);
    lanes = Array.from({ length: gone }, () => (kind === 'profile' ? 'profile' : 'by-id'));
  };
  const values = [
    applicationId,
    found.map((one) => one.id),
    found.map((one) => one.knownAt),
    ...(kind === 'session' ? [found.map((one) => one.source)] : []),
  ];
  const insert = async (client: Client, text: string) => {
    const { rows } = await client.query<{ lane: RefreshLane }>(CHANGED[kind], [askedAt, text, ...values]);
    lanes.push(...rows.map((row) => row.lane));
    return rows.length;
  };
  if (found.length === 0) {
    await warehouse.transaction(async (client) => {
      await batch.fence(client);
      await prepare(client);
    });
    return { lanes, changed: 0, gone, quarantined: unusable.length };
  }
  const text = `{"data":[${found.map((one) => one.raw).join(',')}]}`;
  const page = { text, source, problems: new Map<number, string>(), mayChange };
  const stored = await storePage(warehouse, page, {
    kind,
    applicationId,
    fence: batch.fence,
    prepare,
    insert,
  });
  return { lanes, changed: stored.inserted, gone, quarantined: stored.quarantined + unusable.length };
}

async function insertMissing(
  client: Client,
  { kind, applicationId, askedAt }: RefreshBatch,
  missing: readonly RefreshAnswer[],
): Promise<number> {
  if (missing.length === 0) return 0;
  const { rowCount } = await client.query(GONE[kind], [
    askedAt,
    applicationId,
    missing.map((one) => one.id),
    missing.map((one) => one.knownAt),
  ]);
  return rowCount ?? 0;
}

// $1 asked at, $2 the records, $3 Application, $4 IDs, $5 fetched_at of their newest snapshots, $6 lanes.
//
// Content is compared as text, both sides read by the same parser: `1.0` and `1.00` differ. The order of audiences is
// not documented, so it says nothing. totalDiscounts is compared only between two answers by ID, since lists always
// send 0 (docs/api-facts.md, Sessions); with the export of sessions only the typed columns are, since its rows have
// other members. What belongs to a forgotten customer differs on purpose. What is owed is looked up once for all, since a
// back-fill may owe millions.
const CHANGED: Record<SnapshotKind, string> = {
  profile: `with asked as (
    select * from unnest($4::bigint[], $5::timestamptz[]) as a (id, known_at)
  ), owed as materialized (
    select id from talon_one_owed_snapshot where kind = 'profile' and id = any($4::bigint[])
  ), answer as (
    select distinct on (id) id, known_at, record
    from jsonb_array_elements($2::jsonb -> 'data') as page (record)
    join asked on asked.id = talon_one_bigint(record -> 'id')
    order by id
  )
  insert into talon_one_profile_snapshot
    (profile_id, fetched_at, application_id, found, integration_id, profile_created, last_activity, closed_sessions,
     total_sales, payload)
  select id, $1, $3, true, record ->> 'integrationId', talon_one_timestamp(record ->> 'created'),
    talon_one_timestamp(record ->> 'lastActivity'), talon_one_bigint(record -> 'closedSessions'),
    talon_one_numeric(record -> 'totalSales'), record
  from answer join lateral (
    select fetched_at, payload from talon_one_profile_snapshot s where s.profile_id = answer.id
    order by s.profile_id desc, s.fetched_at desc, s.application_id desc limit 1
  ) as newest on newest.fetched_at = known_at
  where coalesce(talon_one_content(newest.payload, null, '{audienceMemberships}')::text
      <> talon_one_content(record, null, '{audienceMemberships}')::text, true)
    and talon_one_erasure_of(id, null, null) is null and talon_one_erasure_named(record ->> 'integrationId') is null
    and id not in (select o.id from owed o)
  on conflict do nothing returning 'profile' as lane`,
  session: `with asked as (
    select * from unnest($4::bigint[], $5::timestamptz[], $6::text[]) as a (id, known_at, source)
  ), owed as materialized (
    select id from talon_one_owed_snapshot where kind = 'session' and application_id = $3 and id = any($4::bigint[])
  ), answer as (
    select distinct on (id) id, known_at, source, record,
      nullif(talon_one_bigint(record -> 'profileId'), 0) as profile_id
    from jsonb_array_elements($2::jsonb -> 'data') as page (record)
    join asked on asked.id = talon_one_bigint(record -> 'id')
    order by id
  )
  insert into talon_one_session_snapshot
    (application_id, session_id, fetched_at, found, integration_id, profile_id, session_created, state, total,
     total_discounts, source, payload)
  select $3, id, $1, true, record ->> 'integrationId', answer.profile_id, talon_one_timestamp(record ->> 'created'),
    record ->> 'state', talon_one_numeric(record -> 'total'),
    case when answer.source = 'by-id' then talon_one_numeric(record -> 'totalDiscounts') end, answer.source, record
  from answer join lateral (
    select * from talon_one_session_snapshot s where s.application_id = $3 and s.session_id = answer.id
    order by s.session_id desc, s.fetched_at desc limit 1
  ) as newest on newest.fetched_at = known_at
  cross join lateral (
    select case when answer.source = 'by-id' and newest.source = 'by-id' then null else '^totalDiscounts$' end
  ) as lanes (passing)
  where case when newest.source = 'export' and newest.payload is not null
      then (newest.integration_id, newest.profile_id, newest.state, newest.total) is distinct from
        (record ->> 'integrationId', answer.profile_id, record ->> 'state', talon_one_numeric(record -> 'total'))
      else coalesce(talon_one_content(newest.payload, passing, '{}')::text
        <> talon_one_content(record, passing, '{}')::text, true) end
    and talon_one_erasure_of(answer.profile_id, id, $3) is null
    and id not in (select o.id from owed o)
  on conflict do nothing returning source as lane`,
};

// $1 asked at, $2 Application, $3 IDs, $4 fetched_at of their newest snapshots.
const GONE: Record<SnapshotKind, string> = {
  profile: `with owed as materialized (
    select id from talon_one_owed_snapshot where kind = 'profile' and id = any($3::bigint[])
  )
  insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found)
  select id, $1, $2, false from unnest($3::bigint[], $4::timestamptz[]) as a (id, known_at)
  join lateral (
    select fetched_at, found from talon_one_profile_snapshot s where s.profile_id = a.id
    order by s.profile_id desc, s.fetched_at desc, s.application_id desc limit 1
  ) as newest on newest.fetched_at = known_at and newest.found
  where talon_one_erasure_of(id, null, null) is null
    and id not in (select o.id from owed o)
  on conflict do nothing`,
  session: `with owed as materialized (
    select id from talon_one_owed_snapshot where kind = 'session' and application_id = $2 and id = any($3::bigint[])
  )
  insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source)
  select $2, id, $1, false, 'by-id' from unnest($3::bigint[], $4::timestamptz[]) as a (id, known_at)
  join lateral (
    select fetched_at, profile_id from talon_one_session_snapshot s where s.application_id = $2 and s.session_id = a.id
    order by s.session_id desc, s.fetched_at desc limit 1
  ) as newest on newest.fetched_at = known_at
  where talon_one_erasure_of(newest.profile_id, id, $2) is null
    and id not in (select o.id from owed o)
  on conflict do nothing`,
};
