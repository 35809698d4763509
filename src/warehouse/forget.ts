import { ERASED_TABLES } from './forget-sql.js';
import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

// Forgetting a customer:
//
// 1. Find the internal IDs of the profiles with this integration ID, and of their sessions.
// 2. In one transaction, with nobody writing: note the erasure and these IDs, and make the triggers that blank what
//    comes from now on. It waits for writers at work, so nothing can come in behind it.
// 3. In another one: blank everything that is stored.
//
// The triggers exist only in databases where somebody has been forgotten. A join in the writers' statements would cost
// everybody else something with each page, and every statement that is written in future would have to remember it.

/** Whole tables are looked through: few have an index by customer. */
const LIMITS = { statementMs: 3_600_000, lockMs: 60_000 };

/** Tables with triggers: migrations/0011_commands.sql. */
const GUARDED_TABLES =
  'talon_one_event, talon_one_profile_snapshot, talon_one_session_snapshot, talon_one_loyalty_transaction, talon_one_loyalty_balance_snapshot, talon_one_loyalty_tier_snapshot, talon_one_loyalty_join_date, talon_one_loyalty_balance_projection, talon_one_coupon, talon_one_referral, talon_one_original_text, talon_one_quarantine, talon_one_export_row';

/** $1 integration ID. Events know sessions whose snapshots nobody has. */
const FIND_KEYS = `
  with profiles as (
    select profile_id as id from talon_one_profile_snapshot
    where integration_id in (
      $1, (select 'erased-' || erasure_id from talon_one_erasure where id_hash = talon_one_hash($1)))
    union
    select id from talon_one_erasure_key join talon_one_erasure using (erasure_id)
    where kind = 'profile' and id_hash = talon_one_hash($1)
  )
  select 'profile' as kind, id::text, '0' as application_id from profiles
  union all
  select 'session', session_id::text, application_id::text from (
    select session_id, application_id from talon_one_session_snapshot where profile_id in (select id from profiles)
    union
    select session_id, application_id from talon_one_event
    where profile_id in (select id from profiles) and session_id is not null
  ) as sessions`;

export interface Erasure {
  /** `undefined` in a dry run. */
  readonly erasureId: string | undefined;
  readonly profiles: number;
  readonly sessions: number;
  /** Rows that were blanked, by table; without those that were blank already. */
  readonly rows: Readonly<Record<string, number>>;
}

interface Keys {
  readonly profiles: readonly string[];
  /** Application and session. */
  readonly sessions: readonly { readonly applicationId: string; readonly id: string }[];
}

class UndoError extends Error {}

/** Blanks everything that is stored of a customer, and lets nothing of that customer be stored again. */
export async function forgetProfile(warehouse: Warehouse, integrationId: string): Promise<Erasure> {
  let keys = await warehouse.transaction((client) => findKeys(client, integrationId), LIMITS);
  for (;;) {
    const known = keys;
    const erasureId = await warehouse.transaction(async (client) => {
      await client.query(`lock table ${GUARDED_TABLES} in share row exclusive mode`);
      const id = await noteErasure(client, integrationId, known);
      await client.query('select talon_one_guard_erasures()');
      return id;
    }, LIMITS);
    // A profile may have been stored for the first time meanwhile.
    keys = await warehouse.transaction((client) => findKeys(client, integrationId), LIMITS);
    if (keys.profiles.some((id) => !known.profiles.includes(id))) continue;
    const rows = await warehouse.transaction(
      (client) => blankAll(client, integrationId, erasureId, known),
      LIMITS,
    );
    return { erasureId, profiles: known.profiles.length, sessions: known.sessions.length, rows };
  }
}

/** Says what `forgetProfile` would blank: does it in a transaction, and takes it back. */
export async function tryToForget(warehouse: Warehouse, integrationId: string): Promise<Erasure> {
  let found: Erasure | undefined;
  const attempt = async (client: Client) => {
    const keys = await findKeys(client, integrationId);
    const id = await noteErasure(client, integrationId, keys);
    const rows = await blankAll(client, integrationId, id, keys);
    found = { erasureId: undefined, profiles: keys.profiles.length, sessions: keys.sessions.length, rows };
    throw new UndoError();
  };
  await warehouse.transaction(attempt, LIMITS).catch((error: unknown) => {
    if (!(error instanceof UndoError)) throw error;
  });
  return found ?? { erasureId: undefined, profiles: 0, sessions: 0, rows: {} };
}

async function findKeys(client: Client, integrationId: string): Promise<Keys> {
  const { rows } = await client.query<{ kind: string; id: string; application_id: string }>(FIND_KEYS, [
    integrationId,
  ]);
  return {
    profiles: rows.filter(({ kind }) => kind === 'profile').map(({ id }) => id),
    sessions: rows
      .filter(({ kind }) => kind === 'session')
      .map(({ id, application_id: applicationId }) => ({ id, applicationId })),
  };
}

async function noteErasure(client: Client, integrationId: string, keys: Keys): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `insert into talon_one_erasure (id_hash) values (talon_one_hash($1))
     on conflict (id_hash) do update set finished_at = null returning erasure_id::text as id`,
    [integrationId],
  );
  const id = rows[0]?.id ?? '0';
  await client.query(
    `insert into talon_one_erasure_key (kind, id, application_id, erasure_id)
     select 'profile', id, 0, $1::bigint from unnest($2::bigint[]) as p (id)
     union all
     select 'session', id, application_id, $1::bigint from unnest($3::bigint[], $4::bigint[]) as s (id, application_id)
     on conflict do nothing`,
    [id, keys.profiles, keys.sessions.map((one) => one.id), keys.sessions.map((one) => one.applicationId)],
  );
  return id;
}

async function blankAll(
  client: Client,
  integrationId: string,
  erasureId: string,
  { profiles, sessions }: Keys,
): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  const values = [integrationId, erasureId, profiles, sessions.map((one) => one.id)];
  for (const { table, statement } of ERASED_TABLES) {
    const { rowCount } = await client.query(statement, values);
    rows[table] = rowCount ?? 0;
  }
  await client.query(
    `update talon_one_erasure set finished_at = clock_timestamp(), rows_blanked = $2 where erasure_id = $1`,
    [erasureId, JSON.stringify(rows)],
  );
  return rows;
}
