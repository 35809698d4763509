import { formatInstant, type Instant } from '../instant.js';
import { advanceCursor, type CursorAdvance, type Lease } from './cursor.js';
import type { Client } from './pool.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import type { Warehouse } from './warehouse.js';

/** A page of events with what was read of them: in its order, those with a problem left out. */
export interface EventPage extends RecordPage {
  readonly rows: readonly { readonly id: number | string; readonly created: Instant }[];
}

export interface EventPageWrite {
  readonly lease: Lease;
  readonly page: EventPage;
  /** How far the cursor moves together with the events. */
  readonly advance: CursorAdvance;
  readonly normalizeEffects: boolean;
  /** More statements of the same transaction, before the events are inserted. */
  readonly prepare?: (client: Client) => Promise<void>;
  /** Of new events created later than this, `created` is returned; default: of none, which costs nothing. */
  readonly timedAfter?: Instant | undefined;
}

export interface EventCounts extends StoreCounts {
  /** `created` of those new events, in seconds since 1970; only with `timedAfter`. */
  readonly timed?: readonly number[];
}

/**
 * Stores a page of events, their effects and the snapshots they call for, and moves the cursor: all or nothing, and
 * nothing without the lease. Events that are stored already change nothing.
 * @throws LeaseLostError when another replica has taken over
 */
export async function writeEventPage(warehouse: Warehouse, write: EventPageWrite): Promise<EventCounts> {
  const { lease, page, advance, normalizeEffects, timedAfter } = write;
  let timed: number[] = [];
  const counts = await storePage(warehouse, page, {
    kind: 'event',
    applicationId: lease.applicationId,
    fence: (client) => advanceCursor(client, lease, advance),
    prepare: async (client) => {
      timed = [];
      await write.prepare?.(client);
    },
    insert: async (client, text, way) => {
      const values = [lease.applicationId, text, normalizeEffects, formatOptional(timedAfter)];
      const { rows } = await (way === 'whole'
        ? client.query<Inserted>(INSERT_WHOLE, [...values, ...placesOf(page)])
        : client.query<Inserted>(INSERT_PARTS, values));
      timed.push(...(rows[0]?.timed ?? []));
      return rows[0]?.inserted ?? 0;
    },
  });
  return timedAfter === undefined ? counts : { ...counts, timed };
}

interface Inserted {
  readonly inserted: number;
  readonly timed: number[] | null;
}

function formatOptional(moment: Instant | undefined): string | null {
  return moment === undefined ? null : formatInstant(moment);
}

/** Where the page's events stand if they are stored: earliest and latest moment, and the IDs. */
function placesOf({ rows }: EventPage): [string | null, string | null, string] {
  const [first] = rows;
  let [earliest, latest] = [first?.created, first?.created];
  for (const { created } of rows) {
    if (earliest === undefined || created < earliest) earliest = created;
    if (latest === undefined || created > latest) latest = created;
  }
  // Postgres rounds nanoseconds, an Instant cuts them off. An array of JavaScript's would be quoted element by element.
  return [
    earliest === undefined ? null : formatInstant(earliest),
    latest === undefined ? null : formatInstant(latest + 1n),
    `{${rows.map((row) => row.id).join(',')}}`,
  ];
}

// $1 Application, $2 the page as it was sent, $3 whether effects become rows, $4 timedAfter. An ID of 0 means "none" (docs/api-facts.md, Applications and events).

const EVENTS = `
    insert into talon_one_event (application_id, event_id, created, type, profile_id, session_id, integration_id,
      store_integration_id, payload)
    select $1, (event -> 'id')::bigint, talon_one_instant(event ->> 'created'), event ->> 'type',
      nullif(talon_one_bigint(event -> 'profileId'), 0), nullif(talon_one_bigint(event -> 'sessionId'), 0),
      event ->> 'integrationId', event ->> 'storeIntegrationId', event
    from jsonb_array_elements($2::jsonb -> 'data') as page (event)`;

const STORED = `event_id, created, profile_id, session_id,
      case when $3 and jsonb_typeof(payload -> 'effects') = 'array' then payload -> 'effects' end as effects`;

/** Makes rows of the effects of `inserted`; $1 is the Application. */
export const EFFECTS = `
    insert into talon_one_effect (application_id, event_id, created, effect_index, effect_type, campaign_id, ruleset_id,
      rule_index, rule_name, triggered_by_coupon, profile_id, session_id, props)
    select $1, event_id, created, position - 1, effect ->> 'effectType', talon_one_bigint(effect -> 'campaignId'),
      talon_one_bigint(effect -> 'rulesetId'), talon_one_bigint(effect -> 'ruleIndex'), effect ->> 'ruleName',
      talon_one_bigint(effect -> 'triggeredByCoupon'), profile_id, session_id, effect -> 'props'
    from inserted, jsonb_array_elements(effects) with ordinality as list (effect, position)`;

const OWED = `
    insert into talon_one_owed_snapshot as o (kind, application_id, id, event_id, first_created)
    select kind, $1, id, max(event_id), min(created)
    from inserted, lateral (values ('profile', profile_id), ('session', session_id)) as touched (kind, id)
    where id is not null
    group by kind, id
    on conflict (kind, application_id, id) do update
      set event_id = greatest(o.event_id, excluded.event_id), version = o.version + 1,
          first_created = least(o.first_created, excluded.first_created)`;

const COUNTS = `select count(*)::integer as inserted,
    array_agg(extract(epoch from created)::float8) filter (where created > $4::timestamptz) as timed
  from inserted`;

// The usual way. `on conflict` costs a tenth of the whole page: each row is looked for, written as a guess, and confirmed.
// Whoever holds the lease is the only one who writes these rows, so looking once for all of them is enough. Where it is
// not (the same event twice in a page, effects without their event), the unique keys refuse, and the page goes in parts.
// $5, $6 earliest and latest moment of the page, by which partitions are left out; $7 its IDs.
const INSERT_WHOLE = `
  with known as materialized (
    select event_id, created from talon_one_event
    where application_id = $1 and created between $5 and $6 and event_id = any($7::bigint[])
  ), inserted as (${EVENTS}
    where not exists (
      select from known
      where known.event_id = (event -> 'id')::bigint and known.created = talon_one_instant(event ->> 'created')
    )
    returning ${STORED}
  ), effects as (${EFFECTS}
  ), owed as (${OWED}
  )
  ${COUNTS}`;

const INSERT_PARTS = `
  with inserted as (${EVENTS}
    on conflict do nothing
    returning ${STORED}
  ), effects as (${EFFECTS}
    on conflict do nothing
  ), owed as (${OWED}
  )
  ${COUNTS}`;
