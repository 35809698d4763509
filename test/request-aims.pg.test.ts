import { expect, test } from 'vitest';
import { type Outcome, runWorkload } from './bench/requests/run-workload.js';
import { BEGIN } from './bench/requests/virtual-world.js';
import { shops, type Workload, workloads } from './bench/requests/workloads.js';
import { SECOND } from './simulator/timestamp.js';
import { TestWarehouse } from './support/warehouse.js';

// What `npm run bench:requests` measures in full, here on a small scale: requests, which no busy machine can change.

const signal = new AbortController().signal;

function spent(name: string, scale: number): Promise<Outcome> {
  return outcomeOf(workloads[name] as Workload, scale);
}

async function outcomeOf(workload: Workload, scale: number): Promise<Outcome> {
  const db = await TestWarehouse.create();
  try {
    const target = { schema: 'public', warehouse: db.warehouse, drop: async () => {} };
    return await runWorkload(workload, scale, target, signal);
  } finally {
    await db.close();
  }
}

test('a first sync spends next to nothing beyond the least that the API permits', async () => {
  const { counts, total, bound, recipe, events, repeated } = await spent('first-sync', 0.02);
  // One request to see that the server sorts, and one for the end of each list.
  expect(total).toBeLessThanOrEqual(bound.total * 1.1 + 3);
  expect(recipe / total).toBeGreaterThan(50);
  expect(repeated / events).toBeLessThan(0.02);
  expect(counts.profiles).toBe(bound.profiles);
});

test('an idle pass is one request', async () => {
  const { total, cycles } = await spent('idle-night', 0.02);
  expect(total).toBe(cycles);
});

test('after a burst the look-back is paid only as long as something may still come', async () => {
  const { counts, bound, cycles } = await spent('import-burst', 0.05);
  expect(cycles).toBeGreaterThan(10);
  // One request to see that the server sorts. The burst again in the cycle within a look-back after it, and in the next.
  expect(counts.events).toBeLessThanOrEqual(bound.events + 1 + 2 * 3);
});

/** A shop with a shorter past than those of the benchmark, which takes a minute to make. */
function shop(seconds: number, eventsPerSecond: (at: number) => number): Workload {
  const past = { youngDays: 0.2, oldSessions: 10_000 };
  const habits = { eventsPerSecond, customers: 60_000, oldShare: 0.01, ...past };
  const open: Workload['open'] = (world) => shops(world, 1, habits);
  return { title: '', says: '', defaultScale: 1, seconds: () => seconds, open };
}

test('a steady day spends hardly more than one who knows when every session was created', async () => {
  const { total, bound, recipe } = await outcomeOf(
    shop(180, () => 5),
    1,
  );
  expect(recipe / total).toBeGreaterThan(5);
  expect(total).toBeLessThanOrEqual(bound.total * 1.15);
});

test('in a flash sale, what is asked for first tells where the other sessions of months ago are', async () => {
  const isSale = (at: number) => at >= BEGIN + 30 * SECOND && at < BEGIN + 70 * SECOND;
  const { counts, bound } = await outcomeOf(
    shop(100, (at) => (isSale(at) ? 300 : 5)),
    1,
  );
  const sessions = counts['session lists'] + counts['sessions by ID'];
  expect(sessions).toBeLessThanOrEqual(bound.sessions * 1.5);
});
