import type { Simulator } from '../simulator/simulator-handle.js';
import type { TextQuery } from './event-comparison.js';

export type SnapshotKind = 'profile' | 'session';

export interface SnapshotTally {
  /** Named by events, as the simulator knows it. */
  named: number;
  /** Newest snapshot fetched after the newest event that names the record was stored. */
  fresh: number;
  /** Still to be fetched, and known to be. */
  owed: number;
  /** Neither: forgotten. */
  stale: number;
  /** The newest snapshot is not what the API says now. */
  different: number;
}

const BATCH = 1000;

// Newest snapshot against the newest event that names the record. $1 Application.
const FRESHNESS: Record<SnapshotKind, string> = {
  profile: freshness('profile'),
  session: freshness('session'),
};

// What a list of sessions says of totalDiscounts is always 0, so that member is left out for them.
const COMPARE: Record<SnapshotKind, string> = {
  profile: compare('profile', `payload::text is distinct from record::text`),
  session: compare(
    'session',
    `case source when 'list' then (payload - 'totalDiscounts')::text is distinct from (record - 'totalDiscounts')::text
       else payload::text is distinct from record::text end`,
  ),
};

/** Every profile, or session, that an issued event names: is its newest snapshot fresh, and what the API says now? */
export async function compareSnapshots(
  query: TextQuery,
  simulator: Simulator,
  applicationId: number,
  kind: SnapshotKind,
): Promise<SnapshotTally> {
  const ids = [...namedBy(simulator, applicationId, kind)];
  const [row] = await query(FRESHNESS[kind], [applicationId]);
  const tally = {
    named: ids.length,
    fresh: Number(row?.fresh),
    owed: Number(row?.owed),
    stale: Number(row?.stale),
    different: 0,
  };
  for (let start = 0; start < ids.length; start += BATCH) {
    const texts = ids
      .slice(start, start + BATCH)
      .map((id) =>
        kind === 'profile' ? simulator.profileText(id) : simulator.sessionText(applicationId, id),
      );
    const [counts] = await query(COMPARE[kind], [applicationId, `[${texts.join(',')}]`]);
    tally.different += Number(counts?.different);
  }
  return tally;
}

function namedBy(simulator: Simulator, applicationId: number, kind: SnapshotKind): Set<string> {
  const ids = new Set<string>();
  for (const event of simulator.issuedEvents(applicationId)) {
    const id = kind === 'profile' ? event.profileId : event.sessionId;
    if (id !== null) ids.add(id);
  }
  return ids;
}

function latest(kind: SnapshotKind): string {
  return `latest as (
      select distinct on (${kind}_id) ${kind}_id as id, * from talon_one_${kind}_snapshot
      where application_id = $1 order by ${kind}_id, fetched_at desc
    )`;
}

function freshness(kind: SnapshotKind): string {
  return `
    with named as (
      select ${kind}_id as id, max(synced_at) as newest from talon_one_event
      where application_id = $1 and ${kind}_id is not null group by 1
    ), ${latest(kind)}, judged as (
      select coalesce(found and fetched_at > newest, false) as is_fresh, exists (
        select from talon_one_owed_snapshot o
        where o.kind = '${kind}' and o.application_id = $1 and o.id = named.id
      ) as is_owed
      from named left join latest using (id)
    )
    select count(*) filter (where is_fresh) as fresh, count(*) filter (where is_owed and not is_fresh) as owed,
      count(*) filter (where not is_fresh and not is_owed) as stale
    from judged`;
}

// A profile may have changed through an event of another Application since: then that one holds the newest snapshot.
function compare(kind: SnapshotKind, difference: string): string {
  const newest =
    kind === 'session'
      ? latest(kind)
      : `latest as (select profile_id as id, payload from talon_one_profile where $1::bigint is not null)`;
  return `
    with issued as (
      select (record -> 'id')::bigint as id, record from jsonb_array_elements($2::jsonb) as list (record)
    ), ${newest}
    select count(*) filter (where ${difference}) as different from issued left join latest using (id)`;
}
