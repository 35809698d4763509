import { describe, expect, onTestFinished, test } from 'vitest';
import { jobKinds } from '../src/commands/job-kinds.js';
import { seconds } from '../src/instant.js';
import { type Observer, silentObserver } from '../src/observer.js';
import type { JobKind } from '../src/sync/job.js';
import { JobRunner } from '../src/sync/job-runner.js';
import { refreshJobs } from '../src/sync/refresh/refresh-job.js';
import type { Priority, RequestBudget } from '../src/talon-one/request-budget.js';
import { forgetProfile } from '../src/warehouse/forget.js';
import { nextToRefresh } from '../src/warehouse/refresh-reads.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { clientFor } from './support/management-client.js';
import { type SyncOptions, startSync, type TestLog, TestSync, testLog } from './support/sync.js';
import { eventually, TestWarehouse, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

type What = 'profiles' | 'sessions';

const SEARCH = /customer_search$/;
const isSearch = ({ template }: { template: string | null }) => SEARCH.test(template ?? '');
const LIST = /GET .*\/sessions$/;
const BY_ID = /sessions\/\{sessionId\}$/;
const PERIOD_DAYS = 30;

/** An Application whose events and snapshots are stored: profiles 1, 2, … and a session of each, as its number begins. */
async function copied(count: number, options: SyncOptions = {}): Promise<TestSync> {
  const sync = await startSync(db(), options);
  sync.sim.addEvents(
    sync.number,
    Array.from({ length: count }, (_, index) => ({
      profileId: idOf(sync, index + 1),
      sessionId: idOf(sync, index + 1),
    })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  sync.sim.resetStatistics();
  return sync;
}

const idOf = (sync: TestSync, number: number) => sync.number * 10_000 + number;

function kindsOf(sync: TestSync): JobKind[] {
  return refreshJobs({ ...sync, sparing: sync.client, period: seconds(PERIOD_DAYS * 86_400) });
}

/** Of this Application alone. */
function runnerOf(sync: TestSync, what: What, { log }: TestLog, kinds = kindsOf(sync)): JobRunner {
  const own = kinds
    .filter(({ name }) => name === `refresh-${what}`)
    .map((kind): JobKind => ({ ...kind, inOnce: 'always', jobs: [`${kind.name}:${sync.applicationId}`] }));
  return new JobRunner({ warehouse: sync.warehouse, kinds: own, owner: 'test', leaseMs: 2_000, log });
}

interface Walked {
  refreshed: number;
  changed: number;
  gone: number;
  /** Errors of the job. */
  failed: unknown[];
  readonly recorded: TestLog;
}

/** Runs the job until it has nothing to do at the moment. */
async function goOn(sync: TestSync, what: What, runner?: JobRunner, recorded = testLog()): Promise<Walked> {
  const { failed } = await (runner ?? runnerOf(sync, what, recorded)).runOnce(new AbortController().signal);
  const walked: Walked = { refreshed: 0, changed: 0, gone: 0, failed: [...failed.values()], recorded };
  for (const line of recorded.lines.filter(({ msg }) => msg === 'job finished')) {
    for (const name of ['refreshed', 'changed', 'gone'] as const) walked[name] += Number(line[name] ?? 0);
  }
  return walked;
}

/** A round that is nearly over, and that nothing was read in: all of it is due, and the next one is not. */
async function makeDue(sync: TestSync, what: What, minutesLeft = 5): Promise<void> {
  const [table, id] = what === 'profiles' ? ['profile', 'profile_id'] : ['session', 'session_id'];
  await db().rows(
    `insert into talon_one_job (job, state)
     select $1, jsonb_build_object('highest', max(${id})::text, 'lowest', min(${id})::text, 'below', (max(${id}) + 1)::text,
       'roundStartedAt', to_char((clock_timestamp() - $3 * interval '1 day' + $4 * interval '1 minute') at time zone 'UTC',
         'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
     from talon_one_${table}_snapshot where application_id = $2
     on conflict (job) do update set state = excluded.state, next_run_at = clock_timestamp(), lease_expires_at = null`,
    `refresh-${what}:${sync.applicationId}`,
    sync.applicationId,
    PERIOD_DAYS,
    minutesLeft,
  );
}

async function walk(sync: TestSync, what: What): Promise<Walked> {
  await makeDue(sync, what);
  return goOn(sync, what);
}

const profileRows = (sync: TestSync) =>
  db().rows<{ id: string; found: boolean; payload: string | null; event_id: string | null }>(
    `select profile_id::text as id, found, payload::text, event_id::text from talon_one_profile_snapshot
     where application_id = $1 order by fetched_at, profile_id`,
    sync.applicationId,
  );

const sessionRows = (sync: TestSync) =>
  db().rows<{ id: string; found: boolean; source: string; payload: string | null; event_id: string | null }>(
    `select session_id::text as id, found, source, payload::text, event_id::text from talon_one_session_snapshot
     where application_id = $1 order by fetched_at, session_id`,
    sync.applicationId,
  );

/** Changes the text that the API sends of a profile. */
function change(sync: TestSync, number: number, pattern: RegExp, by: string): string {
  const id = String(idOf(sync, number));
  const text = sync.sim.profileText(id)?.replace(pattern, by) ?? '';
  expect(text).toContain(by);
  sync.sim.setProfilePayload(id, text);
  return text;
}

function changeSession(sync: TestSync, number: number, pattern: RegExp, by: string): void {
  const id = String(idOf(sync, number));
  const text = sync.sim.sessionText(sync.number, id)?.replace(pattern, by) ?? '';
  expect(text).toContain(by);
  sync.sim.setSessionPayload(sync.number, id, text);
}

const NAME = /"Name":"[^"]*"/;

test('PROFILE_REFRESH_DAYS is off by default: no job, and no request', async () => {
  const sync = await copied(3);
  const exports = undefined as never;
  const parts = { ...sync, sparing: sync.client, exports };
  expect(jobKinds(parts).map(({ name }) => name)).not.toContain('refresh-profiles');
  const refresh = { period: seconds(86_400) };
  expect(jobKinds({ ...parts, config: { ...sync.config, refresh } }).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['refresh-profiles', 'refresh-sessions']),
  );
});

test('profiles that did not change are read again with one request for a thousand, and leave no row', async () => {
  const sync = await copied(40);
  const before = await profileRows(sync);
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 40, changed: 0, gone: 0, failed: [] });
  expect(await profileRows(sync)).toEqual(before);
  expect(sync.requests(/./)).toBe(1);
  expect(sync.requests(SEARCH)).toBe(1);
});

test('a change without an event becomes one snapshot without event_id, digit for digit, and the next round none', async () => {
  const sync = await copied(20);
  const before = await profileRows(sync);
  const text = change(sync, 7, NAME, '"Name":"Imported","points":1.10,"big":12345678901234567890.100');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 1 });
  const added = (await profileRows(sync)).slice(before.length);
  expect(added).toMatchObject([{ id: String(idOf(sync, 7)), found: true, event_id: null }]);
  expect(added[0]?.payload).toContain('12345678901234567890.100');
  expect(added[0]?.payload).toContain('1.10');
  expect(JSON.parse(added[0]?.payload ?? '')).toEqual(JSON.parse(text));
  expect(
    await db().value(
      `select payload #>> '{attributes,Name}' from talon_one_profile where profile_id = $1`,
      idOf(sync, 7),
    ),
  ).toBe('Imported');
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 20, changed: 0 });

  // Another number of digits is another text; another order of audiences is not.
  change(sync, 7, /"points":1\.10/, '"points":1.100');
  change(sync, 8, /"audienceMemberships":\[[^\]]*\]/, '"audienceMemberships":[{"id":2},{"id":1}]');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 2 });
  change(sync, 8, /"audienceMemberships":\[[^\]]*\]/, '"audienceMemberships":[{"id":1},{"id":2}]');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0 });
});

test('a profile that the API does not know any more becomes one snapshot, not one in every round; it may come back', async () => {
  const sync = await copied(60);
  const before = await profileRows(sync);
  const id = String(idOf(sync, 9));
  const text = sync.sim.profileText(id) ?? '';
  sync.sim.removeProfile(id);
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 1, failed: [] });
  const gone = { id, found: false, payload: null, event_id: null };
  expect((await profileRows(sync)).slice(before.length)).toEqual([gone]);
  sync.sim.resetStatistics();
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 0 });
  // One for those that are there, one for those that are not: nothing is proved again.
  expect(sync.requests(SEARCH)).toBe(2);
  sync.sim.set({ unknownProfileIds: '404' });
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 0, failed: [] });
  sync.sim.addEvent(sync.number, { profileId: 1 });
  expect(await profileRows(sync)).toHaveLength(before.length + 1);

  const other = await copied(1);
  sync.sim.set({ unknownProfileIds: 'skip' });
  await db().rows(
    `update talon_one_profile_snapshot set found = false, payload = null where application_id = $1`,
    other.applicationId,
  );
  expect(await walk(other, 'profiles')).toMatchObject({ changed: 1, gone: 0 });
  expect(text).not.toBe('');
});

test('a crash between two chunks neither repeats nor skips one', async () => {
  const sync = await copied(50, { environment: { PAGE_SIZE: '10' } });
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
  const sync = await copied(10);
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
  const sync = await copied(100, { environment: { PAGE_SIZE: '10' } });
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
  const sync = await copied(5);
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
  const sync = await copied(5);
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

describe('beside a cycle', () => {
  test('an answer that is older than the newest snapshot is not stored on top of it', async () => {
    const sync = await copied(3);
    const hold = sync.sim.holdNext(isSearch);
    change(sync, 2, NAME, '"Name":"Earlier"');
    await makeDue(sync, 'profiles');
    const walking = goOn(sync, 'profiles');
    await hold.held;
    change(sync, 2, /"Earlier"/, '"Later"');
    sync.sim.addEvent(sync.number, { profileId: idOf(sync, 2) });
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    hold.release();
    expect(await walking).toMatchObject({ refreshed: 3, changed: 0 });
    const payloads = (await profileRows(sync)).map(({ payload }) => payload ?? '');
    expect(payloads.some((payload) => payload.includes('Earlier'))).toBe(false);
    expect(payloads.at(-1)).toContain('Later');
  });

  test('what is owed is left to the cycle, and stays owed; complete_through does not move', async () => {
    const sync = await copied(3);
    sync.sim.addEvent(sync.number, { profileId: idOf(sync, 2), sessionId: idOf(sync, 2) });
    await sync.events();
    change(sync, 2, NAME, '"Name":"Imported"');
    changeSession(sync, 2, /"coupon":"[^"]*"/, '"coupon":"NEW"');
    sync.sim.removeProfile(idOf(sync, 3));
    const owed = () =>
      db().rows('select * from talon_one_owed_snapshot where application_id = $1', sync.applicationId);
    const cursor = () =>
      db().rows(
        'select complete_through, last_sync, read_until, fence from talon_one_sync_cursor where application_id = $1',
        sync.applicationId,
      );
    const [owedBefore, cursorBefore] = [await owed(), await cursor()];
    expect(owedBefore).toHaveLength(2);
    expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 3, changed: 0, gone: 1 });
    expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 3, changed: 0 });
    expect(await owed()).toEqual(owedBefore);
    expect(await cursor()).toEqual(cursorBefore);
  });
});

test('a forgotten customer stays forgotten, is not asked for, and makes no rows', async () => {
  const sync = await copied(6);
  // Other simulators have customers with the same integration IDs.
  const integrationId = 'nobody-else';
  change(sync, 4, /"integrationId":"[^"]*"/, `"integrationId":"${integrationId}"`);
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 1 });
  // Asked for before, answered after: the answer is full, what is stored is blank.
  const hold = sync.sim.holdNext(isSearch);
  await makeDue(sync, 'profiles');
  const walking = goOn(sync, 'profiles');
  await hold.held;
  await forgetProfile(db().warehouse, integrationId);
  const before = await profileRows(sync);
  const sessionsBefore = await sessionRows(sync);
  hold.release();
  expect(await walking).toMatchObject({ refreshed: 6, changed: 0 });
  change(sync, 4, NAME, '"Name":"Somebody"');
  changeSession(sync, 4, /"coupon":"[^"]*"/, '"coupon":"NEW"');
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 5, changed: 0, gone: 0 });
  expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 5, changed: 0, gone: 0 });
  expect(await profileRows(sync)).toEqual(before);
  expect(await sessionRows(sync)).toEqual(sessionsBefore);
});

test('a record that cannot be stored goes to the quarantine, and the walk goes on', async () => {
  const sync = await copied(5);
  const before = await profileRows(sync);
  sync.sim.setProfilePayload(idOf(sync, 2), '{"id":"four","integrationId":"x"}');
  const tooDeep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  change(sync, 3, NAME, `"Name":${tooDeep}`);
  change(sync, 4, NAME, '"Name":"with \\\\u0000"');
  const walked = await walk(sync, 'profiles');
  expect(walked).toMatchObject({ refreshed: 5, changed: 1, failed: [] });
  expect(walked.recorded.lines).toContainEqual(
    expect.objectContaining({ msg: 'records put into quarantine', quarantined: 2 }),
  );
  expect((await profileRows(sync)).slice(before.length)).toMatchObject([{ id: String(idOf(sync, 4)) }]);
  expect(
    await db().value(
      `select count(*) from talon_one_quarantine where kind = 'profile' and application_id = $1`,
      sync.applicationId,
    ),
  ).toBe('2');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 0, failed: [] });
});

describe('sessions', () => {
  test('open ones are read again by lists where that is cheaper, closed ones are not', async () => {
    const sync = await copied(30);
    sync.sim.addEvents(
      sync.number,
      [1, 2].map((number) => ({ type: 'talon_session_closed', sessionId: idOf(sync, number) })),
    );
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    const before = await sessionRows(sync);
    changeSession(sync, 1, /"coupon":"[^"]*"/, '"coupon":"NEW"');
    changeSession(sync, 9, /"coupon":"[^"]*"/, '"coupon":"NEW"');
    sync.sim.resetStatistics();
    expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 28, changed: 1, gone: 0, failed: [] });
    expect((await sessionRows(sync)).slice(before.length)).toMatchObject([
      { id: String(idOf(sync, 9)), found: true, event_id: null },
    ]);
    expect(sync.requests(LIST)).toBe(1);
    expect(sync.requests(/./)).toBe(1);
  });

  test.each([
    ['by-id', 'list'],
    ['list', 'by-id'],
    ['export', 'list'],
    ['export', 'by-id'],
  ] as const)(
    'stored by %s, read again by %s: what the lanes send differently is no change',
    async (stored, again) => {
      const sync = await startSync(db(), {
        events: 60,
        sessions: 40,
        environment: { SESSION_SNAPSHOT_SOURCE: stored },
      });
      expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
      const before = await sessionRows(sync);
      const open = before.filter(({ payload }) => payload?.includes('"state": "open"'));
      expect(new Set(open.map(({ source }) => source))).toEqual(new Set([stored]));
      const environment = { SESSION_SNAPSHOT_SOURCE: again };
      const other = new TestSync(sync.sim, db(), sync.applicationId, { environment });
      sync.sim.resetStatistics();
      const newest = Number(
        await db().value(
          `select count(*) from talon_one_session where application_id = $1 and state = 'open'`,
          sync.applicationId,
        ),
      );
      expect(newest).toBeGreaterThan(5);
      expect(await walk(other, 'sessions')).toMatchObject({
        refreshed: newest,
        changed: 0,
        gone: 0,
        failed: [],
      });
      expect(sync.requests(again === 'list' ? LIST : BY_ID)).toBeGreaterThan(0);
      expect(await sessionRows(sync)).toEqual(before);
      // A state that an event would have told, had it not been lost.
      const id = await db().value(
        `select max(session_id) from talon_one_session where application_id = $1 and state = 'open'`,
        sync.applicationId,
      );
      const text =
        sync.sim.sessionText(sync.number, id ?? '')?.replace('"state":"open"', '"state":"closed"') ?? '';
      sync.sim.setSessionPayload(sync.number, id ?? '', text);
      expect(await walk(other, 'sessions')).toMatchObject({ changed: 1 });
      expect(await walk(other, 'sessions')).toMatchObject({ refreshed: newest - 1, changed: 0 });
    },
  );

  test('one that the API does not know any more becomes one snapshot, and is not asked for again', async () => {
    const sync = await copied(4);
    const before = await sessionRows(sync);
    sync.sim.removeSession(sync.number, idOf(sync, 3));
    expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 4, changed: 0, gone: 1 });
    expect((await sessionRows(sync)).slice(before.length)).toMatchObject([
      { id: String(idOf(sync, 3)), found: false, payload: null, event_id: null },
    ]);
    expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 3, gone: 0 });
  });
});
