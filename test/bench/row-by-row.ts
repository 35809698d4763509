import type { Client } from '../../src/warehouse/pool.js';
import { EFFECT_COLUMNS, EVENT_COLUMNS, type EventRows, OWED_AGAIN, type Row } from './parsed-page.js';

// What one would write first: a statement for each event, each effect, and each profile and session that is owed.

export async function insertRowByRow(
  client: Client,
  applicationId: string,
  rows: readonly EventRows[],
): Promise<void> {
  for (const { event, effects, owed } of rows) {
    await client.query(INSERT_EVENT, [...event]);
    for (const effect of effects) await client.query(INSERT_EFFECT, [...effect]);
    for (const one of owed) await client.query(INSERT_OWED, [applicationId, ...one]);
  }
}

const INSERT_EVENT = `insert into talon_one_event (${EVENT_COLUMNS})
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`;

const INSERT_EFFECT = `insert into talon_one_effect (${EFFECT_COLUMNS})
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing`;

const INSERT_OWED = `insert into talon_one_owed_snapshot as o (application_id, kind, id, event_id, first_created)
  values ($1, $2, $3, $4, $5) ${OWED_AGAIN}`;

/** Arrays of Node, a column each. */
export async function insertByUnnest(
  client: Client,
  applicationId: string,
  rows: readonly EventRows[],
  owed: readonly Row[],
): Promise<void> {
  await client.query(UNNEST_EVENTS, columnsOf(rows.map((row) => row.event)));
  await client.query(UNNEST_EFFECTS, columnsOf(rows.flatMap((row) => row.effects)));
  await client.query(UNNEST_OWED, [applicationId, ...columnsOf(owed)]);
}

const UNNEST_EVENTS = `insert into talon_one_event (${EVENT_COLUMNS})
  select * from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
    $8::text[], $9::jsonb[]) on conflict do nothing`;

const UNNEST_EFFECTS = `insert into talon_one_effect (${EFFECT_COLUMNS})
  select * from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::integer[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::jsonb[]) on conflict do nothing`;

const UNNEST_OWED = `insert into talon_one_owed_snapshot as o (application_id, kind, id, event_id, first_created)
  select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[]) ${OWED_AGAIN}`;

function columnsOf(rows: readonly Row[]): Row[] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? null));
}
