import { sleep } from '../clock.js';
import { ERASED_TABLES, noteKeys } from './forget-sql.js';
import type { Client } from './pool.js';
import { isTimeout } from './sqlstate.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// Forgetting customers. Each step is a transaction of its own, and each may be done again:
//
// 1. Note the erasure, by the hash of the integration ID, and what is known of its profiles and sessions.
// 2. With nobody writing for a moment: make the triggers that blank what comes from now on. Whoever was writing before
//    has ended, so nothing can come in behind it.
// 3. Blank everything that is stored, table by table; the counts are committed together with the rows.
// 4. Note the end.
//
// Only the first step needs the integration ID. What was interrupted, and profiles that become known later, are a matter
// of the daemon's job (sync/erasure-job.ts), which does the rest with the same statements.
//
// The triggers exist only in databases where somebody has been forgotten. A join in the writers' statements would cost
// everybody else something with each page, and every statement that is written in future would have to remember it.

/** Whole tables are looked through: few have an index by customer. */
const LIMITS = { statementMs: 3_600_000, lockMs: 60_000 };
/** Whoever waits for this lock keeps all writers waiting, and they give up after fifteen seconds. */
const BARRIER_LIMITS = { ...LIMITS, lockMs: 5_000 };
const BARRIER_ATTEMPTS = 12;
const BARRIER_PAUSE_MS = 1_000;

/** Tables with triggers: migrations/0011_commands.sql. */
const GUARDED_TABLES =
  'talon_one_event, talon_one_profile_snapshot, talon_one_session_snapshot, talon_one_loyalty_transaction, talon_one_loyalty_balance_snapshot, talon_one_loyalty_tier_snapshot, talon_one_loyalty_join_date, talon_one_loyalty_balance_projection, talon_one_coupon, talon_one_referral, talon_one_change, talon_one_original_text, talon_one_quarantine, talon_one_export, talon_one_export_row, talon_one_import_part';

export interface Erasure {
  /** `undefined` in a dry run. */
  readonly erasureId: string | undefined;
  readonly profiles: number;
  readonly sessions: number;
  /** Rows that were blanked, by table; without those that were blank already. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Blanks everything that is stored of a customer, and lets nothing of that customer be stored again. */
export async function forgetProfile(warehouse: Warehouse, integrationId: string): Promise<Erasure> {
  const erasureId = await noteErasure(warehouse, integrationId);
  const rows = await finishErasures(warehouse, [erasureId]);
  const known = await warehouse.transaction((client) => countKeys(client, erasureId));
  return { erasureId, ...known, rows };
}

/** First step: from here on the daemon finishes what is not finished. Returns the number of the erasure. */
export async function noteErasure(warehouse: Warehouse, integrationId: string): Promise<string> {
  return warehouse.transaction(async (client) => {
    const id = await insertErasure(client, integrationId);
    await client.query(noteKeys, [[id]]);
    return id;
  }, LIMITS);
}

/** Erasures that were interrupted, or of which a profile or session has become known since. */
export async function unfinishedErasures(warehouse: Warehouse): Promise<string[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ id: string }>(
      `select erasure_id::text as id from talon_one_erasure where finished_at is null
       union select erasure_id::text from talon_one_erasure_key where blanked_at is null order by id`,
    ),
  );
  return rows.map((row) => row.id);
}

/**
 * Blanks what is stored of these erasures; others may do the same at once.
 * @param signal ends it between two tables
 * @returns rows that were blanked, by table
 */
export async function finishErasures(
  warehouse: Warehouse,
  erasureIds: readonly string[],
  signal?: AbortSignal,
): Promise<Record<string, number>> {
  const since = await closeGate(warehouse, erasureIds, signal);
  const total: Record<string, number> = {};
  for (const { table, statement } of ERASED_TABLES) {
    signal?.throwIfAborted();
    total[table] = await warehouse.transaction(async (client) => {
      const counts = await blankTable(client, statement, erasureIds, since);
      for (const { id, rows } of counts) await addRows(client, id, since, table, rows);
      return sumOf(counts);
    }, LIMITS);
  }
  await warehouse.transaction((client) => noteEnd(client, erasureIds, since), LIMITS);
  return total;
}

/** Says what `forgetProfile` would blank: does it in a transaction, and takes it back table by table. */
export async function tryToForget(warehouse: Warehouse, integrationId: string): Promise<Erasure> {
  let found: Erasure | undefined;
  const attempt = async (client: Client) => {
    const id = await insertErasure(client, integrationId);
    await client.query(noteKeys, [[id]]);
    const since = await now(client);
    const rows: Record<string, number> = {};
    for (const { table, statement } of ERASED_TABLES) {
      // So that no row stays locked while the next table is looked through.
      await client.query('savepoint before');
      rows[table] = sumOf(await blankTable(client, statement, [id], since));
      await client.query('rollback to savepoint before; release savepoint before');
    }
    found = { erasureId: undefined, ...(await countKeys(client, id)), rows };
    throw new UndoError();
  };
  await warehouse.transaction(attempt, LIMITS).catch((error: unknown) => {
    if (!(error instanceof UndoError)) throw error;
  });
  return found ?? { erasureId: undefined, profiles: 0, sessions: 0, rows: {} };
}

class UndoError extends Error {}

/**
 * Nothing of these customers is stored in clear once this has resolved.
 * @returns the moment up to which keys are noted: rows of theirs may be stored, those of later keys wait for another run
 */
async function closeGate(
  warehouse: Warehouse,
  erasureIds: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  for (;;) {
    const since = await warehouse.transaction(now);
    await makeGuards(warehouse, signal);
    // A profile may have been stored for the first time before there was a trigger.
    const noted = await warehouse.transaction(
      async (client) => (await client.query(noteKeys, [erasureIds])).rowCount,
      LIMITS,
    );
    if (noted === 0) return since;
  }
}

async function makeGuards(warehouse: Warehouse, signal?: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await warehouse.transaction(async (client) => {
        await client.query(`lock table ${GUARDED_TABLES} in share row exclusive mode`);
        await client.query('select talon_one_guard_erasures()');
      }, BARRIER_LIMITS);
    } catch (error) {
      if (!isTimeout(error) || attempt === BARRIER_ATTEMPTS) throw error;
      await sleep(BARRIER_PAUSE_MS, signal);
    }
  }
}

async function insertErasure(client: Client, integrationId: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `insert into talon_one_erasure (id_hash, is_escaped)
     values (talon_one_hash($1), to_jsonb($1::text)::text <> '"' || $1 || '"')
     on conflict (id_hash) do update set finished_at = null returning erasure_id::text as id`,
    [integrationId],
  );
  return rows[0]?.id ?? '0';
}

interface Count {
  readonly id: string;
  readonly rows: number;
}

async function blankTable(
  client: Client,
  statement: string,
  erasureIds: readonly string[],
  since: string,
): Promise<Count[]> {
  return (await client.query<Count>(statement, [erasureIds, since])).rows;
}

function sumOf(counts: readonly Count[]): number {
  return counts.reduce((sum, { rows }) => sum + rows, 0);
}

async function addRows(client: Client, erasureId: string, run: string, table: string, rows: number) {
  await client.query(
    `update talon_one_erasure
     set rows_blanked = rows_blanked || jsonb_build_object($3::text, coalesce((rows_blanked ->> $3)::bigint, 0) + $4::bigint),
         runs = runs || jsonb_build_object($2::text, coalesce(runs -> $2, '{}') || jsonb_build_object($3::text, $4::bigint))
     where erasure_id = $1`,
    [erasureId, run, table, rows],
  );
}

async function noteEnd(client: Client, erasureIds: readonly string[], since: string): Promise<void> {
  await client.query(
    `update talon_one_erasure_key set blanked_at = clock_timestamp()
     where erasure_id = any($1::bigint[]) and noted_at <= $2 and blanked_at is null`,
    [erasureIds, since],
  );
  await client.query(
    `update talon_one_erasure
     set finished_at = clock_timestamp(),
         runs = case when finished_at is null then jsonb_build_object($2::text, '{}'::jsonb) else '{}' end || runs
     where erasure_id = any($1::bigint[])`,
    [erasureIds, since],
  );
}

async function countKeys(client: Client, erasureId: string): Promise<{ profiles: number; sessions: number }> {
  const { rows } = await client.query<{ profiles: number; sessions: number }>(
    `select count(*) filter (where kind = 'profile')::integer as profiles,
       count(*) filter (where kind = 'session')::integer as sessions
     from talon_one_erasure_key where erasure_id = $1`,
    [erasureId],
  );
  return rows[0] ?? { profiles: 0, sessions: 0 };
}

async function now(client: Client): Promise<string> {
  const { rows } = await client.query<{ moment: string }>(
    `select ${rfc3339('moment')} as moment from clock_timestamp() as moment`,
  );
  return rows[0]?.moment ?? '';
}
