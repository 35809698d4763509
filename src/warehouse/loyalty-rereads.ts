import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// Stored transactions that may say something else by now. The lists filter by creation, so a change of an older one does
// not show in them.

/** A moment in the events of each Application, RFC 3339 by Application. */
export type EventMarks = Readonly<Record<string, string>>;

/** Where the events of each Application stand now. */
export async function eventMarks(warehouse: Warehouse): Promise<EventMarks> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ application_id: string; mark: string }>(
      `select application_id::text, ${rfc3339('last_sync')} as mark from talon_one_sync_cursor order by application_id`,
    ),
  );
  return Object.fromEntries(rows.map((row) => [row.application_id, row.mark]));
}

/** RFC 3339, `seconds` ago on the clock of Postgres. */
export async function momentAgo(warehouse: Warehouse, seconds: number): Promise<string> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ moment: string }>(
      `select ${rfc3339('moment')} as moment from (select clock_timestamp() - $1 * interval '1 s') as ago (moment)`,
      [seconds],
    ),
  );
  return rows[0]?.moment ?? '';
}

/** What some of the events say. */
export interface EventSlice {
  /** Transactions whose expiry date an effect has changed. */
  readonly uuids: readonly string[];
  /** Last event that was looked at in the Applications that have more; the others were looked at to their end. */
  readonly ends: EventMarks;
}

/**
 * Transactions of a program whose expiry date an effect has changed, in the events stored after `after`, the oldest
 * first.
 * @param most events to look at, in all Applications together: an event may have thousands of effects, and the statement
 *   must end in time however many were stored
 */
export async function changedByEffects(
  warehouse: Warehouse,
  programId: string,
  after: EventMarks,
  most: number,
): Promise<EventSlice> {
  const share = Math.max(1, Math.floor(most / Object.keys(after).length));
  return warehouse.transaction(async (client) => {
    const from = JSON.stringify(after);
    const full = await client.query<{ application_id: string; last: string }>(FULL_SLICES, [from, share]);
    const ends = Object.fromEntries(full.rows.map((row) => [row.application_id, row.last]));
    const values = [programId, from, JSON.stringify(ends)];
    const { rows } = await client.query<{ uuid: string }>(CHANGED_BY_EFFECTS, values);
    return { uuids: rows.map((row) => row.uuid), ends };
  });
}

// $1 moments by Application, $2 how many events make a slice full.
const FULL_SLICES = `
  select application_id, ${rfc3339('last')} as last
  from jsonb_each_text($1::jsonb) as start (application_id, moment)
  cross join lateral (
    select count(*) as events, max(created) as last
    from (select created from talon_one_event e
          where e.application_id = start.application_id::bigint and e.created > moment::timestamptz
          order by created limit $2) as coming) as slice
  where events = $2`;

// $1 program, $2 moments by Application, $3 the same: ends, where there are any.
const CHANGED_BY_EFFECTS = `
  select distinct affected ->> 'transactionUUID' as uuid
  from jsonb_each_text($2::jsonb) as start (application_id, moment)
  join talon_one_event e on e.application_id = start.application_id::bigint and e.created > moment::timestamptz
    and e.created <= coalesce(($3::jsonb ->> start.application_id)::timestamptz, 'infinity')
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(e.payload -> 'effects') = 'array' then e.payload -> 'effects' else '[]' end) as list (effect)
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(effect -> 'props' -> 'affectedTransactions') = 'array'
      then effect -> 'props' -> 'affectedTransactions' else '[]' end) as changes (affected)
  where effect ->> 'effectType' in ('extendLoyaltyPointsExpiryDate', 'setLoyaltyPointsExpiryDate')
    and talon_one_bigint(effect -> 'props' -> 'programId') = $1 and affected ->> 'transactionUUID' <> ''
  order by uuid`;

/** Stored transactions of a program whose points wait for an action and have not expired. */
export async function waitingTransactions(warehouse: Warehouse, programId: string): Promise<string[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ uuid: string }>(
      `select transaction_uuid as uuid from talon_one_loyalty_transaction
       where program_id = $1 and start_date = 'on_action' and type = 'addition'
         and transaction_uuid not like 'id:%' and coalesce(expires_at > clock_timestamp(), true)
       order by created`,
      [programId],
    ),
  );
  return rows.map((row) => row.uuid);
}
