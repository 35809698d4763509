import { expect, test } from 'vitest';
import { erasureJob } from '../src/sync/erasure-job.js';
import { JobRunner } from '../src/sync/job-runner.js';
import { finishErasures, forgetProfile, noteErasure, unfinishedErasures } from '../src/warehouse/forget.js';
import { ERASED_TABLES } from '../src/warehouse/forget-sql.js';
import { STORE_ROWS } from '../src/warehouse/loyalty-snapshot-sql.js';
import { quarantine } from '../src/warehouse/quarantine.js';
import { Warehouse } from '../src/warehouse/warehouse.js';
import { startSync, testLog } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

// Between the steps of `forget` other processes write, and any step may be the last one.

const db = useWarehouse({ poolSize: 8 });

/** What the daemon's job does when it is due. */
async function runJob(): Promise<void> {
  const { warehouse } = db();
  const kinds = [erasureJob({ warehouse })];
  const runner = new JobRunner({ warehouse, kinds, owner: 'test', leaseMs: 2_000, log: testLog().log });
  const { failed } = await runner.runOnce(new AbortController().signal);
  expect([...failed.values()]).toEqual([]);
}

/** As after a `forget` that was killed when the triggers were there. */
async function leaveUnfinished(id: string): Promise<string> {
  const [row] = await db().rows<{ id: string }>(
    `with noted as (insert into talon_one_erasure (id_hash) values (talon_one_hash($1)) returning erasure_id::text as id)
     select id, talon_one_guard_erasures() from noted`,
    id,
  );
  return row?.id ?? '';
}

const rowsOf = (id: string) =>
  db().rows<{ rows: Record<string, number>; runs: Record<string, Record<string, number>>; done: boolean }>(
    `select rows_blanked as rows, runs, finished_at is not null as done from talon_one_erasure where erasure_id = $1`,
    id,
  );

const withoutZeros = (rows: Record<string, number>) =>
  Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0));

const badRecord = (id: string) => ({
  kind: 'event' as const,
  applicationId: '1',
  reason: 'no time',
  raw: `{"id":1,"profileIntegrationId":"${id}"}`,
  source: 's',
});

/** What the daemon stores of a customer whose records come again with every look-back and every day. */
async function storeAsDaily(id: string): Promise<void> {
  await db().warehouse.transaction((client) => quarantine(client, badRecord(id)));
  const page = (rows: unknown) => ['1', '2026-01-01T00:00:00Z', JSON.stringify({ data: [rows] })];
  const columns = { profileintegrationid: id, mail: id };
  await db().rows(STORE_ROWS.balances, ...page({ ...columns, currentbalance: '5' }));
  await db().rows(STORE_ROWS.tiers, ...page({ ...columns, tiername: 'Gold' }));
  await db().rows(STORE_ROWS['join-dates'], ...page({ ...columns, joindate: '2025-01-01T00:00:00Z' }));
  await db().rows(
    STORE_ROWS.projection,
    ...page({ ...columns, currentbalance: '5' }),
    '2026-01-02',
    '2026-01-02Z',
  );
}

const HOLDER_TABLES = ['balance_snapshot', 'tier_snapshot', 'join_date', 'balance_projection'];
const holdersNow = async () =>
  Object.fromEntries(
    await Promise.all(
      HOLDER_TABLES.map(async (name) => [
        name,
        await db().value(`select string_agg(holder, ',' order by holder) from talon_one_loyalty_${name}`),
      ]),
    ),
  );

test('what the daemon stored blanked since the erasure began does not hinder its end', async () => {
  const id = 'met-again';
  await storeAsDaily(id);
  await db().rows(
    `update talon_one_quarantine set first_seen_at = '2026-01-01Z', last_seen_at = '2026-01-01Z'`,
  );
  const erasureId = await leaveUnfinished(id);
  // A cycle and the daily jobs, before everything is blanked.
  await storeAsDaily(id);
  expect(await db().value('select count(*) from talon_one_quarantine')).toBe('2');
  expect(await holdersNow()).toMatchObject({ join_date: expect.stringContaining(',') });

  const { rows } = await forgetProfile(db().warehouse, id);
  const one = `erased-${erasureId}`;
  const expected = Object.fromEntries(HOLDER_TABLES.map((name) => [name, one]));
  expect(await holdersNow()).toEqual(expected);
  expect(
    await db().rows(
      `select reason, first_seen_at = '2026-01-01Z' as is_first, last_seen_at > '2026-01-02Z' as is_last from talon_one_quarantine`,
    ),
  ).toEqual([{ reason: 'erased', is_first: true, is_last: true }]);
  expect(rows).toMatchObject({ talon_one_quarantine: 1, talon_one_loyalty_join_date: 1 });
  await storeAsDaily(id);
  expect(await holdersNow()).toEqual(expected);
  expect(await db().value('select count(*) from talon_one_quarantine')).toBe('1');
});

test('a row that another process stores blanked while it is being blanked is kept once', async () => {
  const id = 'at-once';
  await db().rows(
    `insert into talon_one_loyalty_join_date (program_id, holder, fetched_at) values (50, $1, '2026-01-01Z')`,
    id,
  );
  const erasureId = await leaveUnfinished(id);
  const client = await db().warehouse.pool.connect();
  try {
    await client.query('begin');
    await client.query(
      `insert into talon_one_loyalty_join_date (program_id, holder, fetched_at) values (50, $1, '2026-01-02Z')`,
      [id],
    );
    const finishing = finishErasures(db().warehouse, [erasureId]);
    // The gate waits for the writer: nobody can be between the trigger and the end.
    const waits = `select exists (select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database()))`;
    await expect.poll(() => db().value(waits), { timeout: 20_000 }).toBe('true');
    await client.query('commit');
    await finishing;
  } finally {
    client.release();
  }
  expect(await db().rows(`select holder from talon_one_loyalty_join_date where program_id = 50`)).toEqual([
    { holder: `erased-${erasureId}` },
  ]);
});

test('an erasure that was interrupted after its first step is finished by the daemon, which never knew the ID', async () => {
  const id = 'left-behind';
  await db().rows(
    `insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, integration_id, payload)
     values (60001, '2026-01-01Z', 1, true, $1, jsonb_build_object('integrationId', $1::text))`,
    id,
  );
  await db().rows(
    `insert into talon_one_event (application_id, event_id, created, profile_id, session_id, payload)
     values (1, 60002, '2026-01-01Z', 60001, 60003, '{"attributes": {"mail": "a@x"}}')`,
  );
  await storeAsDaily(id);
  const erasureId = await noteErasure(db().warehouse, id);
  expect(await unfinishedErasures(db().warehouse)).toContain(erasureId);
  await runJob();
  expect(await unfinishedErasures(db().warehouse)).toEqual([]);
  expect(await db().value(`select payload::text from talon_one_event where event_id = 60002`)).not.toContain(
    'a@x',
  );
  expect(await holdersNow()).not.toMatchObject({ join_date: expect.stringContaining(id) });
  const [row] = await rowsOf(erasureId);
  expect(row).toMatchObject({ done: true, rows: { talon_one_event: 1, talon_one_profile_snapshot: 1 } });
  expect(Object.values(row?.runs ?? {})).toEqual([row?.rows]);
});

/** Fails for ever from its n-th transaction on, before it or after its commit: the process is gone. */
class DyingWarehouse extends Warehouse {
  private left: number;

  constructor(
    from: Warehouse,
    transactions: number,
    private readonly afterCommit: boolean,
  ) {
    super({ pool: from.pool, schema: from.schema, idleInTransactionMs: 30_000 });
    this.left = transactions;
  }

  override async transaction<T>(
    ...parameters: Parameters<typeof Warehouse.prototype.transaction<T>>
  ): Promise<T> {
    this.left -= 1;
    if (this.left < 0 || (this.left === 0 && !this.afterCommit)) throw new Error('killed');
    const result = await super.transaction(...parameters);
    if (this.left === 0) throw new Error('killed');
    return result;
  }
}

test('after a crash at any step the next run finishes; every row is counted once, and each run leaves its figures', async () => {
  const expected = {
    talon_one_event: 2,
    talon_one_quarantine: 1,
    talon_one_loyalty_join_date: 1,
    talon_one_profile_snapshot: 1,
  };
  // Four transactions before the tables, one for each of them, two after.
  const last = ERASED_TABLES.length + 6;
  let crashed = 0;
  for (const step of [1, 2, 3, 4, 5, 6, 7, 13, 18, last - 2, last - 1, last]) {
    for (const afterCommit of step < 7 ? [false, true] : [true]) {
      const id = `crash-${step}-${afterCommit}`;
      const number = 61_000 + step * 10 + (afterCommit ? 5 : 0);
      await db().rows(
        `with p as (insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, integration_id)
           values ($1, '2026-01-01Z', 1, true, $2)),
         e as (insert into talon_one_event (application_id, event_id, created, profile_id, payload)
           select 1, $1 + n, '2026-01-01Z', $1, '{"note": "secret"}' from generate_series(1, 2) n),
         q as (insert into talon_one_quarantine (kind, application_id, reason, raw, source)
           values ('event', 1, 'r', jsonb_build_object('profileId', $1::bigint, 'to', $2::text)::text, 's'))
         insert into talon_one_loyalty_join_date (program_id, holder, fetched_at) values ($1, $2, '2026-01-01Z')`,
        number,
        id,
      );
      const dying = new DyingWarehouse(db().warehouse, step, afterCommit);
      const died = await forgetProfile(dying, id).then(
        () => false,
        () => true,
      );
      if (died) crashed += 1;
      // Killed before anything was noted, nobody but the command knows what was wanted.
      const noted = await db().value(
        'select erasure_id from talon_one_erasure where id_hash = talon_one_hash($1)',
        id,
      );
      if (noted === null || step % 2 === 0) await forgetProfile(db().warehouse, id);
      else await runJob();
      const erasureId =
        (await db().value(
          'select erasure_id from talon_one_erasure where id_hash = talon_one_hash($1)',
          id,
        )) ?? '';
      const [row] = await rowsOf(erasureId);
      expect([id, row?.done, withoutZeros(row?.rows ?? {})]).toEqual([id, true, expected]);
      const sums: Record<string, number> = {};
      for (const run of Object.values(row?.runs ?? {}))
        for (const [table, count] of Object.entries(run)) sums[table] = (sums[table] ?? 0) + count;
      expect([id, withoutZeros(sums)]).toEqual([id, expected]);
      // Again: nothing to do, and what was done stays on record.
      await forgetProfile(db().warehouse, id);
      const [again] = await rowsOf(erasureId);
      expect(again?.rows).toMatchObject(expected);
      expect(Object.keys(again?.runs ?? {}).length).toBe(Object.keys(row?.runs ?? {}).length + 1);
    }
  }
  expect(crashed).toBeGreaterThan(10);
});

test('a profile that becomes known later is blanked with its earlier events, sessions and texts, without anybody asking', async () => {
  const sync = await startSync(db());
  const { sim, number, applicationId } = sync;
  const id = 'comes-back@example.com';
  await forgetProfile(db().warehouse, id);
  // Stored while nobody knows whose they are: the session tells its customer later, the profile its name.
  const [profile, session] = [75_001, 75_002];
  await db().rows(
    `with raw as (insert into talon_one_quarantine (kind, application_id, reason, raw, source)
       values ('event', $1, 'r', '{"sessionId": ${session}, "note": "hidden-1"}', 's'))
     insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original)
     values ('session', $1, ${session}, 'h', '{}', 'hidden-2')`,
    applicationId,
  );
  sim.addEvent(number, { sessionId: session, attributes: { mail: 'hidden-3' } });
  sim.setSessionPayload(
    number,
    session,
    `{"id":${session},"integrationId":"order-9","attributes":{"mail":"hidden-4"}}`,
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows(
    `insert into talon_one_loyalty_transaction (program_id, transaction_uuid, created, type, amount, subledger_id, card_identifier, session_integration_id, payload)
     values (75, 'u', now(), 'addition', 3, '', 'card', 'order-9', '{"note": "hidden-5"}')`,
  );
  sim.setProfilePayload(
    profile,
    `{"id":${profile},"integrationId":"${id}","attributes":{"mail":"hidden-6"}}`,
  );
  sim.setSessionPayload(
    number,
    session,
    `{"id":${session},"integrationId":"order-9","profileId":${profile},"attributes":{"mail":"hidden-7"}}`,
  );
  sim.addEvent(number, { profileId: profile, sessionId: session, attributes: { mail: 'hidden-8' } });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  expect(await unfinishedErasures(db().warehouse)).toHaveLength(1);
  await runJob();
  expect(await unfinishedErasures(db().warehouse)).toEqual([]);
  const tables = ERASED_TABLES.map(({ table }) => `select to_jsonb(t)::text as line from ${table} t`).join(
    ' union all ',
  );
  expect(
    await db().rows(`select line from (${tables}) as every_row where line ~ 'hidden-|comes-back|order-9'`),
  ).toEqual([]);
  expect(await db().value(`select amount from talon_one_loyalty_transaction where program_id = 75`)).toBe(
    '3',
  );
});
