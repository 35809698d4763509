import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAbortError } from '../src/errors.js';
import { floorToSecond, formatInstant, laterOf, SECOND, seconds } from '../src/instant.js';
import { ApiError } from '../src/talon-one/api-error.js';
import { EventList } from '../src/talon-one/event-list.js';
import { eventPages, oneAhead } from '../src/talon-one/event-pages.js';
import { startForTest } from './simulator/for-tests.js';
import type { SwitchSettings } from './simulator/switches.js';
import {
  addEventsAt,
  deepestSkip,
  EVENTS,
  eventList,
  instant,
  missing,
  moments,
  readEvents,
  START,
  shuffled,
} from './support/event-reading.js';
import { clientFor } from './support/management-client.js';

// Reading along the order of `created`. What the server returned is compared with what it has; readEvents also checks
// after every page that the cursor has not run ahead of an event, and ends a test that asks without end.

async function start(switches: SwitchSettings = {}) {
  return startForTest({ history: { events: 0 }, switches });
}

describe('cost', () => {
  test('a history costs one request per thousand events, none of them deep, and hardly an event comes twice', async () => {
    const sim = await startForTest({ history: { events: 5000, days: 20 } });
    const from = formatInstant(floorToSecond(instant(sim.now())) - seconds(21 * 86_400));
    const reading = await readEvents(sim, { from, mostRequests: 12 });
    expect(reading.ids.size).toBe(5000);
    // One more to see whether the server sorts, one for the last events.
    expect(reading.requests).toBeLessThanOrEqual(5 + 2);
    expect(reading.rows).toBeLessThan(5000 * 1.02);
    expect(deepestSkip(sim)).toBe(0);
  });

  test('an idle list costs one request, with nothing in the look-back or with something', async () => {
    const sim = await start();
    const list = eventList(sim);
    expect(await readEvents(sim, { list, mostRequests: 1 })).toMatchObject({ requests: 1, isCaughtUp: true });
    addEventsAt(sim, moments(10, 100));
    const reading = await readEvents(sim, { list, mostRequests: 1 });
    expect(reading).toMatchObject({ requests: 1, isCaughtUp: true });
    expect(reading.ids.size).toBe(10);
  });

  test('seconds with many pages of events are read by offset, and the offset ends with them', async () => {
    const sim = await start({ parameterPrecision: 'second' });
    // Fifteen pages in one second, then one event a second.
    const ids = addEventsAt(sim, [...moments(1500, 1), ...moments(1500, 1500).map((at) => at + seconds(5))]);
    const reading = await readEvents(sim, { pageSize: 100, mostRequests: 60 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(deepestSkip(sim)).toBeGreaterThan(1000);
    const { query } = sim.requests.at(-1) ?? { query: '' };
    expect(new URLSearchParams(query).get('skip')).toBe('0');
  });

  test('where seconds hold less than a page, the offset is left as soon as it has grown deep', async () => {
    const sim = await start({ parameterPrecision: 'second' });
    const ids = addEventsAt(sim, moments(3000, 100));
    const reading = await readEvents(sim, { pageSize: 100, mostRequests: 60 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(deepestSkip(sim)).toBeLessThan(100 * 12);
  });
});

describe('equal times', () => {
  test.each(['id', 'shuffled'] as const)(
    'a tie of 2,500 events in one microsecond is read whole (%s)',
    async (ties) => {
      const sim = await start({ ties });
      const tie = Array.from({ length: 2500 }, () => instant(START) + 500_000n);
      const ids = addEventsAt(sim, [
        ...moments(300, 0.4),
        ...tie,
        ...moments(300, 60).map((at) => at + seconds(1)),
      ]);
      const reading = await readEvents(sim, { mostRequests: 12 });
      expect(missing(reading.ids, ids)).toEqual([]);
      expect(reading.isCaughtUp).toBe(true);
    },
  );

  test.each(['id', 'shuffled', 'unstable'] as const)(
    'ties across page edges are read whole, also when their order changes with every request (%s)',
    async (ties) => {
      for (const tie of [2, 7, 30]) {
        const sim = await start({ ties });
        const ids = addEventsAt(sim, moments(400, 40, tie));
        const reading = await readEvents(sim, { pageSize: 50, mostRequests: 60 });
        expect(missing(reading.ids, ids)).toEqual([]);
      }
    },
  );

  test('a tie of a page or more is read whole even when its order changes with every request', async () => {
    for (const size of [19, 20, 60]) {
      const sim = await start({ ties: 'unstable' });
      const tie = Array.from({ length: size }, () => instant(START) + seconds(0.6));
      // Several pages with smaller ties before it, which are read again each time the large one proves unsteady.
      const before = moments(160, 0.4, 8);
      const after = moments(40, 60).map((at) => at + SECOND);
      const ids = addEventsAt(sim, [...before, ...tie, ...after]);
      const reading = await readEvents(sim, { pageSize: 20, mostRequests: 250 });
      expect(missing(reading.ids, ids)).toEqual([]);
    }
  });

  test.each([1, 2, 3])('pages of %i events lose nothing', async (pageSize) => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(40, 3, 4));
    const reading = await readEvents(sim, { pageSize, mostRequests: 250 });
    expect(missing(reading.ids, ids)).toEqual([]);
  });
});

describe('what a time in a query means', () => {
  const precisions = ['microsecond', 'millisecond', 'second'] as const;
  const meanings = (['exclusive', 'inclusive'] as const).flatMap((createdAfter) =>
    precisions.flatMap((parameterPrecision) =>
      precisions.map((recordPrecision) => ({ createdAfter, parameterPrecision, recordPrecision })),
    ),
  );

  test.each(meanings)(
    'createdAfter $createdAfter, its time cut to the $parameterPrecision, the events’ to the $recordPrecision',
    async (switches) => {
      const sim = await start(switches);
      // Many in each second and some in each millisecond, with ties.
      const ids = addEventsAt(sim, [
        ...moments(150, 3, 3),
        ...moments(100, 0.02, 2).map((at) => at + seconds(4)),
      ]);
      const reading = await readEvents(sim, { pageSize: 20, mostRequests: 120 });
      expect(missing(reading.ids, ids)).toEqual([]);
      expect(formatInstant(reading.lastSync)).toBe(
        formatInstant(moments(100, 0.02, 2).at(-1) ?? 0n).replace(':00.', ':04.'),
      );
    },
  );

  test('a server that refuses fractions of a second in a query is asked in whole seconds', async () => {
    const sim = await start();
    const refused = sim.addFault({
      path: /createdAfter=[^&]*\.\d/,
      times: Infinity,
      action: { type: 'status', status: 400 },
    });
    const ids = addEventsAt(sim, moments(300, 30, 3));
    const reading = await readEvents(sim, { pageSize: 50, mostRequests: 60 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(refused.hits).toBeGreaterThan(0);
    expect(refused.hits).toBeLessThan(10);
  });

  test('look-back 0: cycles join without a gap while events keep arriving', async () => {
    for (const createdAfter of ['exclusive', 'inclusive'] as const) {
      const sim = await start({ createdAfter, parameterPrecision: 'second', recordPrecision: 'second' });
      const list = eventList(sim, 20);
      const seen = new Set<string>();
      let lastSync = instant(START) - seconds(10);
      for (const [cycle, at] of moments(6, 0.9).entries()) {
        // Each cycle's events lie in the second in which the cycle before ended.
        addEventsAt(sim, [at, at, at + 1n, ...moments(30, 0.01).map((time) => time + at - instant(START))]);
        const from = formatInstant(floorToSecond(lastSync - seconds(1)));
        const reading = await readEvents(sim, { list, from, mostRequests: 30 + cycle * 15 });
        for (const id of reading.ids) seen.add(id);
        lastSync = laterOf(lastSync, reading.lastSync);
      }
      expect(seen.size).toBe(6 * 33);
    }
  });

  test('an event that becomes visible late is returned by the next cycle if the look-back reaches it', async () => {
    const sim = await start();
    const now = instant(sim.now());
    const times = [100n, 50n, 1n].map((age) => formatInstant(now - age * SECOND));
    const late = sim.addEvents(
      1,
      times.map((created) => ({ created, visibleInMs: 600_000 })),
    );
    addEventsAt(sim, [now]);
    const from = formatInstant(floorToSecond(now) - seconds(3600));
    const first = await readEvents(sim, { from, mostRequests: 2 });
    expect(missing(first.ids, late)).toEqual(late);
    sim.set({ clockOffsetMs: 600_000 });
    const lookback = formatInstant(floorToSecond(first.lastSync - seconds(120)));
    const next = await readEvents(sim, { from: lookback, mostRequests: 2 });
    expect(missing(next.ids, late)).toEqual([]);
  });
});

describe('pages that shift while they are read', () => {
  test.each([
    ['inserted', { shiftingInsert: 1, shiftingRemove: 0 }],
    ['removed', { shiftingInsert: 0, shiftingRemove: 1 }],
    ['inserted and removed', { shiftingInsert: 1, shiftingRemove: 2 }],
  ])('events %s before the offset hide no other event', async (_, shifts) => {
    // Compared in whole seconds, dense seconds can only be read by offset.
    const sim = await start({ ...shifts, parameterPrecision: 'second' });
    const ids = addEventsAt(sim, moments(400, 4, 2));
    const reading = await readEvents(sim, { pageSize: 100, mostRequests: 150 });
    const removed = new Set(
      [...sim.issuedEvents(1)].filter((event) => event.isRemoved).map((event) => event.id),
    );
    expect(missing(reading.ids, ids).filter((id) => !removed.has(id))).toEqual([]);
    expect(deepestSkip(sim)).toBeGreaterThan(0);
    if (shifts.shiftingRemove > 0) expect(removed.size).toBeGreaterThan(0);
  });

  test('the removal of the very event that a page should begin with hides no other event', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(300, 300));
    const gone: string[] = [];
    const reading = await readEvents(sim, {
      pageSize: 50,
      mostRequests: 40,
      onPage: ({ page }) => {
        const last = page.rows.at(-1);
        if (last && gone.length < 3 && sim.removeEvent(1, last.id)) gone.push(String(last.id));
      },
    });
    expect(gone).toHaveLength(3);
    expect(missing(reading.ids, ids)).toEqual([]);
  });
});

describe('how a list says that it ends', () => {
  const envelopes: SwitchSettings[] = [
    { envelope: 'hasMore', fullPageHasMore: 'exact' },
    { envelope: 'hasMore', fullPageHasMore: 'always' },
    { envelope: 'missing' },
    { envelope: 'old' },
  ];

  test.each(envelopes)(
    'pages of exactly 1000 events are not taken for the end too early or too late (%o)',
    async (switches) => {
      for (const count of [1000, 2000]) {
        const sim = await start(switches);
        const ids = addEventsAt(sim, moments(count, 10_000));
        const reading = await readEvents(sim, { mostRequests: 8 });
        expect(missing(reading.ids, ids)).toEqual([]);
        expect(reading.isCaughtUp).toBe(true);
      }
    },
  );

  test('without hasMore the list goes on while pages are full', async () => {
    const sim = await start({ envelope: 'missing' });
    const ids = addEventsAt(sim, moments(230, 1000));
    const list = eventList(sim, 50);
    expect(missing((await readEvents(sim, { list, mostRequests: 12 })).ids, ids)).toEqual([]);
    // Once a full page has been seen, a shorter one is the end.
    const from = formatInstant(instant(START) + seconds(900));
    expect(await readEvents(sim, { list, from, mostRequests: 1 })).toMatchObject({ isCaughtUp: true });
  });

  test('the older list is used when the newer one does not exist, and asked for first from then on', async () => {
    const sim = await start({ envelope: 'old' });
    const ids = addEventsAt(sim, moments(230, 1000));
    const list = eventList(sim, 50);
    expect(missing((await readEvents(sim, { list, mostRequests: 16 })).ids, ids)).toEqual([]);
    const from = formatInstant(instant(START) + seconds(900));
    expect((await readEvents(sim, { list, from, mostRequests: 1 })).isCaughtUp).toBe(true);
    expect(sim.requestCounts()[`GET ${EVENTS}`]?.total).toBe(1);
  });

  test.each([
    ['hasMore', 7],
    ['missing', 7],
    ['old', 7],
    ['missing', 50],
  ] as const)(
    'a server that delivers shorter pages than it is asked for loses nothing (%s, %i)',
    async (envelope, silentPageLimit) => {
      const sim = await start({ envelope, silentPageLimit });
      const ids = addEventsAt(sim, moments(130, 100, 3));
      const reading = await readEvents(sim, { pageSize: 50, mostRequests: 80 });
      expect(missing(reading.ids, ids)).toEqual([]);
    },
  );
});

describe('empty pages that promise more', () => {
  test.each([1, 2, 3, 7])('%i of them in a row, wherever they come, hide nothing', async (times) => {
    for (const after of [0, 1, 2, 4]) {
      const sim = await start();
      const ids = addEventsAt(sim, moments(300, 300));
      const fault = sim.addFault({ path: EVENTS, after, times, action: { type: 'emptyPage' } });
      const reading = await readEvents(sim, { pageSize: 50, mostRequests: 60 });
      expect(missing(reading.ids, ids)).toEqual([]);
      expect(fault.hits).toBe(times);
    }
  });

  test('at an offset that is always empty they hide nothing that comes after it', async () => {
    const sim = await start({ parameterPrecision: 'second', emptyPagesAtSkip: [49, 98] });
    const ids = addEventsAt(sim, moments(300, 0.5));
    const reading = await readEvents(sim, { pageSize: 50, mostRequests: 200 });
    expect(missing(reading.ids, ids)).toEqual([]);
  });

  test('for ever at the end of the list they end it, at once when it has happened before', async () => {
    const sim = await start();
    sim.addFault({ path: EVENTS, times: Infinity, action: { type: 'emptyPage' } });
    const list = eventList(sim);
    expect((await readEvents(sim, { list, mostRequests: 15 })).isCaughtUp).toBe(true);
    expect(await readEvents(sim, { list, mostRequests: 1 })).toMatchObject({ isCaughtUp: true, requests: 1 });
  });

  test('for ever in the middle of the list they end the cycle, but the cursor stays before what they hide', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(300, 300));
    const fault = sim.addFault({ path: EVENTS, after: 4, times: Infinity, action: { type: 'emptyPage' } });
    const list = eventList(sim, 50);
    const first = await readEvents(sim, { list, mostRequests: 40 });
    expect(first.ids.size).toBeLessThan(300);
    fault.remove();
    const from = formatInstant(floorToSecond(first.lastSync - seconds(1)));
    const second = await readEvents(sim, { list, from, mostRequests: 20 });
    expect(missing(new Set([...first.ids, ...second.ids]), ids)).toEqual([]);
  });
});

describe('answers and their size', () => {
  test('without a Date header everything is read all the same', async () => {
    const sim = await start({ dateHeader: 'absent' });
    const ids = addEventsAt(sim, moments(230, 1000));
    const reading = await readEvents(sim, { pageSize: 50, mostRequests: 12 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(reading).toMatchObject({ isCaughtUp: true, readUntil: undefined });
  });

  test('pages too large to be read are asked for in halves, and grow again', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(400, 400));
    const large = sim.addEvent(1, {
      created: formatInstant(instant(START) + seconds(401)),
      attributes: { text: 'x'.repeat(90_000) },
    });
    const list = new EventList(clientFor(sim, { maxBodyBytes: 100_000 }), '1', 1000);
    const reading = await readEvents(sim, { list, mostRequests: 40 });
    expect(missing(reading.ids, [...ids, large])).toEqual([]);
    expect(list.rowsPerPage).toBeGreaterThan(1);
  });

  test('a server too slow for long pages costs one failure, in this reading and in those that follow', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(400, 400));
    sim.addFault({ above: 50, times: Infinity, action: { type: 'status', status: 504 } });
    const list = eventList(sim, 100);
    const reading = await readEvents(sim, { list, mostRequests: 14 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(sim.requests.filter(({ status }) => status === 504)).toHaveLength(1);
    await readEvents(sim, { list, mostRequests: 12 });
    expect(sim.requests.filter(({ status }) => status === 504)).toHaveLength(1);
  });

  test('an event larger than any page may be is an error, not a loop', async () => {
    const sim = await start();
    sim.addEvent(1, { created: START, attributes: { text: 'x'.repeat(200_000) } });
    const list = new EventList(clientFor(sim, { maxBodyBytes: 100_000 }), '1', 1000);
    await expect(readEvents(sim, { list, mostRequests: 15 })).rejects.toMatchObject({ failure: 'too-large' });
  });

  test('events that cannot be used are handed over with the reason and stop nothing', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(120, 120));
    const broken = formatInstant(instant(START) + seconds(60));
    sim.addEvents(1, [
      { created: broken, payload: '{"id":"seven","created":"2026-03-01T00:01:00Z"}', id: null },
      { created: broken, payload: '{"id":8,"created":"yesterday"}', id: null },
      { created: broken, payload: '{"created":"2026-03-01T00:01:00Z"}', id: null },
      { created: broken, payload: '"text"', id: null },
    ]);
    const reasons = new Set<string>();
    const reading = await readEvents(sim, {
      pageSize: 50,
      mostRequests: 12,
      onPage: ({ page }) => page.problems.forEach((reason) => void reasons.add(reason)),
    });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect([...reasons].map((reason) => reason.split(':')[0])).toEqual(
      expect.arrayContaining(['id', 'created', 'record']),
    );
  });

  test('an unknown Application is reported as the newer list reports it', async () => {
    const sim = await start();
    const reading = readEvents(sim, { applicationId: 1, list: eventList(sim, 50, 77), mostRequests: 3 });
    await expect(reading).rejects.toMatchObject({ status: 404, endpoint: `GET ${EVENTS}` });
    await expect(reading).rejects.toThrow(ApiError);
  });

  test('a stop while the older list is tried stays a stop', async () => {
    const sim = await start({ envelope: 'old' });
    const controller = new AbortController();
    const hold = sim.holdNext((request) => request.template === '/v1/applications/{applicationId}/events');
    const pages = eventPages(eventList(sim), instant(START), { signal: controller.signal });
    const first = pages.next().catch((error: unknown) => error);
    await hold.held;
    controller.abort();
    expect(isAbortError(await first)).toBe(true);
  });
});

describe('fetching one page ahead', () => {
  async function* numbers(asked: number[], upTo: number): AsyncGenerator<number, void> {
    for (let number = 1; number <= upTo; number += 1) {
      asked.push(number);
      await Promise.resolve();
      yield number;
    }
  }

  test('the pages come in order, and the next one has been asked for when one is handed over', async () => {
    const asked: number[] = [];
    const got: number[] = [];
    for await (const number of oneAhead(numbers(asked, 3))) {
      expect(asked).toContain(Math.min(number + 1, 3));
      got.push(number);
    }
    expect(got).toEqual([1, 2, 3]);
  });

  test('a failure waits until its turn', async () => {
    async function* failing(): AsyncGenerator<number, void> {
      yield 1;
      throw new Error('second page');
    }
    const got: number[] = [];
    const reading = async () => {
      for await (const number of oneAhead(failing())) got.push(number);
    };
    await expect(reading()).rejects.toThrow('second page');
    expect(got).toEqual([1]);
  });

  test('leaving early ends the source', async () => {
    let isEnded = false;
    async function* source(): AsyncGenerator<number, void> {
      try {
        for (let number = 1; ; number += 1) yield number;
      } finally {
        isEnded = true;
      }
    }
    for await (const _ of oneAhead(source())) break;
    expect(isEnded).toBe(true);
  });
});

test('whatever the habits of a server, every event is returned and the cursor never runs ahead', async () => {
  const sim = await startForTest({ applications: [] });
  const history = fc.record({
    count: fc.integer({ min: 0, max: 150 }),
    span: fc.constantFrom(0.001, 0.5, 5, 600),
    tie: fc.constantFrom(1, 2, 12),
    isShuffled: fc.boolean(),
  });
  const habits: fc.Arbitrary<SwitchSettings> = fc.record({
    createdAfter: fc.constantFrom('exclusive', 'inclusive'),
    createdBefore: fc.constantFrom('exclusive', 'inclusive'),
    parameterPrecision: fc.constantFrom('microsecond', 'millisecond', 'second'),
    recordPrecision: fc.constantFrom('microsecond', 'millisecond', 'second'),
    sort: fc.constantFrom('honoured', 'honoured', 'refused', 'refusedAll', 'ignored', 'descending'),
    ties: fc.constantFrom('id', 'shuffled', 'unstable'),
    defaultOrder: fc.constantFrom('id', '-id', 'created', '-created'),
    envelope: fc.constantFrom('hasMore', 'missing', 'old'),
    fullPageHasMore: fc.constantFrom('exact', 'always'),
    silentPageLimit: fc.constantFrom(0, 0, 15),
  });
  const property = fc.asyncProperty(
    habits,
    history,
    fc.constantFrom(10, 25, 60),
    async (switches, { count, span, tie, isShuffled }, pageSize) => {
      const applicationId = sim.addApplication({ history: { events: 0 } });
      sim.set(switches, applicationId);
      const times = moments(count, span, tie);
      const ids = addEventsAt(sim, isShuffled ? shuffled(times) : times, applicationId);
      const reading = await readEvents(sim, { applicationId, pageSize, mostRequests: 600 });
      expect(missing(reading.ids, ids)).toEqual([]);
      expect(reading.isCaughtUp).toBe(true);
    },
  );
  // A fixed seed: a rare find belongs into a test of its own, not into somebody else's run.
  await fc.assert(property, { seed: 20_261_122, numRuns: 30 });
});
