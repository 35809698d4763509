import { expect, test } from 'vitest';
import { migrate } from '../src/warehouse/migrate.js';
import { takeSlot } from '../src/warehouse/request-slots.js';
import { event, storeEvents } from './support/records.js';
import { expectEverythingStored, expectFresh } from './support/stored.js';
import { startSync } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

// PgBouncer in transaction mode hands every transaction another session: nothing may be left in one, or be expected.

const db = useWarehouse();

const SETTINGS = [
  'search_path',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'timezone',
  'datestyle',
  'application_name',
  'role',
  'default_transaction_isolation',
];

test('whatever the sync does, the session afterwards is as it was before', async () => {
  const warehouse = db().open({ poolSize: 1 });
  const { pool } = warehouse;
  const state = async () => {
    const { rows } = await pool.query<Record<string, unknown>>(
      `select pg_backend_pid() as pid,
         (select jsonb_object_agg(name, current_setting(name)) from unnest($1::text[]) as name) as settings,
         (select count(*)::int from pg_prepared_statements) as statements,
         (select count(*)::int from pg_listening_channels()) as channels,
         (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as advisory_locks,
         (select count(*)::int from pg_class where relpersistence = 't') as temporary_tables`,
      [SETTINGS],
    );
    return rows[0];
  };
  const before = await state();
  expect(before).toMatchObject({ statements: 0, channels: 0, advisory_locks: 0, temporary_tables: 0 });

  await migrate(warehouse);
  const sync = await startSync(db(), { events: 80, warehouse, environment: { PAGE_SIZE: '30' } });
  const waiter = { name: 'a', isLive: true, queues: true };
  await takeSlot(warehouse, { budget: 'b', endpoint: 'GET /a', slots: 3, holdMs: 1 }, waiter);
  sync.sim.addEvent(sync.number, { payload: '{"id":"bad"}', id: null });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  sync.sim.emit(sync.number, 5);
  await sync.scheduler().runOnce(new AbortController().signal);
  expect(await state()).toEqual(before);
});

test('a transaction that fails leaves nothing in the session either', async () => {
  const warehouse = db().open({ poolSize: 1 });
  const lease = await db().newLease();
  const show = async () =>
    (await warehouse.pool.query('show search_path; show statement_timeout')) as unknown;
  const pid = async () => (await warehouse.pool.query('select pg_backend_pid() as pid')).rows[0].pid;
  const before = [await pid(), JSON.stringify(await show())];
  await expect(
    warehouse.transaction((client) => client.query('select 1 / 0'), { statementMs: 77, lockMs: 78 }),
  ).rejects.toThrow('division by zero');
  await storeEvents(warehouse, lease, [event({ attributes: '{"v":"\\u0000"}' }), '{"id":"bad"}']);
  expect([await pid(), JSON.stringify(await show())]).toEqual(before);
});

test('each transaction brings its settings, whatever the session it gets was told before', async () => {
  const warehouse = db().open({ poolSize: 1 });
  await warehouse.pool.query(
    `set search_path to pg_catalog; set timezone to 'Asia/Tokyo'; set datestyle to 'German, DMY'; set statement_timeout to '1 h'`,
  );
  const { rows } = await warehouse.transaction((client) => client.query('show statement_timeout'));
  expect(rows).toEqual([{ statement_timeout: '2min' }]);
  const sync = await startSync(db(), { events: 30, warehouse });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  await expectFresh(db(), sync.applicationId);
  const shifted = `select count(*) from talon_one_event
    where application_id = $1 and created <> (payload ->> 'created')::timestamptz`;
  expect(await db().value(shifted, sync.applicationId)).toBe('0');
  const lease = await db().newLease();
  await storeEvents(warehouse, lease, [event({ created: '2026-01-15T12:00:00' })]);
  const withoutOffset = 'select max(created) from talon_one_event where application_id = $1';
  expect(await db().value(withoutOffset, lease.applicationId)).toBe('2026-01-15 12:00:00+00');
});

test('a cycle needs no session twice: every transaction may get another one', async () => {
  const warehouse = db().open();
  warehouse.pool.options.maxUses = 1;
  const sync = await startSync(db(), { events: 60, warehouse, environment: { PAGE_SIZE: '20' } });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  await expectFresh(db(), sync.applicationId);
});
