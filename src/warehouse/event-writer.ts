import { formatInstant, type Instant } from '../instant.js';
import { advanceCursor, type CursorAdvance, type Lease } from './cursor.js';
import type { Client } from './pool.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import type { Warehouse } from './warehouse.js';

export interface EventPageWrite {
  readonly lease: Lease;
  readonly page: RecordPage;
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
    begin: async (client) => {
      timed = [];
      await advanceCursor(client, lease, advance);
      await write.prepare?.(client);
    },
    insert: async (client, text) => {
      const { rows } = await client.query<{ inserted: number; timed: number[] | null }>(INSERT_EVENTS, [
        lease.applicationId,
        text,
        normalizeEffects,
        timedAfter === undefined ? null : formatInstant(timedAfter),
      ]);
      timed.push(...(rows[0]?.timed ?? []));
      return rows[0]?.inserted ?? 0;
    },
  });
  return timedAfter === undefined ? counts : { ...counts, timed };
}

// $1 Application, $2 the page as it was sent, $3 whether effects become rows, $4 timedAfter. An ID of 0 means "none" (API section 4.3).
const INSERT_EVENTS = `
  with inserted as (
    insert into talon_one_event as e
      (application_id, event_id, created, type, profile_id, session_id, integration_id, store_integration_id, payload)
    select $1, (event -> 'id')::bigint, talon_one_instant(event ->> 'created'), event ->> 'type',
      nullif(talon_one_bigint(event -> 'profileId'), 0), nullif(talon_one_bigint(event -> 'sessionId'), 0),
      event ->> 'integrationId', event ->> 'storeIntegrationId', event
    from jsonb_array_elements($2::jsonb -> 'data') as page (event)
    on conflict do nothing
    returning event_id, created, profile_id, session_id, payload
  ), effects as (
    insert into talon_one_effect
      (application_id, event_id, created, effect_index, effect_type, campaign_id, ruleset_id, rule_index, rule_name,
       triggered_by_coupon, profile_id, session_id, props)
    select $1, event_id, created, position - 1, effect ->> 'effectType', talon_one_bigint(effect -> 'campaignId'),
      talon_one_bigint(effect -> 'rulesetId'), talon_one_bigint(effect -> 'ruleIndex'), effect ->> 'ruleName',
      talon_one_bigint(effect -> 'triggeredByCoupon'), profile_id, session_id, effect -> 'props'
    from inserted, jsonb_array_elements(
      case when $3 and jsonb_typeof(payload -> 'effects') = 'array' then payload -> 'effects' else '[]' end
    ) with ordinality as list (effect, position)
    on conflict do nothing
  ), owed as (
    insert into talon_one_owed_snapshot as o (kind, application_id, id, event_id, first_created)
    select kind, $1, id, max(event_id), min(created)
    from inserted, lateral (values ('profile', profile_id), ('session', session_id)) as touched (kind, id)
    where id is not null
    group by kind, id
    on conflict (kind, application_id, id) do update
      set event_id = greatest(o.event_id, excluded.event_id), version = o.version + 1,
          first_created = least(o.first_created, excluded.first_created)
  )
  select count(*)::integer as inserted,
    array_agg(extract(epoch from created)::float8) filter (where created > $4::timestamptz) as timed
  from inserted`;
