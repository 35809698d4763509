import { describe, expect, test } from 'vitest';
import { floorToSecond, type Instant, SECOND, seconds } from '../src/instant.js';
import { EventList, type EventSource } from '../src/talon-one/event-list.js';
import { eventPages } from '../src/talon-one/event-pages.js';
import { ManagementClient } from '../src/talon-one/management.js';
import { budgetShape, LocalBudget } from '../src/talon-one/request-budget.js';
import { type Network, VirtualApi } from './bench/requests/virtual-api.js';
import { VirtualTime } from './bench/requests/virtual-time.js';
import { VirtualWorld } from './bench/requests/virtual-world.js';
import { HISTORY_BEGIN, workloads } from './bench/requests/workloads.js';
import { startForTest } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';
import { counted } from './support/counted-source.js';
import { addEventsAt, EAGER, instant, missing, moments, readEvents, START } from './support/event-reading.js';
import { clientFor, quickRetry } from './support/management-client.js';

// Pages that are asked for together with the one before. What is true of them however a server behaves is in
// pages-ahead-property.test.ts.

describe('how fast', () => {
  interface Run {
    readonly requests: number;
    readonly seconds: number;
    readonly mostUnderWay: number;
    readonly events: number;
  }

  const EVENTS = 15_000;
  const PAGE_SIZE = 250;

  /** A back-fill against a server of this latency, on a virtual clock. */
  async function backFill(latencyMs: number, options: { parallel: number; writeMs?: number }): Promise<Run> {
    const time = new VirtualTime();
    const world = new VirtualWorld(time);
    workloads['first-sync']?.open(world, EVENTS / 1_000_000);
    const shape = budgetShape(3);
    if (!shape) throw new Error('no limit');
    const network: Network = { time, budget: new LocalBudget(shape, time.now, time.sleep), latencyMs };
    const api = new VirtualApi(world, network, new Map(), () => {});
    const { source, counts } = counted(new ManagementClient(api.send, quickRetry));
    const list = new EventList(source, '1', PAGE_SIZE);
    const from = BigInt(HISTORY_BEGIN);
    const ahead = { parallel: options.parallel, lookback: seconds(120), now: time.now };
    const ids = new Set<unknown>();
    const reading = async () => {
      const context = { signal: new AbortController().signal };
      for await (const { page } of eventPages(list, from, context, ahead)) {
        for (const { id } of page.rows) ids.add(id);
        if (options.writeMs) await time.sleep(options.writeMs);
      }
    };
    await time.run(reading());
    return { ...counts, seconds: time.now() / 1000, events: ids.size };
  }

  test.each([800, 1000, 2000])(
    'at a latency of %i ms a back-fill gets what the request budget allows: 3 / (1 + latency) a second',
    async (latencyMs) => {
      const run = await backFill(latencyMs, { parallel: 3 });
      expect(run.events).toBe(EVENTS);
      expect(run.mostUnderWay).toBe(3);
      const allowed = 3 / (1 + latencyMs / 1000);
      expect(run.requests / run.seconds).toBeGreaterThan(allowed * 0.85);
      expect(run.requests / run.seconds).toBeGreaterThan(1000 / latencyMs);
    },
  );

  test('it costs what pages repeat of each other', async () => {
    const one = await backFill(1000, { parallel: 1 });
    const three = await backFill(1000, { parallel: 3 });
    expect(one).toMatchObject({ events: EVENTS, mostUnderWay: 1 });
    // Five events of 250; of 1000 it would be ten.
    expect(three.requests).toBeLessThanOrEqual(one.requests * 1.03 + 2);
  });

  test.each([
    ['without latency the request budget', { latencyMs: 0, writeMs: 0 }],
    ['with a little latency the request budget', { latencyMs: 200, writeMs: 0 }],
    ['with a slow Postgres the writer', { latencyMs: 600, writeMs: 3000 }],
  ])('%s decides, and nothing is read ahead', async (_, { latencyMs, writeMs }) => {
    const run = await backFill(latencyMs, { parallel: 3, writeMs });
    expect(run).toMatchObject({ events: EVENTS, mostUnderWay: 1 });
  });
});

describe('what does not fit', () => {
  test('a tie across a seam, longer than what is repeated, is read whole', async () => {
    const sim = await start();
    const tie = Array.from({ length: 330 }, () => instant(START) + seconds(400.5));
    const ids = addEventsAt(sim, [
      ...moments(400, 400),
      ...tie,
      ...moments(400, 400).map((at) => at + seconds(401)),
    ]);
    const { source, counts } = counted(clientFor(sim));
    const reading = await read(sim, source, { mostRequests: 120 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(counts.mostUnderWay).toBe(3);
  });

  test('events that go between two requests hide none of the others', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(600, 600));
    const gone: string[] = [];
    const reading = await read(sim, clientFor(sim), {
      mostRequests: 120,
      onPage: ({ page, lastSync, isCaughtUp }, number) => {
        // A page that does not join is not handed over: each one lets the cursor move.
        if (number > 1 && !isCaughtUp) expect(lastSync).toBeDefined();
        // More than what is repeated, in front of the pages that are still under way.
        if (number % 3 !== 0) return;
        for (const { id } of page.rows.slice(0, 20)) if (sim.removeEvent(1, id)) gone.push(String(id));
      },
    });
    expect(gone.length).toBeGreaterThan(20);
    expect(missing(reading.ids, ids)).toEqual([]);
  });

  test.each([
    ['is refused', 400],
    ['fails', 503],
  ])('an offset that %s costs requests, and nothing else', async (_, status) => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(600, 600));
    const path = /skip=[1-9]/;
    const fault = sim.addFault({ path, times: Infinity, action: { type: 'status', status } });
    const reading = await read(sim, clientFor(sim), { mostRequests: 200 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(reading.isCaughtUp).toBe(true);
    expect(fault.hits).toBeGreaterThan(0);
  });

  test('a server that ignores the offset is read one page after the other, and seldom asked again', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(2500, 2500));
    const { source, counts } = counted(clientFor(sim));
    const deaf: EventSource = {
      ...source,
      events: (id, query, context) => source.events(id, { ...query, skip: 0 }, context),
    };
    const reading = await read(sim, deaf, { mostRequests: 400, pauseAfterMiss: 16 });
    expect(missing(reading.ids, ids)).toEqual([]);
    // 52 pages, and two guesses after 4, 20 and 52 of them; one to see that it sorts.
    expect(counts.requests).toBeLessThanOrEqual(52 + 2 * 3 + 1);
    expect(counts.mostUnderWay).toBe(3);
  });

  test('a page that comes unsorted is not taken over', async () => {
    const sim = await start();
    const ids = addEventsAt(sim, moments(600, 600));
    const client = clientFor(sim);
    const mixed: EventSource = {
      ...sourceOf(client),
      events: async (id, query, context) => {
        const page = await client.events(id, query, context);
        const [first, second, third, ...rest] = page.data;
        return query.skip > 0 ? { ...page, data: [first, third, second, ...rest] } : page;
      },
    };
    const reading = await read(sim, mixed, { mostRequests: 200 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(reading.isCaughtUp).toBe(true);
    // What is read in its turn is sorted, so there is no need for frozen windows.
    expect(sim.requests.some(({ query }) => query.includes('createdBefore'))).toBe(false);
  });

  test.each<[string, SwitchSettings]>([
    ['counts the whole list', { envelope: 'old' }],
    ['does not say whether more follows', { envelope: 'missing' }],
    ['sends no Date header', { dateHeader: 'absent' }],
    ['does not sort', { sort: 'ignored', defaultOrder: 'created' }],
    ['delivers shorter pages', { silentPageLimit: 30 }],
  ])('a server that %s is asked for one page at a time', async (_, switches) => {
    const sim = await start(switches);
    const ids = addEventsAt(sim, moments(600, 600));
    const { source, counts } = counted(clientFor(sim));
    const reading = await read(sim, source, { mostRequests: 200 });
    expect(missing(reading.ids, ids)).toEqual([]);
    expect(counts.mostUnderWay).toBe(1);
  });
});

describe('near the present', () => {
  const lookback = seconds(600);
  /** The clock of the answers may be an hour ahead. */
  const final = lookback + seconds(3600);
  const every = (step: number, count: number, from: number) =>
    Array.from({ length: count }, (_, index) => from - index * step);

  test.each([
    ['at an even pace', every(10, 1800, 18_000)],
    // The page that was guessed reaches from the old ones to those of the last minute.
    ['with a long pause', [...every(1, 420, 18_000), ...every(400, 40, 17_000), ...every(0.2, 300, 60)]],
  ])('what may still change (%s) is on no page that was read too early', async (_, secondsAgo) => {
    const sim = await start();
    const now = floorToSecond(instant(sim.now()));
    addEventsAt(
      sim,
      secondsAgo.map((age) => now - seconds(age)),
    );
    const { source, counts } = counted(clientFor(sim));
    let requests = 0;
    let young = 0;
    await read(sim, source, {
      mostRequests: 80,
      lookback,
      onPage: ({ page }) => {
        if (page.rows.some(({ created }) => created > now - final)) {
          young += 1;
          // Asked for when the page before had been handed over.
          expect(counts.begunAs(page.data)).toBeGreaterThanOrEqual(requests);
        }
        requests = counts.requests;
      },
    });
    expect(young).toBeGreaterThan(5);
    expect(counts.mostUnderWay).toBe(3);
  });
});

test('leaving early ends what is under way', async () => {
  const sim = await start();
  addEventsAt(sim, moments(600, 600));
  const { source, counts } = counted(clientFor(sim));
  const list = new EventList(source, '1', 50);
  const from = instant(START) - SECOND;
  let pages = 0;
  for await (const _ of eventPages(list, from, { signal: new AbortController().signal }, EAGER)) {
    pages += 1;
    if (counts.mostUnderWay > 1) break;
  }
  expect(pages).toBeLessThan(12);
  await counts.allEnded();
  const { requests } = counts;
  await new Promise((resolve) => setImmediate(resolve));
  expect(counts.requests).toBe(requests);
});

function start(switches: SwitchSettings = {}): Promise<Simulator> {
  const clockOffsetMs = Date.parse(START) + 6 * 3_600_000 - Date.now();
  return startForTest({ history: { events: 0 }, switches: { clockOffsetMs, ...switches } });
}

interface ReadOptions {
  readonly mostRequests: number;
  readonly pauseAfterMiss?: number;
  readonly lookback?: Instant;
  readonly onPage?: Parameters<typeof readEvents>[1]['onPage'];
}

function read(sim: Simulator, source: EventSource, options: ReadOptions) {
  const { mostRequests, onPage, pauseAfterMiss = 1, lookback = 0n } = options;
  const list = new EventList(source, '1', 50);
  const ahead = { ...EAGER, pauseAfterMiss, lookback };
  return readEvents(sim, { list, mostRequests, ahead, ...(onPage && { onPage }) });
}

function sourceOf(client: ManagementClient): EventSource {
  return {
    events: (id, query, context) => client.events(id, query, context),
    eventsWithTotal: (id, query, context) => client.eventsWithTotal(id, query, context),
  };
}
