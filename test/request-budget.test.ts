import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAbortError } from '../src/errors.js';
import { budgetShape, LocalBudget, type Priority, unlimitedBudget } from '../src/talon-one/request-budget.js';
import { SlidingWindow } from './simulator/sliding-window.js';
import { SimulatedTime } from './support/simulated-time.js';

const signal = new AbortController().signal;

interface Journey {
  /** Milliseconds on the way to the server, and until its answer begins. */
  readonly there: number;
  readonly back: number;
}

/** Sends one request after the other from some callers at once; when each of them reached the server. */
async function arrivals(limit: number, journeys: readonly Journey[], callers: number): Promise<number[]> {
  const time = new SimulatedTime();
  const shape = budgetShape(limit);
  if (!shape) throw new Error('unlimited');
  const budget = new LocalBudget(shape, time.now, time.sleep);
  const arrived: number[] = [];
  const queue = journeys.values();
  const call = async () => {
    for (const { there, back } of queue) {
      const received = await budget.acquire('GET /x', signal);
      await time.sleep(there);
      arrived.push(time.now());
      await time.sleep(back);
      received();
    }
  };
  await time.run(Promise.all(Array.from({ length: callers }, call)));
  return arrived;
}

function peak(times: readonly number[]): number {
  const window = new SlidingWindow();
  for (const at of times) window.add(at);
  return window.peak;
}

describe('the limit in any sliding second, as the server sees it', () => {
  const latency = fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 50 }),
    fc.integer({ min: 0, max: 3000 }),
  );
  const journeys = fc.array(fc.record({ there: latency, back: latency }), { minLength: 1, maxLength: 25 });

  test('is never exceeded, whatever the network does to each request', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      journeys,
      fc.integer({ min: 1, max: 8 }),
      async (limit, all, callers) => {
        const arrived = await arrivals(limit, all, callers);
        expect(arrived).toHaveLength(all.length);
        expect(peak(arrived)).toBeLessThanOrEqual(limit);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test('is used up when the network is quick', async () => {
    const quick = Array.from({ length: 30 }, () => ({ there: 0, back: 0 }));
    const arrived = await arrivals(3, quick, 5);
    expect(peak(arrived)).toBe(3);
    expect(arrived.at(-1)).toBe(9000);
  });

  test('below one a second leaves as long a pause as it says', async () => {
    const arrived = await arrivals(
      0.5,
      Array.from({ length: 4 }, () => ({ there: 0, back: 0 })),
      2,
    );
    expect(arrived).toEqual([0, 2000, 4000, 6000]);
  });
});

test.each([
  [3, { slots: 3, periodMs: 1000 }],
  [2.5, { slots: 2, periodMs: 1000 }],
  [1, { slots: 1, periodMs: 1000 }],
  [0.25, { slots: 1, periodMs: 4000 }],
  [0, undefined],
])('%d requests a second', (limit, shape) => {
  expect(budgetShape(limit)).toEqual(shape);
});

test('each endpoint has a budget of its own', async () => {
  const time = new SimulatedTime();
  const budget = new LocalBudget({ slots: 1, periodMs: 1000 }, time.now, time.sleep);
  (await budget.acquire('GET /a', signal))();
  (await budget.acquire('GET /b', signal))();
  expect(budget.tryTake('GET /a')).toBe(1000);
});

test('a slot in use stays taken until the server has certainly received the request', () => {
  let now = 0;
  const budget = new LocalBudget({ slots: 1, periodMs: 1000 }, () => now);
  const received = budget.tryTake('x');
  now = 60_000;
  expect(budget.tryTake('x')).toBeTypeOf('number');
  if (typeof received === 'function') received();
  expect(budget.tryTake('x')).toBe(1000);
});

test('saying twice that a request was received does not move its slot', () => {
  let now = 0;
  const budget = new LocalBudget({ slots: 1, periodMs: 1000 }, () => now);
  const received = budget.tryTake('x');
  if (typeof received !== 'function') throw new Error('the first slot is free');
  received();
  now = 900;
  received();
  expect(budget.tryTake('x')).toBe(100);
  now = 1000;
  expect(budget.tryTake('x')).toBeTypeOf('function');
  // The request of the slot's next holder is under way: the old word does not free it.
  received();
  expect(budget.tryTake('x')).toBe(20);
});

test('a stop ends the wait for a slot, and an unlimited budget refuses to go on after one', async () => {
  const controller = new AbortController();
  const budget = new LocalBudget({ slots: 1, periodMs: 3_600_000 });
  (await budget.acquire('x', controller.signal))();
  const waiting = budget.acquire('x', controller.signal).catch((error: unknown) => error);
  controller.abort();
  expect(isAbortError(await waiting)).toBe(true);
  await expect(unlimitedBudget.acquire('x', controller.signal)).rejects.toThrow();
});

describe('who goes first', () => {
  /** All ask at the moments given; the order in which they are served by one slot a second. */
  async function served(
    asks: readonly [name: string, priority: Priority, atMs: number][],
  ): Promise<string[]> {
    const time = new SimulatedTime();
    const budget = new LocalBudget({ slots: 1, periodMs: 1000 }, time.now, time.sleep);
    const order: string[] = [];
    const ask = async ([name, priority, atMs]: (typeof asks)[number]) => {
      await time.sleep(atMs);
      (await budget.acquire('x', signal, priority))();
      order.push(name);
    };
    await time.run(Promise.all(asks.map(ask)));
    return order;
  }

  const asking = (names: string, priority: Priority, atMs: number) =>
    [...names].map((name) => [name, priority, atMs] as [string, Priority, number]);

  test('a live request goes before those of a back-fill, however long they have waited', async () => {
    const order = await served([...asking('abcdefgh', 'back-fill', 0), ['live', 'live', 5_100]]);
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'live', 'g', 'h']);
  });

  test('of three turns two are for live requests and one for a back-fill, while both wait', async () => {
    const order = await served([...asking('abc', 'back-fill', 0), ...asking('12345', 'live', 0)]);
    expect(order.join('')).toBe('a12b34c5');
  });
});
