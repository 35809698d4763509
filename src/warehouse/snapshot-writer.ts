import { cleanJson } from '../json/clean.js';
import { parseJson } from '../json/parse.js';
import { advanceCursor, type Lease } from './cursor.js';
import type { OwedSnapshot, SnapshotKind } from './owed.js';
import type { Client } from './pool.js';
import { quarantine } from './quarantine.js';
import { type RecordPage, storePage } from './record-page.js';
import { CARRIES_NEWS } from './snapshot-news.js';
import type { Warehouse } from './warehouse.js';

export type SessionSource = 'by-id' | 'list' | 'export';

export interface SnapshotBatch<Owed extends OwedSnapshot = OwedSnapshot> {
  readonly kind: SnapshotKind;
  readonly lease: Lease;
  /** What this batch may settle. Other records of the page are passed over, but for those of a list that carry news. */
  readonly asked: readonly Owed[];
  /** `databaseTime` before the request was sent. */
  readonly askedAt: string;
  /** Lane, for sessions. */
  readonly source: SessionSource;
}

export interface SnapshotCounts {
  readonly inserted: number;
  readonly quarantined: number;
  /** IDs for which the page held an answer. */
  readonly answered: ReadonlySet<string>;
}

/**
 * Stores the snapshots that were asked for and settles what is owed for them, unless newer events touched them
 * meanwhile. A record that cannot be stored goes to the quarantine and leaves a snapshot without payload, so that it
 * is not fetched for ever. Of a list also what nobody asked for is stored, without an event, where it carries news.
 */
export async function writeSnapshots(
  warehouse: Warehouse,
  batch: SnapshotBatch,
  page: RecordPage,
): Promise<SnapshotCounts> {
  const answered = new Set<string>();
  const counts = await storePage(warehouse, page, {
    kind: batch.kind,
    applicationId: batch.lease.applicationId,
    fence: (client) => advanceCursor(client, batch.lease),
    insert: async (client, text) => {
      const way = batch.source === 'list' ? 'list' : batch.kind;
      const { rows } = await client.query<{ ids: string[]; inserted: number }>(INSERT[way], [
        ...settleParameters(batch, batch.asked),
        text,
        batch.askedAt,
        ...(batch.kind === 'session' ? [batch.source] : []),
      ]);
      for (const id of rows[0]?.ids ?? []) answered.add(id);
      return rows[0]?.inserted ?? 0;
    },
    // What nobody asked for is worth neither an original text nor the quarantine.
    isWanted: (raw) =>
      isAskedFor(batch, raw) || (batch.source === 'list' && cleanJson(raw).reasons.length === 0),
    isQuarantined: (raw) => isAskedFor(batch, raw),
    refused: async (client, raw) => {
      const id = idOf(raw);
      const owed = isAboutOne(batch) ? batch.asked : batch.asked.filter((one) => Number(one.id) === id);
      if (owed.length === 0) return;
      await insertWithoutPayload(client, batch, owed, true);
      for (const one of owed) answered.add(one.id);
    },
  });
  return { ...counts, answered };
}

/** Notes that the API does not know these IDs, and settles them. */
export async function writeNotFound(
  warehouse: Warehouse,
  batch: SnapshotBatch,
  missing: readonly OwedSnapshot[],
): Promise<void> {
  if (missing.length === 0) return;
  await warehouse.transaction(async (client) => {
    await advanceCursor(client, batch.lease);
    await insertWithoutPayload(client, batch, missing, false);
  });
}

/**
 * Puts the IDs aside that the API will not answer for, and settles them: fetching them for ever would hold up
 * `complete_through` and help nobody.
 */
export async function writeRefused(
  warehouse: Warehouse,
  batch: SnapshotBatch,
  refused: readonly OwedSnapshot[],
  refusal: { readonly reason: string; readonly source: string },
): Promise<void> {
  await warehouse.transaction(async (client) => {
    await advanceCursor(client, batch.lease);
    const { kind } = batch;
    const { applicationId } = batch.lease;
    for (const { id } of refused) {
      await quarantine(client, { kind, applicationId, ...refusal, raw: `{"id":${id}}` });
    }
    await insertWithoutPayload(client, batch, refused, true);
  });
}

async function insertWithoutPayload(
  client: Client,
  batch: SnapshotBatch,
  owed: readonly OwedSnapshot[],
  found: boolean,
): Promise<void> {
  await client.query(INSERT_WITHOUT_PAYLOAD[batch.kind], [
    ...settleParameters(batch, owed),
    found,
    batch.askedAt,
    ...(batch.kind === 'session' ? [batch.source] : []),
  ]);
}

function settleParameters(batch: SnapshotBatch, owed: readonly OwedSnapshot[]): unknown[] {
  return [
    batch.lease.applicationId,
    owed.map((one) => one.id),
    owed.map((one) => one.version),
    owed.map((one) => one.eventId),
  ];
}

/** The answer to a question about one ID concerns that ID, even if it does not say so. */
function isAboutOne(batch: SnapshotBatch): boolean {
  return batch.source === 'by-id' && batch.asked.length === 1;
}

function isAskedFor(batch: SnapshotBatch, raw: string): boolean {
  const id = idOf(raw);
  return id === undefined || isAboutOne(batch) || batch.asked.some((one) => Number(one.id) === id);
}

/** The ID of a record's text; a number beyond 2^53 is not exact. */
export function idOf(raw: string): number | undefined {
  const id = (parseJson(raw) as { id?: unknown } | null)?.id;
  return typeof id === 'number' ? id : undefined;
}

// $1 Application, $2-$4 what was asked for (IDs, versions, newest events), $5 the page, $6 asked at, $7 lane.

const ASKED =
  'asked as (select * from unnest($2::bigint[], $3::bigint[], $4::bigint[]) as a (id, version, event_id))';

const ANSWER = `answer as (
    select distinct on (id) id, version, event_id, record
    from jsonb_array_elements($5::jsonb -> 'data') as page (record)
    join asked on asked.id = talon_one_bigint(record -> 'id')
    order by id
  )`;

// What is owed and was not asked for now is stored when its turn comes.
const NEWS = `news as (
    select distinct on (record_id) record_id as id, null::bigint as event_id, record
    from jsonb_array_elements($5::jsonb -> 'data') as page (record),
      lateral (select talon_one_bigint(record -> 'id') as record_id) as key
    where record_id > 0
      and not exists (select from asked where asked.id = record_id)
      and not exists (
        select from talon_one_owed_snapshot where kind = 'session' and application_id = $1 and id = record_id
      )
      and ${CARRIES_NEWS}
    order by record_id
  )`;

const settle = (kind: SnapshotKind, settled: string) => `settled as (
    delete from talon_one_owed_snapshot o using ${settled} a
    where o.kind = '${kind}' and o.application_id = $1 and o.id = a.id and o.version = a.version
  )`;

const STORED_SESSIONS = `stored as (
    insert into talon_one_session_snapshot
      (application_id, session_id, fetched_at, found, integration_id, profile_id, session_created, state, total,
       total_discounts, source, payload, event_id)
    select $1, id, $6, true, record ->> 'integrationId', nullif(talon_one_bigint(record -> 'profileId'), 0),
      talon_one_timestamp(record ->> 'created'), record ->> 'state', talon_one_numeric(record -> 'total'),
      case when $7 = 'by-id' then talon_one_numeric(record -> 'totalDiscounts') end, $7, record, event_id`;

const ANSWERED = `select (select count(*)::integer from stored) as inserted, coalesce(array_agg(id::text), '{}') as ids from answer`;

const INSERT: Record<SnapshotKind | 'list', string> = {
  profile: `with ${ASKED}, ${ANSWER}, stored as (
    insert into talon_one_profile_snapshot
      (profile_id, fetched_at, application_id, found, integration_id, profile_created, last_activity, closed_sessions,
       total_sales, payload, event_id)
    select id, $6, $1, true, record ->> 'integrationId', talon_one_timestamp(record ->> 'created'),
      talon_one_timestamp(record ->> 'lastActivity'), talon_one_bigint(record -> 'closedSessions'),
      talon_one_numeric(record -> 'totalSales'), record, event_id
    from answer
    on conflict do nothing returning 1
  ), ${settle('profile', 'answer')}
  ${ANSWERED}`,
  session: `with ${ASKED}, ${ANSWER}, ${STORED_SESSIONS}
    from answer
    on conflict do nothing returning 1
  ), ${settle('session', 'answer')}
  ${ANSWERED}`,
  list: `with ${ASKED}, ${ANSWER}, ${NEWS}, ${STORED_SESSIONS}
    from (select id, event_id, record from answer union all select id, event_id, record from news) as listed
    on conflict do nothing returning 1
  ), ${settle('session', 'answer')}
  ${ANSWERED}`,
};

// $5 whether the API knew the IDs, $6 asked at, $7 lane.
const INSERT_WITHOUT_PAYLOAD: Record<SnapshotKind, string> = {
  profile: `with ${ASKED}, stored as (
    insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, event_id)
    select id, $6, $1, $5, event_id from asked on conflict do nothing
  ), ${settle('profile', 'asked')} select`,
  session: `with ${ASKED}, stored as (
    insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source, event_id)
    select $1, id, $6, $5, $7, event_id from asked on conflict do nothing
  ), ${settle('session', 'asked')} select`,
};
