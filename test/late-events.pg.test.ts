import { expect, test } from 'vitest';
import { formatInstant, type Instant, seconds } from '../src/instant.js';
import { expectEverythingStored, expectFresh } from './support/stored.js';
import { startSync } from './support/sync.js';
import { moment, useWarehouse } from './support/warehouse.js';

// Events become visible late, while a reading of several pages is under way: behind the page that it has reached. The
// look-back is 120 seconds. model.test.ts tries the same in all orders.

const db = useWarehouse();

/** One event a second, the last one `age` seconds old. */
function everySecond(now: Instant, count: number, age: number): { created: string }[] {
  return Array.from({ length: count }, (_, index) => ({
    created: formatInstant(now - seconds(age + count - index)),
  }));
}

test('an event that becomes visible behind a reading is stored by the next one, however long the first one takes', async () => {
  const simulator = { switches: { clockOffsetMs: -300_000 } };
  const sync = await startSync(db(), { environment: { PAGE_SIZE: '20' }, simulator });
  const { sim, number } = sync;
  const now = moment(sim.now());
  sim.addEvents(number, everySecond(now, 60, 10));
  const late = now - seconds(65.5);
  let requests = 0;
  const stopListening = sim.onRequest(({ query }) => {
    requests += query.includes('createdAfter') ? 1 : 0;
    // The first page, the question for the newest event, the second page: it takes five minutes.
    if (requests !== 3) return;
    stopListening();
    sim.addEvent(number, { created: formatInstant(late), profileId: 78, sessionId: 77 });
    sim.set({ clockOffsetMs: 0 });
    sim.addEvents(number, everySecond(now + seconds(300), 30, 0));
  });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const stored = `select count(*) from talon_one_event where application_id = $1`;
  expect(await db().value(stored, sync.applicationId)).toBe('90');
  const through = 'select complete_through from talon_one_sync_cursor where application_id = $1';
  expect(
    moment((await db().value(`(${through}) at time zone 'UTC'`, sync.applicationId)) ?? ''),
  ).toBeLessThan(late);

  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await expectEverythingStored(db(), sim, sync.applicationId);
  await expectFresh(db(), sync.applicationId);
  // Nothing holds the next one back.
  expect(await db().value(`(${through}) > $2::timestamptz`, sync.applicationId, formatInstant(late))).toBe(
    'true',
  );
});

test('when nothing happens for long, the newest events are not read again, and what comes late after them still is', async () => {
  let nowMs = 0;
  const sync = await startSync(db(), { now: () => nowMs });
  const { sim, number } = sync;
  sim.addEvents(number, everySecond(moment(sim.now()), 60, 0));
  const repeated = async (atSeconds: number) => {
    nowMs = atSeconds * 1000;
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    const newest = `select events_repeated from talon_one_sync_cycle where application_id = $1 order by finished_at desc limit 1`;
    return Number(await db().value(`(${newest})`, sync.applicationId));
  };
  expect(await repeated(0)).toBe(0);
  // As long as an event of that minute may still become visible.
  expect(await repeated(130)).toBe(60);
  expect(await repeated(200)).toBe(60);
  expect(await repeated(360)).toBe(0);
  sim.set({ clockOffsetMs: 400_000 });
  const later = moment(sim.now());
  sim.addEvent(number, { created: formatInstant(later) });
  expect(await repeated(400)).toBeLessThan(3);
  sim.addEvent(number, { created: formatInstant(later - seconds(100)) });
  await repeated(401);
  await expectEverythingStored(db(), sim, sync.applicationId);
});
