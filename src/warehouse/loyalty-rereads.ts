import type { Warehouse } from './warehouse.js';

// Stored transactions that may say something else by now. The lists filter by creation, so a change of an older one does
// not show in them.

/** How far the events of each Application were looked at, RFC 3339 by Application. */
export type EventMarks = Readonly<Record<string, string>>;

/** Where the events of each Application stand now. */
export async function eventMarks(warehouse: Warehouse): Promise<EventMarks> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ marks: string }>(
      `select coalesce(jsonb_object_agg(application_id, last_sync), '{}')::text as marks from talon_one_sync_cursor`,
    ),
  );
  return JSON.parse(rows[0]?.marks ?? '{}') as EventMarks;
}

/**
 * Transactions of a program whose expiry date an effect has changed, in events stored since `marks` and, for those that
 * come late, `lookbackSeconds` before. Applications that have no mark are looked at from now on.
 */
export async function changedByEffects(
  warehouse: Warehouse,
  programId: string,
  marks: EventMarks,
  lookbackSeconds: number,
): Promise<string[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ uuid: string }>(CHANGED_BY_EFFECTS, [programId, JSON.stringify(marks), lookbackSeconds]),
  );
  return rows.map((row) => row.uuid);
}

// $1 program, $2 marks, $3 look-back in seconds.
const CHANGED_BY_EFFECTS = `
  select distinct affected ->> 'transactionUUID' as uuid
  from talon_one_sync_cursor c
  join talon_one_event e on e.application_id = c.application_id
    and e.created > coalesce(($2::jsonb ->> c.application_id::text)::timestamptz, c.last_sync) - $3 * interval '1 s'
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
