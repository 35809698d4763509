import { expect, onTestFinished, test } from 'vitest';
import { Partitions } from '../src/warehouse/partitions.js';
import { codeOf } from '../src/warehouse/sqlstate.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { event, storeEvents } from './support/records.js';
import { startSync, testLog } from './support/sync.js';
import { moment, useWarehouse, withWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

interface Watched {
  readonly partitions: Partitions;
  readonly failures: { error: unknown; month: string }[];
}

function watch(warehouse: Warehouse = db().warehouse): Watched {
  const failures: { error: unknown; month: string }[] = [];
  return {
    partitions: new Partitions(warehouse, (error, month) => failures.push({ error, month })),
    failures,
  };
}

async function partitionsOf(parent: string): Promise<string[]> {
  const rows = await db().rows<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1`,
    parent,
  );
  return rows.map((row) => row.name);
}

/** Where the rows of an Application lie: table and number of rows. */
async function placesOf(applicationId: string, parent = 'talon_one_event'): Promise<Record<string, string>> {
  const rows = await db().rows<{ name: string; rows: string }>(
    `select tableoid::regclass::text as name, count(*)::text as rows from ${parent}
     where application_id = $1 group by 1 order by 1`,
    applicationId,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.rows]));
}

const at = (id: number, created: string) =>
  event({ id, created, effects: '[{"effectType":"x"},{"effectType":"y"}]' });

test('the months of the events get their partitions, and the month after the newest is made ahead', async () => {
  const { partitions, failures } = watch();
  await partitions.ensure([moment('2011-03-31T23:59:59.999999Z'), moment('2011-12-01T00:00:00Z')]);
  for (const parent of ['talon_one_event', 'talon_one_effect']) {
    const names = ['2011_03', '2011_12', '2012_01'].map((month) => `${parent}_${month}`);
    expect(await partitionsOf(parent)).toEqual(expect.arrayContaining(names));
    expect(await partitionsOf(parent)).not.toContain(`${parent}_2011_04`);
  }
  expect(failures).toEqual([]);
});

test('a month begins and ends in UTC, to the microsecond', async () => {
  const lease = await db().newLease();
  await watch().partitions.ensure([moment('2012-05-15T00:00:00Z'), moment('2012-06-15T00:00:00Z')]);
  await storeEvents(db().warehouse, lease, [
    at(1, '2012-05-01T00:00:00Z'),
    at(2, '2012-05-31T23:59:59.999999Z'),
    at(3, '2012-06-01T02:00:00+02:00'),
  ]);
  expect(await placesOf(lease.applicationId)).toEqual({
    talon_one_event_2012_05: '2',
    talon_one_event_2012_06: '1',
  });
  expect(await placesOf(lease.applicationId, 'talon_one_effect')).toEqual({
    talon_one_effect_2012_05: '4',
    talon_one_effect_2012_06: '2',
  });
});

test('a partition has the keys and indexes of its parent', async () => {
  await watch().partitions.ensure([moment('2013-01-15T00:00:00Z')]);
  const count = (table: string) => db().value(`select count(*) from pg_indexes where tablename = $1`, table);
  expect(await count('talon_one_event_2013_01')).toBe(await count('talon_one_event'));
  expect(await count('talon_one_effect_2013_01')).toBe(await count('talon_one_effect'));
});

test('rows that reached the default partition move when the partition can be made', async () => {
  const lease = await db().newLease();
  await storeEvents(db().warehouse, lease, [at(1, '2014-02-10T00:00:00Z'), at(2, '2014-03-10T00:00:00Z')]);
  expect(await placesOf(lease.applicationId)).toEqual({ talon_one_event_default: '2' });
  await watch().partitions.ensure([moment('2014-02-20T00:00:00Z')]);
  expect(await placesOf(lease.applicationId)).toEqual({
    talon_one_event_2014_02: '1',
    talon_one_event_2014_03: '1',
  });
  expect(await placesOf(lease.applicationId, 'talon_one_effect')).toEqual({
    talon_one_effect_2014_02: '2',
    talon_one_effect_2014_03: '2',
  });
  // What moved is still known: it is not stored again.
  expect(await storeEvents(db().warehouse, lease, [at(1, '2014-02-10T00:00:00Z')])).toMatchObject({
    inserted: 0,
  });
});

test('rows that another process left in the default partition move at the first page, whatever its month', async () => {
  const lease = await db().newLease();
  await storeEvents(db().warehouse, lease, [at(1, '2020-02-10T00:00:00Z'), at(2, '2020-07-10T00:00:00Z')]);
  await watch().partitions.ensure([moment('2020-12-20T00:00:00Z')]);
  expect(await placesOf(lease.applicationId)).toEqual({
    talon_one_event_2020_02: '1',
    talon_one_event_2020_07: '1',
  });
});

test('absurd dates go to the default partition and make no tables', async () => {
  const lease = await db().newLease();
  const before = await partitionsOf('talon_one_event');
  const { partitions, failures } = watch();
  const dates = [
    '0001-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z',
    '2150-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ];
  await partitions.ensure(dates.map(moment));
  await storeEvents(
    db().warehouse,
    lease,
    dates.map((date, index) => at(index + 1, date)),
  );
  expect(await placesOf(lease.applicationId)).toEqual({ talon_one_event_default: '4' });
  expect(await partitionsOf('talon_one_event')).toEqual(before);
  expect(failures).toEqual([]);
});

test('processes that make the same partitions at once do not disturb each other', async () => {
  const months = Array.from({ length: 6 }, (_, index) => moment(`2015-0${index + 1}-15T00:00:00Z`));
  const processes = Array.from({ length: 4 }, () => watch());
  await Promise.all(processes.map(({ partitions }) => partitions.ensure(months)));
  expect(processes.flatMap(({ failures }) => failures)).toEqual([]);
  expect(await partitionsOf('talon_one_event')).toEqual(expect.arrayContaining(['talon_one_event_2015_07']));
});

test('no event is lost or double while partitions are made and others write', async () => {
  const leases = await Promise.all(Array.from({ length: 3 }, () => db().newLease()));
  const months = Array.from({ length: 9 }, (_, index) => `2016-0${index + 1}`);
  const writing = leases.map(async (lease) => {
    for (const [index, month] of months.entries()) {
      await storeEvents(db().warehouse, lease, [
        at(2 * index, `${month}-03T00:00:00Z`),
        at(2 * index + 1, `${month}-28T00:00:00Z`),
      ]);
    }
  });
  const { partitions } = watch();
  const making = months.map((month) => partitions.ensure([moment(`${month}-03T00:00:00Z`)]));
  await Promise.all([...writing, ...making]);
  for (const { applicationId } of leases) {
    const counts = 'select count(*) from talon_one_event where application_id = $1';
    expect(await db().value(counts, applicationId)).toBe('18');
    expect(await db().value(counts.replace('event', 'effect'), applicationId)).toBe('36');
  }
});

test('a long reader of the events holds up a new partition but not the sync; its rows move later', async () => {
  const { log, lines } = testLog();
  const sync = await startSync(db(), { log });
  // Only one month cannot be made: each costs the lock timeout.
  await db().rows(`select talon_one_create_partitions('2017-05-01')`);
  sync.sim.addEvent(sync.number, { created: '2017-04-10T00:00:00Z', sessionId: 1 });
  const reader = await db().database.pool.connect();
  await reader.query('begin');
  await reader.query('select count(*) from talon_one_event');
  const refused = () =>
    lines.filter((line) => line.msg === 'no partition').map((line) => [line.month, codeOf(line.err)]);
  try {
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    expect(await placesOf(sync.applicationId)).toEqual({ talon_one_event_default: '1' });
    expect(refused()).toEqual([['2017-04', '55P03']]);
    // It is not tried again with every page.
    sync.sim.addEvent(sync.number, { created: '2017-04-10T00:00:01Z', sessionId: 1 });
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    expect(refused()).toHaveLength(1);
  } finally {
    await reader.query('rollback');
    reader.release();
  }
  const { partitions, failures } = watch();
  await partitions.ensure([moment('2017-04-10T00:00:00Z')]);
  expect(failures).toEqual([]);
  expect(await placesOf(sync.applicationId)).toEqual({ talon_one_event_2017_04: '2' });
});

test('a role that may write but owns nothing makes no partitions, and its events are stored all the same', async () => {
  const role = `writer_${db().database.name}`;
  await db().rows(`create role ${role} login password 'secret'`);
  onTestFinished(async () => {
    await db().rows(`drop owned by ${role}`);
    await db().rows(`drop role ${role}`);
  });
  await db().rows(`grant usage on schema public to ${role}`);
  await db().rows(`grant select, insert, update, delete on all tables in schema public to ${role}`);
  const url = new URL(db().database.url);
  url.username = role;
  url.password = 'secret';
  const lease = await db().newLease();
  await withWarehouse(url.href, {}, async (warehouse) => {
    const { partitions, failures } = watch(warehouse);
    await partitions.ensure([moment('2019-04-10T00:00:00Z')]);
    expect(failures.map(({ error, month }) => [codeOf(error), month])).toEqual([
      ['42501', '2019-04'],
      ['42501', '2019-05'],
    ]);
    const page = [at(1, '2019-04-10T00:00:00Z'), '{"id":"bad"}', event({ id: 2, attributes: '{"v":-0}' })];
    expect(await storeEvents(warehouse, lease, page)).toEqual({ inserted: 2, quarantined: 1 });
  });
  expect(await placesOf(lease.applicationId)).toEqual({ talon_one_event_default: '2' });
});
