import { expect, test } from 'vitest';
import { type ApplicationOptions, findApplications } from '../src/sync/applications.js';
import { startForTest } from './simulator/for-tests.js';
import type { ApplicationOptions as Simulated } from './simulator/options.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { clientFor } from './support/management-client.js';
import { testLog } from './support/sync.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

let lastId = 1000;

/** A simulator with Applications that no other test of the file knows. */
async function simulate(count: number, more: Simulated = {}): Promise<{ sim: Simulator; ids: string[] }> {
  const numbers = Array.from({ length: count }, () => {
    lastId += 1;
    return lastId;
  });
  const history = { events: 5 };
  const sim = await startForTest({
    applications: numbers.map((id) => ({ id, name: `App ${id}`, history, ...more })),
  });
  return { sim, ids: numbers.map(String) };
}

function find(
  sim: Simulator,
  wanted: 'all' | string[],
  options: Partial<ApplicationOptions> = {},
): Promise<string[]> {
  const parts = {
    warehouse: db().warehouse,
    client: clientFor(sim),
    start: undefined,
    pageSize: 1000,
    log: testLog().log,
  };
  return findApplications({ ...parts, wanted, ...options }, { signal: new AbortController().signal });
}

async function cursors(ids: string[]): Promise<Record<string, unknown>[]> {
  return db().rows(
    `select application_id::text as id, application_name as name, last_sync = application_created as from_creation,
       to_char(last_sync at time zone 'UTC', 'YYYY-MM-DD') as start, status
     from talon_one_sync_cursor where application_id = any($1::bigint[]) order by 1`,
    ids,
  );
}

const all = (sim: Simulator) =>
  Object.values(sim.requestCounts()).reduce((sum, count) => sum + count.total, 0);

test('"all" finds every Application of the key, and each begins when it was created', async () => {
  const { sim, ids } = await simulate(3);
  expect((await find(sim, 'all')).sort()).toEqual(ids);
  expect(await cursors(ids)).toMatchObject(
    ids.map((id) => ({ id, name: `App ${id}`, from_creation: true, status: 'new' })),
  );
});

test('"all" reads the list to its end', async () => {
  const { sim, ids } = await simulate(7);
  expect((await find(sim, 'all', { pageSize: 3 })).sort()).toEqual(ids);
});

test('an Application that is made later is found, the cursors of the others stay', async () => {
  const { sim, ids } = await simulate(1);
  await find(sim, 'all');
  await db().rows(
    `update talon_one_sync_cursor set last_sync = '2026-06-06' where application_id = $1`,
    ids[0],
  );
  lastId += 1;
  sim.addApplication({ id: lastId });
  expect((await find(sim, 'all')).sort()).toEqual([...ids, String(lastId)]);
  expect(await cursors(ids)).toMatchObject([{ start: '2026-06-06' }]);
});

test('a list of IDs asks the API only for those without a cursor', async () => {
  const { sim, ids } = await simulate(3);
  const [first = '', ...others] = ids;
  expect(await find(sim, [first])).toEqual([first]);
  expect(all(sim)).toBe(1);
  expect(await find(sim, ids)).toEqual(ids);
  expect(all(sim)).toBe(1 + others.length);
  expect(await find(sim, ids)).toEqual(ids);
  expect(all(sim)).toBe(1 + others.length);
});

test('SYNC_START is where new cursors begin, and moves none that exists', async () => {
  const { sim, ids } = await simulate(2);
  const [first = ''] = ids;
  await find(sim, [first], { start: moment('2025-05-05T00:00:00Z') });
  await find(sim, ids, { start: moment('2025-07-07T00:00:00Z') });
  expect((await cursors(ids)).map((row) => row.start)).toEqual(['2025-05-05', '2025-07-07']);
});

test.each([401, 403] as const)(
  'a key that may not look Applications up (%i) syncs the ones it is given, from the beginning or SYNC_START',
  async (status) => {
    const { sim, ids } = await simulate(2);
    sim.set({ forbidden: { '/v1/applications/{applicationId}': status } });
    const { log, lines } = testLog();
    const [first = '', second = ''] = ids;
    expect(await find(sim, [first], { log })).toEqual([first]);
    expect(await find(sim, [second], { log, start: moment('2025-05-05T00:00:00Z') })).toEqual([second]);
    expect((await cursors(ids)).map((row) => row.start)).toEqual(['2015-01-01', '2025-05-05']);
    expect(lines.map((line) => [line.level, line.applicationId])).toEqual([
      ['warn', Number(first)],
      ['warn', Number(second)],
    ]);
  },
);

test('a key that may not list Applications cannot sync "all"', async () => {
  const { sim } = await simulate(1);
  sim.set({ forbidden: { '/v1/applications': 403 } });
  await expect(find(sim, 'all')).rejects.toMatchObject({ status: 403 });
});
