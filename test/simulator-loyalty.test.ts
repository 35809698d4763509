import { expect, test } from 'vitest';
import { list, queryText } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';

const PROGRAM = '/v1/loyalty_programs/1';
const _T = '2026-01-01T00:00:';

test('every transaction of a program is listed once, newest first, in pages of 50', async () => {
  const sim = await start({ history: { events: 900 } });
  const issued = [...sim.issuedLoyalty(1)];
  expect(issued.length).toBeGreaterThan(200);
  const first = await list(sim, `${PROGRAM}/transactions`);
  expect(first.rows).toHaveLength(50);
  expect(first.hasMore).toBe(true);
  const all = await list(sim, `${PROGRAM}/transactions?pageSize=1000`);
  expect(all.hasMore).toBe(false);
  expect(all.ids).toEqual(issued.map(({ id }) => id).reverse());
  const origins = ['manual', 'session', 'import'];
  const counts = await Promise.all(
    origins.map(async (origin) => {
      const query = queryText({ loyaltyTransactionType: origin, pageSize: 1000 });
      return (await list(sim, `${PROGRAM}/transactions?${query}`)).rows.length;
    }),
  );
  expect(counts.every((count) => count > 5)).toBe(true);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(issued.length);
  for (const [member, value] of [
    ['startDate', 'immediate'],
    ['startDate', 'on_action'],
    ['expiryDate', 'unlimited'],
  ])
    expect(all.rows.some((row) => row[member as string] === value)).toBe(true);
});
