import { expect, test } from 'vitest';
import { type Outcome, runWorkload } from './bench/requests/run-workload.js';
import { type Workload, workloads } from './bench/requests/workloads.js';
import { TestWarehouse } from './support/warehouse.js';

// What `npm run bench:requests` measures in full, here on a small scale: requests, which no busy machine can change.

const signal = new AbortController().signal;

async function spent(name: string, scale: number): Promise<Outcome> {
  const db = await TestWarehouse.create();
  try {
    const target = { schema: 'public', warehouse: db.warehouse, drop: async () => {} };
    return await runWorkload(workloads[name] as Workload, scale, target, signal);
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
  // The burst itself, and the cycles of two look-backs after it.
  expect(counts.events).toBeLessThanOrEqual(bound.events + 6 * 3);
});
