import { expect, onTestFinished, test } from 'vitest';
import { startForTest } from './simulator/for-tests.js';
import { eventuallyInSync, expectEverythingStored, expectFresh } from './support/stored.js';
import { runScheduler, startSync, TestSync, testLog } from './support/sync.js';
import { eventually, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

/** Applications of one simulator, each with a cursor. */
async function startMany(count: number, environment = {}): Promise<{ sync: TestSync; ids: string[] }> {
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) ids.push(await db().newApplication('2015-01-01T00:00:00Z'));
  const history = { events: 40 };
  const sim = await startForTest({ applications: ids.map((id) => ({ id: Number(id), history })) });
  return { sync: new TestSync(sim, db(), ids[0] ?? '', { environment }), ids };
}

const count = async (table: string, applicationId: string) =>
  Number(
    await db().value(`select count(*) from talon_one_${table} where application_id = $1`, applicationId),
  );

const statusOf = (applicationId: string) =>
  db().value('select status from talon_one_sync_cursor where application_id = $1', applicationId);

const eventuallyStored = (sync: TestSync, id: string) => eventuallyInSync(db(), sync.sim, id);

test('Applications are kept up to date while events go on', async () => {
  const { sync, ids } = await startMany(3);
  const stop = runScheduler(sync.scheduler(ids));
  for (let round = 0; round < 3; round += 1) {
    for (const id of ids) sync.sim.emit(Number(id), 7);
    for (const id of ids) await eventuallyStored(sync, id);
  }
  await stop();
  for (const id of ids) {
    expect(await statusOf(id)).toBe('up-to-date');
    expect(await count('sync_cycle', id)).toBeGreaterThan(2);
  }
});

test("one Application's trouble does not touch the others", async () => {
  const { sync, ids } = await startMany(4);
  const [broken = '', forbidden = '', ...well] = ids;
  sync.sim.addFault({
    applicationId: Number(broken),
    times: Infinity,
    action: { type: 'status', status: 500 },
  });
  const path = '/v1/applications/{applicationId}/events/no_total';
  sync.sim.set({ forbidden: { [path]: 403 } }, Number(forbidden));
  const stop = runScheduler(sync.scheduler(ids));
  for (let round = 0; round < 2; round += 1) {
    for (const id of well) sync.sim.emit(Number(id), 7);
    for (const id of well) await eventuallyStored(sync, id);
  }
  await eventually('the failing one is marked', async () => (await statusOf(broken)) === 'failing');
  await eventually('the forbidden one is marked', async () => (await statusOf(forbidden)) === 'unauthorised');
  expect(await Promise.all(well.map(statusOf))).toEqual(['up-to-date', 'up-to-date']);
  sync.sim.clearFaults();
  await eventuallyStored(sync, broken);
  await stop();
});

test('while there are more Applications than requests, quiet ones are looked at less often', async () => {
  const { sync, ids } = await startMany(36, { REQUESTS_PER_SECOND: '20', SYNC_INTERVAL_SECONDS: '0.2' });
  const [busy = '', ...others] = ids;
  sync.sim.emit(Number(busy), 1);
  await db().rows(
    `update talon_one_sync_cursor set next_cycle_at = clock_timestamp() - interval '5 minutes' where application_id = any($1::bigint[])`,
    ids,
  );
  const stop = runScheduler(sync.scheduler(ids));
  const dueInSeconds = (id: string) =>
    db().value(
      'select extract(epoch from next_cycle_at - updated_at) from talon_one_sync_cursor where application_id = $1',
      id,
    );
  // Their newest event is days old: a tenth of that is more than a quarter of an hour.
  await eventually('a quiet one is put off', async () => {
    sync.sim.emit(Number(busy), 1);
    const waits = await Promise.all(others.map(dueInSeconds));
    return waits.some((seconds) => Number(seconds) > 60);
  });
  await stop();
  expect(Number(await dueInSeconds(busy))).toBeLessThan(5);
}, 60_000);

test('however many first syncs there are, Applications that are up to date go on, and the process says that it is alive', async () => {
  const { sync, ids } = await startMany(36, { LEASE_SECONDS: '1' });
  const [live = '', ...behind] = ids;
  await db().rows(
    'update talon_one_sync_cursor set read_until = clock_timestamp() where application_id = $1',
    live,
  );
  // None of the first syncs comes to its end.
  for (const id of behind)
    sync.sim.addFault({ applicationId: Number(id), times: Infinity, action: { type: 'stall' } });
  const stop = runScheduler(sync.scheduler(ids));
  const running = async () =>
    Number(
      await db().value(
        `select count(*) from talon_one_sync_cursor where application_id = any($1::bigint[])
           and lease_expires_at > clock_timestamp()`,
        behind,
      ),
    );
  await eventually('all places for first syncs are taken', async () => (await running()) === 24);
  const seenAt = () => db().value('select seen_at::text from talon_one_replica');
  const seen = await seenAt();
  for (let round = 0; round < 3; round += 1) {
    sync.sim.emit(Number(live), 7);
    await eventuallyStored(sync, live);
  }
  await eventually('it was seen again', async () => (await seenAt()) !== seen);
  expect(await running()).toBe(24);
  await stop();
}, 60_000);

test('a process that joins later gets its share of the Applications', async () => {
  const { sync, ids } = await startMany(6, { LEASE_SECONDS: '1' });
  const first = sync.scheduler(ids, { owner: 'first' });
  const stopFirst = runScheduler(first);
  const ownedBy = async (owner: string) =>
    Number(
      await db().value(
        'select count(*) from talon_one_sync_cursor where application_id = any($1::bigint[]) and lease_owner = $2',
        ids,
        owner,
      ),
    );
  await eventually('the first one has all', async () => (await ownedBy('first')) === 6);
  const stopSecond = runScheduler(sync.scheduler(ids, { owner: 'second' }));
  await eventually('they are shared out', async () => {
    const owned = [await ownedBy('first'), await ownedBy('second')];
    return owned.every((number) => number === 3);
  });
  await stopSecond();
  await eventually('the first one has all again', async () => (await ownedBy('first')) === 6);
  await stopFirst();
  expect(await db().rows('select from talon_one_replica')).toEqual([]);
}, 60_000);

test('many Applications side by side cause no warning of Node', async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  onTestFinished(() => {
    process.off('warning', listen);
  });
  const { sync, ids } = await startMany(14, { SESSION_SNAPSHOT_SOURCE: 'by-id' });
  const holds = ids.map((id) => sync.sim.holdNext((request) => request.applicationId === Number(id)));
  const stop = runScheduler(sync.scheduler(ids));
  await Promise.all(holds.map((hold) => hold.held));
  for (const hold of holds) hold.release();
  for (const id of ids) await eventually('stored', async () => (await count('event', id)) === 40);
  await stop();
  expect(warnings).toEqual([]);
});

test('two processes share the Applications, and no cycle of one runs beside a cycle of the other', async () => {
  const { sync, ids } = await startMany(4);
  const other = new TestSync(sync.sim, db(), sync.applicationId, { warehouse: db().open({ poolSize: 8 }) });
  const stops = [
    runScheduler(sync.scheduler(ids, { owner: 'one' })),
    runScheduler(other.scheduler(ids, { owner: 'two' })),
  ];
  for (let round = 0; round < 3; round += 1) {
    for (const id of ids) sync.sim.emit(Number(id), 7);
    for (const id of ids) await eventuallyStored(sync, id);
  }
  for (const stop of stops) await stop();
  const overlapping = await db().rows(
    `select a.cycle_id from talon_one_sync_cycle a join talon_one_sync_cycle b
       on a.application_id = b.application_id and a.cycle_id < b.cycle_id
       and tstzrange(a.started_at, a.finished_at) && tstzrange(b.started_at, b.finished_at)
     where a.application_id = any($1::bigint[]) and a.fence <> b.fence
       and least(a.finished_at, b.finished_at) - greatest(a.started_at, b.started_at) > interval '50 ms'`,
    ids,
  );
  expect(overlapping).toEqual([]);
  const fences = await db().rows(
    `select application_id from talon_one_sync_cycle where application_id = any($1::bigint[])
     group by application_id, fence having count(*) > 1`,
    ids,
  );
  expect(fences).toEqual([]);
});

test('when a process goes, the other takes its Applications over without waiting for the leases', async () => {
  const { sync, ids } = await startMany(2, { LEASE_SECONDS: '600' });
  const other = new TestSync(sync.sim, db(), sync.applicationId, { environment: { LEASE_SECONDS: '600' } });
  const stop = runScheduler(sync.scheduler(ids, { owner: 'going' }));
  for (const id of ids) await eventuallyStored(sync, id);
  await stop();
  for (const id of ids) sync.sim.emit(Number(id), 3);
  runScheduler(other.scheduler(ids, { owner: 'staying' }));
  for (const id of ids) await eventuallyStored(sync, id);
});

test('a new Application is taken up as soon as the scheduler is woken', async () => {
  const { sync, ids } = await startMany(2, { LEASE_SECONDS: '600' });
  const [first = '', second = ''] = ids;
  const known = [first];
  const scheduler = sync.scheduler([], { applicationIds: () => known });
  runScheduler(scheduler);
  await eventuallyStored(sync, first);
  known.push(second);
  scheduler.wake();
  await eventuallyStored(sync, second);
});

test('a stop ends the cycles that wait for the API, and gives their leases back', async () => {
  const { sync, ids } = await startMany(2);
  const holds = ids.map((id) => sync.sim.holdNext((request) => request.applicationId === Number(id)));
  const stop = runScheduler(sync.scheduler(ids));
  for (const hold of holds) await hold.held;
  await stop();
  const leased = `select count(*) from talon_one_sync_cursor
    where application_id = any($1::bigint[]) and (lease_expires_at > clock_timestamp() or lease_owner is not null)`;
  expect(await db().value(leased, ids)).toBe('0');
});

test('cycle records older than 30 days are deleted', async () => {
  const sync = await startSync(db(), { events: 5 });
  await sync.cycle();
  await db().rows(
    `update talon_one_sync_cycle set started_at = started_at - interval '31 days' where application_id = $1`,
    sync.applicationId,
  );
  runScheduler(sync.scheduler());
  const old = `select count(*) from talon_one_sync_cycle
    where application_id = $1 and started_at < clock_timestamp() - interval '30 days'`;
  await eventually('the old record is gone', async () => (await db().value(old, sync.applicationId)) === '0');
});

test('once: every Application is caught up and owes nothing when it ends', async () => {
  const { sync, ids } = await startMany(3);
  const failed = await sync.scheduler(ids).runOnce(new AbortController().signal);
  expect(failed).toEqual(new Map());
  for (const id of ids) {
    await expectEverythingStored(db(), sync.sim, id);
    await expectFresh(db(), id);
  }
});

test('once: an Application that fails is told, and the others are brought up to date', async () => {
  const { sync, ids } = await startMany(3);
  const [broken = '', ...well] = ids;
  sync.sim.addFault({
    applicationId: Number(broken),
    times: Infinity,
    action: { type: 'status', status: 500 },
  });
  const failed = await sync.scheduler(ids).runOnce(new AbortController().signal);
  expect([...failed.keys()]).toEqual([broken]);
  for (const id of well) await expectEverythingStored(db(), sync.sim, id);
});

test('once: a session that always fails is told in the end, it does not keep the command running', async () => {
  const { sync, ids } = await startMany(1, { SESSION_SNAPSHOT_SOURCE: 'by-id' });
  const [id = ''] = ids;
  sync.sim.addEvent(Number(id), { sessionId: 4711 });
  sync.sim.addFault({ path: /sessions\/4711/, times: Infinity, action: { type: 'status', status: 500 } });
  const { log, lines } = testLog();
  const failed = await sync.scheduler(ids, { log }).runOnce(AbortSignal.timeout(8_000));
  expect([...failed.keys()]).toEqual([id]);
  expect(lines.length).toBeLessThan(100);
  await expectEverythingStored(db(), sync.sim, id);
});
