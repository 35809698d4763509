import { describe, expect, onTestFinished, test } from 'vitest';
import { advanceCursor, type Lease } from '../src/warehouse/cursor.js';
import { codeOf, isConnectionFailure } from '../src/warehouse/sqlstate.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { cutAfterCommit, cutBeforeCommit } from './support/commit-cut.js';
import { setReadOnly, terminateConnections } from './support/postgres.js';
import { startTcpProxy, type TcpProxy, throughProxy } from './support/proxy.js';
import { event, storeEvents } from './support/records.js';
import { eventuallyInSync, expectFresh } from './support/stored.js';
import { runScheduler, startSync, type TestSync, testLog } from './support/sync.js';
import { deferred, eventually, moment, type OpenOptions, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

async function startProxy(): Promise<TcpProxy> {
  const { hostname, port } = new URL(db().database.url);
  const proxy = await startTcpProxy(hostname, Number(port));
  onTestFinished(() => proxy.close());
  return proxy;
}

/** A Warehouse whose connections go through the proxy. */
function openThrough(proxy: TcpProxy, options: OpenOptions = {}): Warehouse {
  return db().open({ url: throughProxy(db().database.url, proxy), ...options });
}

const count = async (table: string, { applicationId }: Pick<Lease, 'applicationId'>) =>
  Number(
    await db().value(`select count(*) from talon_one_${table} where application_id = $1`, applicationId),
  );

const eventuallyStored = (sync: TestSync) => eventuallyInSync(db(), sync.sim, sync.applicationId);

const pid = async (warehouse: Warehouse) =>
  warehouse.transaction(async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return rows[0]?.pid;
  });

describe('a connection that is ended', () => {
  test('while nobody uses it is told, and the next transaction gets another', async () => {
    const errors: Error[] = [];
    const warehouse = db().open({ poolSize: 1, onError: (error) => errors.push(error) });
    const first = await pid(warehouse);
    await terminateConnections(db().database, `pid = ${first}`);
    await eventually('the pool has heard of it', async () => errors.length === 1);
    expect(isConnectionFailure(errors[0])).toBe(true);
    expect(await pid(warehouse)).not.toBe(first);
  });

  test('inside a transaction fails this one, and the next gets another', async () => {
    const warehouse = db().open({ poolSize: 1 });
    const lease = await db().newLease();
    const { promise: opened, resolve: open } = deferred();
    const { promise: ended, resolve: end } = deferred();
    const lost = warehouse.transaction(async (client) => {
      await advanceCursor(client, lease, { lastSync: moment('2026-05-05T00:00:00Z') });
      open();
      await ended;
      await client.query('select 1');
    });
    const caught = lost.catch((error: unknown) => error);
    await opened;
    await terminateConnections(db().database, `state = 'idle in transaction'`);
    end();
    expect(isConnectionFailure(await caught)).toBe(true);
    expect(await storeEvents(warehouse, lease, [event()])).toMatchObject({ inserted: 1 });
    const lastSync = 'select last_sync from talon_one_sync_cursor where application_id = $1';
    expect(await db().value(lastSync, lease.applicationId)).toContain('2026-01-01');
  });

  test('while a statement runs fails this one, and the next gets another', async () => {
    const warehouse = db().open({ poolSize: 1 });
    const caught = warehouse
      .transaction((client) => client.query('select pg_sleep(60)'))
      .catch((error: unknown) => error);
    await eventually(
      'it runs',
      async () => (await terminateConnections(db().database, `query like 'select pg_sleep%'`)) > 0,
    );
    expect(isConnectionFailure(await caught)).toBe(true);
    expect(await pid(warehouse)).toBeTypeOf('number');
  });
});

describe('a connection that breaks around the COMMIT of a page', () => {
  const page = [event({ id: 1, profileId: 7, sessionId: 8, effects: '[{"effectType":"x"}]' })];

  test('after it was done: the page is there, and storing it again doubles nothing', async () => {
    const proxy = await startProxy();
    const warehouse = openThrough(proxy);
    const lease = await db().newLease();
    const cut = cutAfterCommit(proxy);
    const lost = await storeEvents(warehouse, lease, page).catch((error: unknown) => error);
    await cut;
    expect(isConnectionFailure(lost)).toBe(true);
    expect(await storeEvents(warehouse, lease, page)).toEqual({ inserted: 0, quarantined: 0 });
    expect([await count('event', lease), await count('effect', lease)]).toEqual([1, 1]);
    expect(
      await db().rows(
        'select kind, version::int from talon_one_owed_snapshot where application_id = $1 order by kind',
        lease.applicationId,
      ),
    ).toEqual([
      { kind: 'profile', version: 1 },
      { kind: 'session', version: 1 },
    ]);
  });

  test('before it arrived: nothing is there, and storing it again loses nothing', async () => {
    const proxy = await startProxy();
    const warehouse = openThrough(proxy);
    const lease = await db().newLease();
    const cut = cutBeforeCommit(proxy);
    const lost = await storeEvents(warehouse, lease, page).catch((error: unknown) => error);
    await cut;
    expect(isConnectionFailure(lost)).toBe(true);
    expect([await count('event', lease), await count('owed_snapshot', lease)]).toEqual([0, 0]);
    expect(await storeEvents(warehouse, lease, page)).toEqual({ inserted: 1, quarantined: 0 });
    expect([await count('effect', lease), await count('owed_snapshot', lease)]).toEqual([1, 2]);
  });

  test('again and again while a scheduler runs: nothing is lost, nothing is double, everything is fresh', async () => {
    const proxy = await startProxy();
    const sync = await startSync(db(), {
      events: 120,
      warehouse: openThrough(proxy),
      environment: { PAGE_SIZE: '20', LEASE_SECONDS: '1', SESSION_SNAPSHOT_SOURCE: 'by-id' },
    });
    const stop = runScheduler(sync.scheduler());
    for (const cut of [cutAfterCommit, cutBeforeCommit, cutAfterCommit, cutBeforeCommit]) {
      await cut(proxy);
      sync.sim.emit(sync.number, 3);
    }
    await eventuallyStored(sync);
    await stop();
  });
});

test('a database that is read-only for a while holds the sync up only so long', async () => {
  const { log, lines } = testLog();
  const sync = await startSync(db(), {
    events: 30,
    log,
    warehouse: db().open(),
    environment: { LEASE_SECONDS: '1' },
  });
  const stop = runScheduler(sync.scheduler());
  await eventuallyStored(sync);
  await setReadOnly(db().database, true);
  sync.sim.emit(sync.number, 5);
  await eventually('it was noticed', async () => lines.some((line) => codeOf(line.err) === '25006'));
  await setReadOnly(db().database, false);
  await eventuallyStored(sync);
  await stop();
});

test('a pool of one connection serves many Applications', async () => {
  const warehouse = db().open({ poolSize: 1 });
  const first = await startSync(db(), { events: 40, warehouse });
  const others = [await db().newApplication(), await db().newApplication()];
  for (const id of others) first.sim.addApplication({ id: Number(id), history: { events: 40 } });
  const ids = [first.applicationId, ...others];
  const failed = await first.scheduler(ids).runOnce(new AbortController().signal);
  expect(failed).toEqual(new Map());
  for (const id of ids) await expectFresh(db(), id);
});

describe('locks', () => {
  test('of a deadlock one side is run again, and both are done', async () => {
    const [one, two] = [await db().newApplication(), await db().newApplication()];
    const { promise: firstLocked, resolve: lockFirst } = deferred();
    const { promise: secondLocked, resolve: lockSecond } = deferred();
    const runs = { forth: 0, back: 0 };
    const touch = 'update talon_one_sync_cursor set failures = failures + 1 where application_id = $1';
    const forth = db().warehouse.transaction(async (client) => {
      runs.forth += 1;
      await client.query(touch, [one]);
      lockFirst();
      await secondLocked;
      await client.query(touch, [two]);
    });
    const back = db().warehouse.transaction(async (client) => {
      runs.back += 1;
      await client.query(touch, [two]);
      lockSecond();
      await firstLocked;
      await client.query(touch, [one]);
    });
    await Promise.all([forth, back]);
    expect(runs.forth + runs.back).toBeGreaterThan(2);
    const rows = await db().rows(
      'select failures from talon_one_sync_cursor where application_id = any($1::bigint[])',
      [one, two],
    );
    expect(rows).toEqual([{ failures: 2 }, { failures: 2 }]);
  });

  test('a page waits for a lock on its cursor row, and is stored when that is gone', async () => {
    const lease = await db().newLease();
    const holder = await db().database.pool.connect();
    await holder.query('begin');
    await holder.query('select from talon_one_sync_cursor where application_id = $1 for update', [
      lease.applicationId,
    ]);
    const storing = storeEvents(db().warehouse, lease, [event()]);
    await eventually('the page waits', async () => {
      const waiting = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await db().value(waiting)) === '1';
    });
    await holder.query('rollback');
    holder.release();
    expect(await storing).toEqual({ inserted: 1, quarantined: 0 });
  });

  test('a lock that is not granted in time is an error of its own, and the connection stays usable', async () => {
    const lease = await db().newLease();
    const warehouse = db().open({ poolSize: 1 });
    const holder = await db().database.pool.connect();
    await holder.query('begin');
    await holder.query('select from talon_one_sync_cursor where application_id = $1 for update', [
      lease.applicationId,
    ]);
    const before = await pid(warehouse);
    const refused = await warehouse
      .transaction((client) => advanceCursor(client, lease), { lockMs: 50 })
      .catch((error: unknown) => error);
    await holder.query('rollback');
    holder.release();
    expect(codeOf(refused)).toBe('55P03');
    expect(await pid(warehouse)).toBe(before);
  });
});
