import { describe, expect, test } from 'vitest';
import { floorToSecond, formatInstant, type Instant, seconds } from '../src/instant.js';
import { startForTest } from './simulator/for-tests.js';
import type { SwitchSettings } from './simulator/switches.js';
import {
  addEventsAt,
  deepestSkip,
  eventList,
  instant,
  missing,
  moments,
  readEvents,
  START,
  shuffled,
} from './support/event-reading.js';

// Servers that do not keep the order of `created`: their events are read in frozen windows of time. The events of these
// tests are made in another order than that of their times, so that the order by id is not the order by time.

/** A server whose clock shows some hours, or days, after START. */
async function start(switches: SwitchSettings, hours = 6) {
  const clockOffsetMs = Date.parse(START) + hours * 3_600_000 - Date.now();
  return startForTest({ history: { events: 0 }, switches: { clockOffsetMs, ...switches } });
}

const disorders: [string, SwitchSettings][] = [
  ['refuses to sort by created', { sort: 'refused' }],
  ['refuses to sort at all and lists by id', { sort: 'refusedAll', defaultOrder: 'id' }],
  ['refuses to sort at all and lists the newest first', { sort: 'refusedAll', defaultOrder: '-created' }],
  ['ignores the sort', { sort: 'ignored' }],
  ['sorts the newest first', { sort: 'descending' }],
];

describe.each(disorders)('a server that %s', (_, disorder) => {
  test('is read without loss', async () => {
    const sim = await start(disorder);
    const ids = addEventsAt(sim, shuffled(moments(300, 7200, 3)));
    const reading = await readEvents(sim, { pageSize: 50, mostRequests: 60 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(reading.isCaughtUp).toBe(true);
  });

  test.each([
    ['exclusive', 'exclusive', 'second', 'microsecond'],
    ['exclusive', 'exclusive', 'microsecond', 'second'],
    ['inclusive', 'inclusive', 'second', 'second'],
    ['exclusive', 'inclusive', 'millisecond', 'millisecond'],
  ] as const)(
    'is read without loss when the bounds are %s and %s, cut to the %s, and times to the %s',
    async (createdAfter, createdBefore, parameterPrecision, recordPrecision) => {
      const sim = await start({
        ...disorder,
        createdAfter,
        createdBefore,
        parameterPrecision,
        recordPrecision,
      });
      // The first window begins a minute before START and is an hour long: many events lie around its end.
      const atItsEnd = moments(120, 4, 2).map((at) => at + seconds(3538));
      const ids = addEventsAt(sim, shuffled([...moments(60, 3000), ...atItsEnd]));
      const reading = await readEvents(sim, { pageSize: 30, mostRequests: 60 });
      expect(missing(reading.ids, ids)).toEqual([]);
    },
  );

  test('costs one request when what it has fits on one page', async () => {
    const sim = await start(disorder);
    const ids = addEventsAt(sim, shuffled(moments(20, 60)));
    const list = eventList(sim);
    const from = formatInstant(instant(START) - seconds(1));
    await readEvents(sim, { list, from, mostRequests: 3 });
    const again = await readEvents(sim, { list, from, mostRequests: 1 });
    expect(missing(again.ids, ids)).toEqual([]);
    expect(again.lastSync).toBe(moments(20, 60).at(-1));
  });
});

test('a list that looks ordered by chance is not trusted', async () => {
  // In the order of ids the first page ascends; what comes later is older.
  const sim = await start({ sort: 'ignored' });
  const times = moments(200, 200);
  const ids = addEventsAt(sim, [...times.slice(100), ...times.slice(0, 100)]);
  const reading = await readEvents(sim, { pageSize: 100, mostRequests: 40 });
  expect(missing(reading.ids, ids)).toEqual([]);
});

test('when the order breaks, what was passed over before it showed is read again', async () => {
  const sim = await start({});
  const times = moments(300, 300);
  const early = (index: number) => (times[index] ?? 0n) + seconds(30.5);
  // In the order of ids, two events come half a minute too early: the first ends the second page, which still ascends
  // and takes the reading past thirty others; the second one is in the middle of the third page.
  const byId = [...times.slice(0, 98), early(97), ...times.slice(98, 140), early(140), ...times.slice(140)];
  const ids = addEventsAt(sim, byId);
  const reading = await readEvents(sim, {
    pageSize: 50,
    mostRequests: 80,
    lookbackSeconds: 120,
    onPage: ({ page }, number) => {
      if (number === 1) sim.set({ sort: 'ignored' });
      if (number === 2) expect(page.rows.at(-1)?.created).toBe(early(97));
    },
  });
  expect(missing(reading.ids, ids)).toEqual([]);
});

test('the cursor moves only when a window has been read to its end', async () => {
  const sim = await start({ sort: 'refusedAll' });
  addEventsAt(sim, shuffled(moments(300, 3000)));
  const steps: (Instant | undefined)[] = [];
  await readEvents(sim, {
    pageSize: 50,
    mostRequests: 40,
    onPage: ({ page, lastSync }) => {
      if (page.data.length > 0) expect(lastSync).toBeUndefined();
      else steps.push(lastSync);
    },
  });
  expect(steps.length).toBeGreaterThan(1);
});

test('a window is bounded in whole seconds and overlaps its neighbour by one', async () => {
  const sim = await start({ sort: 'refused' });
  addEventsAt(sim, shuffled(moments(1200, 5)));
  await readEvents(sim, { pageSize: 20, mostRequests: 500 });
  const bounds = sim.requests
    .map(({ query }) => new URLSearchParams(query))
    .filter((query) => query.has('createdBefore'))
    .map((query) => [query.get('createdAfter') ?? '', query.get('createdBefore') ?? ''] as const);
  expect(bounds.flat().filter((bound) => bound.includes('.'))).toEqual([]);
  for (const [index, [after]] of bounds.entries()) {
    const [, before] = bounds[index - 1] ?? ['', ''];
    // Only forward steps: a window that proved too large begins again at the same place.
    if (before !== '' && after > (bounds[index - 1]?.[0] ?? '')) {
      expect(instant(after)).toBe(instant(before) - seconds(1));
    }
  }
});

test('an event at the very end of a window is returned before the cursor reaches it', async () => {
  const sim = await start({ sort: 'refused' });
  const ids = addEventsAt(sim, [...shuffled(moments(100, 7200)), instant('2026-03-01T00:59:00Z')]);
  const reading = await readEvents(sim, { pageSize: 60, mostRequests: 40 });
  const ends = sim.requests.map(({ query }) => new URLSearchParams(query).get('createdBefore'));
  expect(ends).toContain('2026-03-01T00:59:00Z');
  expect(missing(reading.ids, ids)).toEqual([]);
});

test('a window with too many events is divided, and offsets stay within twenty pages', async () => {
  const sim = await start({ sort: 'refused' });
  const ids = addEventsAt(sim, shuffled(moments(2000, 3600)));
  const reading = await readEvents(sim, { pageSize: 20, mostRequests: 400 });
  expect(missing(reading.ids, ids)).toEqual([]);
  expect(deepestSkip(sim)).toBeLessThan(20 * 20);
});

test('months without events cost a few requests', async () => {
  const sim = await start({ sort: 'refused' }, 200 * 24);
  const ids = addEventsAt(sim, shuffled(moments(60, 60)));
  const [recent] = addEventsAt(sim, [instant(START) + seconds(180 * 86_400)]);
  const reading = await readEvents(sim, { pageSize: 50, mostRequests: 30 });
  expect(missing(reading.ids, [...ids, recent ?? ''])).toEqual([]);
});

test.each([
  ['inserted', { shiftingInsert: 1, shiftingRemove: 0 }],
  ['removed', { shiftingInsert: 0, shiftingRemove: 1 }],
])('events %s while a window is read hide no other event', async (_, shifts) => {
  const sim = await start({ sort: 'descending', ...shifts });
  const ids = addEventsAt(sim, shuffled(moments(300, 3000)));
  const reading = await readEvents(sim, { pageSize: 60, mostRequests: 200 });
  const removed = [...sim.issuedEvents(1)].filter((event) => event.isRemoved).map((event) => event.id);
  expect(missing(reading.ids, ids).filter((id) => !removed.includes(id))).toEqual([]);
});

test('events that change places while a window is read hide no other event', async () => {
  const sim = await start({ sort: 'descending' });
  const ids = addEventsAt(sim, shuffled(moments(300, 3000)));
  let shifts = 0;
  // Three rows before the offset go, three come: the number stays the same.
  sim.onRequest(({ query }) => {
    if (!query.includes('createdBefore') || query.includes('skip=0') || shifts >= 3) return;
    for (const id of ids.splice(-3)) sim.removeEvent(1, id);
    ids.push(
      ...addEventsAt(
        sim,
        [1, 2, 3].map((step) => instant(START) + seconds(step * 500 + shifts) + 1n),
      ),
    );
    shifts += 1;
  });
  const reading = await readEvents(sim, { pageSize: 60, mostRequests: 200 });
  expect(shifts).toBe(3);
  expect(missing(reading.ids, ids)).toEqual([]);
});

test('equal times whose order changes with every request hide no event', async () => {
  const sim = await start({ sort: 'descending', ties: 'unstable' });
  // Small, so that two pages often look as if they joined; and of many lengths, because chance decides.
  for (let round = 0; round < 24; round += 1) {
    const applicationId = sim.addApplication({ history: { events: 0 } });
    const newer = moments(4 + round, 30).map((at) => at + seconds(10));
    const ids = addEventsAt(sim, [...moments(5, 1, 5), ...newer], applicationId);
    const reading = await readEvents(sim, { applicationId, pageSize: 4, mostRequests: 100 });
    expect(missing(reading.ids, ids)).toEqual([]);
  }
});

test.each([1, 3, 6])('%i empty pages that promise more hide nothing', async (times) => {
  for (const after of [1, 2, 4]) {
    const sim = await start({ sort: 'descending' });
    const ids = addEventsAt(sim, shuffled(moments(300, 3000)));
    sim.addFault({ after, times, action: { type: 'emptyPage' } });
    const reading = await readEvents(sim, { pageSize: 60, mostRequests: 120 });
    expect(missing(reading.ids, ids)).toEqual([]);
  }
});

test('without a Date header one open window is read, and the cursor ends at the newest event', async () => {
  const sim = await start({ sort: 'refusedAll', dateHeader: 'absent' });
  const times = moments(300, 3000);
  const ids = addEventsAt(sim, shuffled(times));
  const reading = await readEvents(sim, { pageSize: 50, mostRequests: 30 });
  expect(missing(reading.ids, ids)).toEqual([]);
  expect(reading).toMatchObject({ isCaughtUp: true, readUntil: undefined });
  expect(reading.lastSync).toBe(times.at(-1));
});

test('what is newer than the server’s Date is left to the next cycle, and the cursor stays before it', async () => {
  const sim = await start({ sort: 'descending', dateHeaderOffsetMs: -60_000 });
  const now = instant(sim.now());
  const old = addEventsAt(
    sim,
    shuffled(moments(80, 80)).map((at) => at - instant(START) + now - seconds(300)),
  );
  const fresh = addEventsAt(
    sim,
    shuffled(moments(30, 20)).map((at) => at - instant(START) + now - seconds(30)),
  );
  const list = eventList(sim, 50);
  const from = formatInstant(floorToSecond(now) - seconds(3600));
  const first = await readEvents(sim, { list, from, mostRequests: 30 });
  expect(missing(first.ids, old)).toEqual([]);
  const newer = sim.emit(1, 5);
  sim.set({ dateHeaderOffsetMs: 5_000 });
  const next = formatInstant(floorToSecond(first.lastSync - seconds(1)));
  const second = await readEvents(sim, { list, from: next, mostRequests: 30 });
  expect(missing(new Set([...first.ids, ...second.ids]), [...fresh, ...newer])).toEqual([]);
});
