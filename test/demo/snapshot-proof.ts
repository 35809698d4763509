import { formatCount } from './numbers.js';
import type { Check } from './proof.js';
import type { Stage } from './stage.js';

const BATCH = 1000;

type Kind = 'profile' | 'session';

// Newest snapshot against the newest event that names the record.
const FRESHNESS: Record<Kind, string> = {
  profile: freshness('profile_id', 'talon_one_profile'),
  session: freshness('session_id', 'talon_one_session'),
};

// What a list of sessions says of totalDiscounts is always 0, so that member is left out for them.
const COMPARE: Record<Kind, string> = {
  profile: compare('profile_id', 'talon_one_profile', `payload::text is distinct from record::text`),
  session: compare(
    'session_id',
    'talon_one_session',
    `case source when 'list' then (payload - 'totalDiscounts')::text is distinct from (record - 'totalDiscounts')::text
       else payload::text is distinct from record::text end`,
  ),
};

/** Every profile, or session, that an issued event names: is its newest snapshot fresh, and is it what the API says now? */
export async function proveSnapshots(stage: Stage, kind: Kind): Promise<Check[]> {
  const named = namedBy(stage, kind);
  const row = await stage.warehouse.row(FRESHNESS[kind]);
  const different = await countDifferent(stage, kind, named);
  const count = formatCount(named.size);
  const [fresh, stale] = [Number(row.fresh), Number(row.stale)];
  const without = named.size - fresh - stale;
  return [
    {
      subject: `${kind}s`,
      passed: stale === 0 && without === 0 && Number(row.named) === named.size,
      text: `${count} named by events, ${formatCount(fresh)} with a snapshot newer than their newest event (${stale} older, ${without} without)`,
    },
    {
      subject: `${kind}s`,
      passed: different === 0,
      text: `${count} newest snapshots compared with what the API says now: ${formatCount(different)} different`,
    },
  ];
}

function namedBy({ simulator, applicationId }: Stage, kind: Kind): Set<string> {
  const ids = new Set<string>();
  for (const event of simulator.issuedEvents(applicationId)) {
    const id = kind === 'profile' ? event.profileId : event.sessionId;
    if (id !== null) ids.add(id);
  }
  return ids;
}

async function countDifferent(stage: Stage, kind: Kind, named: ReadonlySet<string>): Promise<number> {
  const { simulator, applicationId, warehouse, signal } = stage;
  const ids = [...named];
  let different = 0;
  for (let start = 0; start < ids.length; start += BATCH) {
    signal.throwIfAborted();
    const texts = ids
      .slice(start, start + BATCH)
      .map((id) =>
        kind === 'profile' ? simulator.profileText(id) : simulator.sessionText(applicationId, id),
      );
    const row = await warehouse.row(COMPARE[kind], [`[${texts.join(',')}]`]);
    different += Number(row.different);
  }
  return different;
}

function freshness(id: string, view: string): string {
  return `
    with named as (
      select ${id} as id, max(synced_at) as newest from talon_one_event where ${id} is not null group by ${id}
    )
    select count(*) as named, count(*) filter (where fetched_at > newest) as fresh,
      count(*) filter (where fetched_at <= newest) as stale
    from named left join ${view} latest on latest.${id} = named.id`;
}

function compare(id: string, view: string, difference: string): string {
  return `
    with issued as (
      select (record -> 'id')::bigint as ${id}, record from jsonb_array_elements($1::jsonb) as list (record)
    )
    select count(*) filter (where ${difference}) as different from issued left join ${view} using (${id})`;
}
