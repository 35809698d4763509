import { formatInstant, type Instant } from '../instant.js';
import { EFFECTS } from './event-writer.js';
import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

// What the writer stores with an event: its effects as rows, and that its profile and session have to be fetched. Both
// follow from the stored event, so what somebody deleted by hand can be found and made again without a request.

export interface Stretch {
  readonly applicationId: string;
  readonly from: Instant;
  /** Exclusive. */
  readonly to: Instant;
  /** End of the period that the stretch is part of: what a later event of it names as well is looked at with that one. */
  readonly periodTo: Instant;
  /** Database time, RFC 3339: only events that were stored before. */
  readonly storedBefore: string;
  /** Whether effects are to be rows at all. */
  readonly normalizeEffects: boolean;
}

/** What the events of a stretch lack. */
export interface LackingConsequences {
  /** Profiles and sessions with neither a snapshot that was fetched after the event was stored, nor a row that owes one. */
  readonly snapshots: number;
  /** Events without all of their effects. */
  readonly effects: number;
}

// $1 Application, $2 and $3 the stretch, $4 storedBefore, $5 the end of the period, $6 normalizeEffects.
const STRETCH = `e.application_id = $1 and e.created >= $2 and e.created < least($3::timestamptz, $5::timestamptz) and e.synced_at < $4`;

const LACKING_SNAPSHOTS = `
  select touched.kind, touched.id, max(e.event_id) as event_id, min(e.created) as created
  from talon_one_event e, lateral (values ('profile', e.profile_id), ('session', e.session_id)) as touched (kind, id)
  where ${STRETCH} and touched.id is not null
    and not exists (
      select from talon_one_owed_snapshot o
      where o.kind = touched.kind and o.application_id = $1 and o.id = touched.id)
    and case touched.kind
      when 'profile' then not exists (
        select from talon_one_profile_snapshot s
        where s.profile_id = touched.id and s.application_id = $1 and s.fetched_at >= e.synced_at)
      and not exists (
        select from talon_one_event later
        where later.profile_id = touched.id and later.application_id = $1 and later.created > e.created
          and later.created >= $2 and later.created < $5)
      else not exists (
        select from talon_one_session_snapshot s
        where s.application_id = $1 and s.session_id = touched.id and s.fetched_at >= e.synced_at)
      and not exists (
        select from talon_one_event later
        where later.session_id = touched.id and later.application_id = $1 and later.created > e.created
          and later.created >= $2 and later.created < $5) end
  group by touched.kind, touched.id`;

const LACKING_EFFECTS = `
  select e.event_id, e.created, e.profile_id, e.session_id, e.payload -> 'effects' as effects
  from talon_one_event e
  where $6::boolean and ${STRETCH} and jsonb_typeof(e.payload -> 'effects') = 'array'
    and jsonb_array_length(e.payload -> 'effects') > (
      select count(*) from talon_one_effect f
      where f.application_id = $1 and f.event_id = e.event_id and f.created = e.created
        and f.created >= $2 and f.created < $3)`;

/** Counts what the stored events of a stretch lack. Changes nothing. */
export async function lackingConsequences(
  warehouse: Warehouse,
  stretch: Stretch,
): Promise<LackingConsequences> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<LackingConsequences>(
      `select (select count(*)::integer from (${LACKING_SNAPSHOTS}) as snapshot) as snapshots,
         (select count(*)::integer from (${LACKING_EFFECTS}) as effect) as effects`,
      valuesOf(stretch),
    ),
  );
  return rows[0] ?? { snapshots: 0, effects: 0 };
}

/** Makes what is lacking again: the effects as rows, and rows that owe the snapshots. Needs the lease of the Application. */
export async function restoreConsequences(client: Client, stretch: Stretch): Promise<void> {
  const [application, from, to, storedBefore, periodTo] = valuesOf(stretch);
  await client.query(
    `with lacking as (${LACKING_SNAPSHOTS})
     insert into talon_one_owed_snapshot (kind, application_id, id, event_id, first_created)
     select kind, $1, id, event_id, created from lacking
     on conflict (kind, application_id, id) do nothing`,
    [application, from, to, storedBefore, periodTo],
  );
  if (!stretch.normalizeEffects) return;
  await client.query(
    `with inserted as (${LACKING_EFFECTS}) ${EFFECTS} on conflict do nothing`,
    valuesOf(stretch),
  );
}

function valuesOf({ applicationId, from, to, storedBefore, normalizeEffects, periodTo }: Stretch) {
  return [
    applicationId,
    formatInstant(from),
    formatInstant(to),
    storedBefore,
    formatInstant(periodTo),
    normalizeEffects,
  ];
}
