import { describe, expect, test } from 'vitest';
import { formatInstant, seconds } from '../src/instant.js';
import type { SwitchSettings } from './simulator/switches.js';
import { expectCurrent, expectEverythingStored, expectFresh } from './support/stored.js';
import { startSync, type TestSync } from './support/sync.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

/** Before the history of a simulator. */
const LAST_MONTH = new Date(Date.now() - 31 * 86_400_000).toISOString();

const newestCreated = (sync: TestSync) =>
  [...sync.sim.issuedEvents(sync.number)]
    .map((one) => one.created)
    .sort()
    .at(-1);

describe('a first sync and the traffic after it are stored whole, exact and fresh', () => {
  const servers: [string, SwitchSettings][] = [
    ['as documented', {}],
    ['old envelope', { envelope: 'old' }],
    ['no hasMore', { envelope: 'missing' }],
    ['sort=created refused', { sort: 'refused' }],
    ['every sort refused, newest first', { sort: 'refusedAll', defaultOrder: '-created' }],
    ['sort ignored', { sort: 'ignored', defaultOrder: '-id' }],
    ['descending', { sort: 'descending' }],
    [
      'inclusive, in whole seconds',
      { createdAfter: 'inclusive', createdBefore: 'inclusive', parameterPrecision: 'second' },
    ],
    ['no Date header', { dateHeader: 'absent' }],
    ['a Date an hour behind', { dateHeaderOffsetMs: -3_600_000 }],
    ['a Date an hour ahead', { dateHeaderOffsetMs: 3_600_000 }],
    ['small pages and searches', { silentPageLimit: 30, maxProfileIds: 9, unknownProfileIds: '404' }],
    ['ties in any order, pages that shift', { ties: 'unstable', shiftingInsert: 2 }],
  ];
  test.each(servers)('%s', async (_name, switches) => {
    const sync = await startSync(db(), {
      start: LAST_MONTH,
      events: 260,
      tieShare: 0.2,
      environment: { PAGE_SIZE: '40' },
      simulator: { switches, missingIds: 'mixed' },
    });
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up', error: undefined });
    sync.sim.set({ shiftingInsert: 0 });
    for (const count of [1, 45, 0]) {
      sync.sim.emit(sync.number, count);
      // A server that cannot sort is read up to the second before its clock.
      if (count === 0) sync.sim.set({ clockOffsetMs: 3_000 });
      expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up', error: undefined });
    }
    await expectEverythingStored(db(), sync.sim, sync.applicationId);
    await expectFresh(db(), sync.applicationId);
    await expectCurrent(db(), sync.sim, sync.applicationId);
    const promised = `select complete_through <= clock_timestamp() - interval '120 seconds' from talon_one_sync_cursor
      where application_id = $1`;
    expect(await db().value(promised, sync.applicationId), 'nothing is promised that may still come').toBe(
      'true',
    );
  });
});

test('an event that becomes visible late, within the look-back, is stored', async () => {
  const sync = await startSync(db(), { events: 30 });
  sync.sim.emit(sync.number, 5);
  await sync.cycle();
  const created = formatInstant(moment(newestCreated(sync) ?? '') - seconds(100));
  sync.sim.addEvent(sync.number, { created, sessionId: 77, profileId: 78 });
  await sync.cycle();
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  await expectFresh(db(), sync.applicationId);
});

test('an event from the future hides none of those that follow in their time', async () => {
  const sync = await startSync(db(), { events: 30 });
  sync.sim.addEvent(sync.number, { created: '2099-12-31T23:59:59.999999Z' });
  await sync.cycle();
  sync.sim.emit(sync.number, 5);
  await sync.cycle();
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
});

test('when the newest record is no event, the pages are read in order all the same', async () => {
  const sync = await startSync(db(), { events: 80, environment: { PAGE_SIZE: '30' } });
  sync.sim.addEvent(sync.number, { payload: '{"id":"no number"}', id: null });
  await sync.cycle();
  await expectFresh(db(), sync.applicationId);
  // Three pages and the question for the newest event.
  expect(sync.requests(/events/)).toBe(4);
});

test('records that break things do not stop the cycle', async () => {
  const sync = await startSync(db(), { events: 20, environment: { PAGE_SIZE: '7' } });
  const created = sync.sim.now();
  const raw = (id: number, attributes: string) =>
    `{"id":${id},"created":"${created}","sessionId":${id},"type":"t","attributes":${attributes},"effects":null}`;
  for (const [id, attributes] of [
    [101, '{"v":"\\u0000","w":9007199254740993}'],
    [102, `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    [103, '{"v":"\\ud800","__proto__":1}'],
    [104, '{"v":1e999999}'],
    [105, `{"v":"${'x'.repeat(2_000_000)}"}`],
  ] as const)
    sync.sim.addEvent(sync.number, { payload: raw(id, attributes), id, created, sessionId: id });
  sync.sim.addEvent(sync.number, { payload: '{"id":"no number"}', id: null });
  sync.sim.emit(sync.number, 20);
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const bad = 'select count(*) from talon_one_quarantine where application_id = $1';
  expect(await db().value(bad, sync.applicationId)).toBe('2');
  const events = 'select count(*) from talon_one_event where application_id = $1';
  expect(await db().value(events, sync.applicationId)).toBe('44');
  await expectFresh(db(), sync.applicationId);
});
