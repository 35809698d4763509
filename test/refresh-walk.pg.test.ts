import { expect, onTestFinished, test } from 'vitest';
import { jobKinds } from '../src/commands/job-kinds.js';
import { seconds } from '../src/instant.js';
import { type Observer, silentObserver } from '../src/observer.js';
import type { Priority, RequestBudget } from '../src/talon-one/request-budget.js';
import { nextToRefresh } from '../src/warehouse/refresh-reads.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { clientFor } from './support/management-client.js';
import {
  change,
  changeSession,
  copied,
  goOn,
  idOf,
  isSearch,
  makeDue,
  NAME,
  PERIOD_DAYS,
  profileRows,
  runnerOf,
  SEARCH,
  walk,
} from './support/refreshing.js';
import { testLog } from './support/sync.js';
import { eventually, TestWarehouse, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

test('PROFILE_REFRESH_DAYS is off by default: no job, and no request', async () => {
  const sync = await copied(db(), 3);
  const exports = undefined as never;
  const parts = { ...sync, sparing: sync.client, exports };
  expect(jobKinds(parts).map(({ name }) => name)).not.toContain('refresh-profiles');
  const refresh = { period: seconds(86_400) };
  expect(jobKinds({ ...parts, config: { ...sync.config, refresh } }).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['refresh-profiles', 'refresh-sessions']),
  );
});

test('a crash between two chunks neither repeats nor skips one', async () => {
  const sync = await copied(db(), 50, { environment: { PAGE_SIZE: '10' } });
  for (const number of [5, 15, 25, 35, 45]) change(sync, number, NAME, '"Name":"Imported"');
  const before = await profileRows(sync);
  // From the highest ID down: the third search is that of 21 to 30.
  const hold = sync.sim.holdNext(
    ({ template, body }) => isSearch({ template }) && String(body).includes(String(idOf(sync, 25))),
  );
  const controller = new AbortController();
  await makeDue(sync, 'profiles');
  const running = runnerOf(sync, 'profiles', testLog()).runOnce(controller.signal);
  await hold.held;
  controller.abort();
  await running;
  hold.release();
  const added = async () => (await profileRows(sync)).slice(before.length).map(({ id }) => Number(id));
  expect(await added()).toEqual([45, 35].map((number) => idOf(sync, number)));
  sync.sim.resetStatistics();
  await db().rows(
    `update talon_one_job set next_run_at = clock_timestamp(), lease_expires_at = null where job = $1`,
    `refresh-profiles:${sync.applicationId}`,
  );
  expect(await goOn(sync, 'profiles')).toMatchObject({ refreshed: 30, changed: 3 });
  expect(sync.requests(SEARCH)).toBe(3);
  expect(await added()).toEqual([45, 35, 25, 15, 5].map((number) => idOf(sync, number)));
});

test('what is stored and how far the walk has come are one transaction: a lease that is lost writes neither', async () => {
  const sync = await copied(db(), 10);
  change(sync, 3, NAME, '"Name":"Imported"');
  const before = await profileRows(sync);
  const hold = sync.sim.holdNext(isSearch);
  await makeDue(sync, 'profiles');
  const job = `refresh-profiles:${sync.applicationId}`;
  const state = () => db().value(`select state::text from talon_one_job where job = $1`, job);
  const stateBefore = await state();
  const recorded = testLog();
  const controller = new AbortController();
  const running = runnerOf(sync, 'profiles', recorded).runOnce(controller.signal);
  await hold.held;
  await db().rows(
    `update talon_one_job set fence = fence + 1, next_run_at = clock_timestamp() + interval '1 hour',
       lease_expires_at = clock_timestamp() + interval '1 hour' where job = $1`,
    job,
  );
  hold.release();
  await eventually('the lease is noticed', async () =>
    recorded.lines.some(({ msg }) => msg === 'lease lost to another replica'),
  );
  controller.abort();
  await running;
  expect(await profileRows(sync)).toEqual(before);
  expect(await state()).toBe(stateBefore);
});

test('the walk is spread over the period: half of the IDs are not due before half of it has passed', async () => {
  const sync = await copied(db(), 100, { environment: { PAGE_SIZE: '10' } });
  await makeDue(sync, 'profiles', (PERIOD_DAYS / 2) * 1440);
  expect(await goOn(sync, 'profiles')).toMatchObject({ refreshed: expect.toBeOneOf([50, 60]) });
  const waitMs = await db().value(
    `select extract(epoch from next_run_at - clock_timestamp()) * 1000 from talon_one_job where job = $1`,
    `refresh-profiles:${sync.applicationId}`,
  );
  // Not days: PROFILE_REFRESH_DAYS may be another one tomorrow.
  expect(Number(waitMs)).toBeGreaterThan(3_500_000);
  expect(Number(waitMs)).toBeLessThanOrEqual(3_600_000);
});

test('its requests are those of a back-fill, out of the half that the sync leaves; its snapshots are counted', async () => {
  const sync = await copied(db(), 5);
  const priorities: (Priority | undefined)[] = [];
  const budget: RequestBudget = {
    acquire: async (_endpoint, _signal, priority) => {
      priorities.push(priority);
      return () => {};
    },
  };
  const full: RequestBudget = { acquire: () => Promise.reject(new Error('the budget of the sync')) };
  const stored: unknown[] = [];
  const observer: Observer = { ...silentObserver, snapshotsStored: (...told) => stored.push(told) };
  change(sync, 2, NAME, '"Name":"Imported"');
  changeSession(sync, 3, /"coupon":"[^"]*"/, '"coupon":"NEW"');
  const parts = {
    ...sync,
    observer,
    client: clientFor(sync.sim, { budget: full }),
    sparing: clientFor(sync.sim, { budget }),
    exports: undefined as never,
    config: { ...sync.config, refresh: { period: seconds(PERIOD_DAYS * 86_400) } },
  };
  for (const what of ['profiles', 'sessions'] as const) {
    const recorded = testLog();
    const kinds = jobKinds(parts).filter(({ name }) => name === `refresh-${what}`);
    await makeDue(sync, what);
    const walked = await goOn(sync, what, runnerOf(sync, what, recorded, kinds), recorded);
    expect(walked).toMatchObject({ refreshed: 5, changed: 1, failed: [] });
  }
  expect(priorities).toHaveLength(2);
  // No priority is that of a back-fill.
  expect(priorities).not.toContain('live');
  expect(stored).toEqual(['profile', 'list'].map((lane) => [sync.applicationId, lane, 1]));
});

test.each(['profile', 'session'] as const)(
  'a chunk reads its share of a large table alone: %s',
  async (kind) => {
    const warehouse = await TestWarehouse.create();
    onTestFinished(() => warehouse.close());
    await warehouse.rows(
      kind === 'profile'
        ? `insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found)
           select p, now() - s * interval '1 hour', 1, true from generate_series(1, 5000) p, generate_series(1, 4) s`
        : `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, state, source)
           select 1, p, now() - s * interval '1 hour', true, 'open', 'list' from generate_series(1, 5000) p, generate_series(1, 4) s`,
    );
    let blocks = 0;
    const explaining = {
      transaction: (work: (client: unknown) => Promise<unknown>) =>
        warehouse.warehouse.transaction((client) =>
          work({
            query: async (text: string, values: unknown[]) => {
              const explained = `explain (analyze, buffers, format json) ${text}`;
              const { rows } = await client.query<{ 'QUERY PLAN': string }>(explained, values);
              const [{ Plan: plan }] = JSON.parse(rows[0]?.['QUERY PLAN'] ?? '');
              blocks = Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']);
              return client.query(text, values);
            },
          }),
        ),
    } as unknown as Warehouse;
    const query = { kind, applicationId: '1', below: '4001', limit: 100, scan: 1000 };
    const { wanted, below } = await nextToRefresh(explaining, query);
    expect(wanted.map(({ id }) => Number(id))).toEqual(
      Array.from({ length: 100 }, (_, index) => 4000 - index),
    );
    expect(below).toBe('3901');
    // A descent each, and the look for an erasure. All rows would be 20,000.
    expect(blocks).toBeGreaterThan(100);
    expect(blocks).toBeLessThan(1500);
    // Others lie between: the walk goes on behind them.
    const none = await nextToRefresh(warehouse.warehouse, { ...query, applicationId: '2' });
    expect(none).toEqual({ wanted: [], below: kind === 'profile' ? '3001' : undefined });
    const last = await nextToRefresh(warehouse.warehouse, { ...query, below: '51' });
    expect([last.wanted.length, last.below]).toEqual([50, undefined]);
  },
);

test('while the Application is behind nothing is read again', async () => {
  const sync = await copied(db(), 5);
  await db().rows(
    `update talon_one_sync_cursor set status = 'back-filling' where application_id = $1`,
    sync.applicationId,
  );
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 0, failed: [] });
  expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 0, failed: [] });
  expect(sync.requests(/./)).toBe(0);
  // `once` from cron: up to date when it last ran, days ago.
  await db().rows(
    `update talon_one_sync_cursor set status = 'up-to-date', read_until = read_until - interval '2 days'
     where application_id = $1`,
    sync.applicationId,
  );
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 5, failed: [] });
});
