import { describe, expect, onTestFinished, test } from 'vitest';
import { readReport } from '../src/commands/watch.js';
import { formatInstant, seconds } from '../src/instant.js';
import { Metrics } from '../src/metrics/metrics.js';
import { statusPage } from '../src/status/page.js';
import {
  beginOnceRun,
  endOnceRun,
  noteDaemonWants,
  noteOnceApplications,
} from '../src/warehouse/processes.js';
import { readStandings } from '../src/warehouse/status.js';
import { SETTINGS } from './support/standings.js';
import { startSync, type TestSync } from './support/sync.js';
import { waitFor } from './support/wait.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

/** Before the history of a simulator. */
const LAST_MONTH = new Date(Date.now() - 31 * 86_400_000).toISOString();

/** As a daemon says that it runs. */
function noteDaemon(): Promise<unknown> {
  return db().database.query(
    `insert into talon_one_replica (owner, version) values ('replica-1', '0.1.0')
     on conflict (owner) do update set seen_at = clock_timestamp()`,
  );
}

async function reportOf(sync: TestSync) {
  await noteDaemon();
  const report = await readReport(db().warehouse, SETTINGS);
  const application = report.applications.find(({ id }) => id === sync.applicationId);
  if (!application) throw new Error('the Application is not in the report');
  return { report, application };
}

describe('the report, read from Postgres', () => {
  test('says of an Application before its first cycle, and after it, what is so', async () => {
    const sync = await startSync(db(), { start: LAST_MONTH, events: 120 });
    expect((await reportOf(sync)).application).toMatchObject({
      words: 'waiting for its first cycle',
      completeThrough: null,
      details: { cycles: [] },
    });
    await sync.cycle();
    const { application } = await reportOf(sync);
    expect(application).toMatchObject({
      words: 'up to date',
      tone: 'good',
      owedProfiles: 0,
      owedSessions: 0,
      quarantined: 0,
    });
    expect(application.lagSeconds).toBeLessThan(600);
    expect(application.details?.cycles).toMatchObject([{ outcome: 'caught-up', events: 120 }]);
    expect(application.details?.events.reduce((sum, one) => sum + one, 0)).toBe(120);
    expect(application.details?.lagSeconds.at(-1)).toBeGreaterThan(0);
  });

  test('says how far a back-fill has come, from the pages that are stored', async () => {
    const sync = await startSync(db(), {
      start: LAST_MONTH,
      events: 200,
      environment: { PAGE_SIZE: '20' },
    });
    sync.sim.addFault({
      path: '/v1/applications/{applicationId}/events/no_total',
      after: 5,
      times: Number.POSITIVE_INFINITY,
      action: { type: 'status', status: 429, body: 'customer Jane Doe' },
    });
    expect(await sync.cycle()).toMatchObject({ outcome: 'failed' });
    const { report, application } = await reportOf(sync);
    expect(application).toMatchObject({ words: 'waiting for the API: 429', completeThrough: null });
    expect(application.progress?.percent).toBeGreaterThan(0);
    expect(application.progress?.percent).toBeLessThan(100);
    expect(application.details?.errors).toMatchObject([
      { text: 'GET /v1/applications/{applicationId}/events/no_total was answered with 429' },
    ]);
    expect(JSON.stringify(report) + statusPage(report, true)).not.toContain('Jane');
  });

  test('says of a first sync that fetches snapshots that it is not complete, and for how long it will not be', async () => {
    const sync = await startSync(db(), {
      start: LAST_MONTH,
      events: 120,
      environment: { SESSION_SNAPSHOT_SOURCE: 'by-id' },
    });
    sync.sim.addFault({
      path: '/v1/applications/{applicationId}/sessions/{sessionId}',
      after: 3,
      times: Number.POSITIVE_INFINITY,
      action: { type: 'stall' },
    });
    const stop = new AbortController();
    const running = sync.cycle({ signal: stop.signal });
    onTestFinished(() => running.then(() => {}));
    const { application } = await waitFor('owed snapshots', async () => {
      const now = await reportOf(sync);
      return /profile/.test(now.application.words) && now.application.owedProfiles === 0 ? now : undefined;
    });
    expect(application.words).toMatch(
      /^fetching \d+ profiles and sessions, (less than a minute|about \d+ min) left at 3 requests a second$/,
    );
    expect(application.advice).toBe(
      'All events are stored; the profiles and sessions that they touched are still being fetched.',
    );
    expect(application).toMatchObject({ tone: 'busy', completeThrough: null, details: { cycles: [] } });
    const status = 'select status from talon_one_sync_cursor where application_id = $1';
    expect(await db().value(status, sync.applicationId)).toBe('back-filling');
    stop.abort();
    await running;
  });

  test('says while a cycle runs how long it will take, from the pace of that cycle', async () => {
    const sync = await startSync(db(), {
      start: LAST_MONTH,
      events: 200,
      environment: { PAGE_SIZE: '20' },
    });
    sync.sim.addFault({
      path: '/v1/applications/{applicationId}/events/no_total',
      after: 5,
      times: Number.POSITIVE_INFINITY,
      action: { type: 'stall' },
    });
    const stop = new AbortController();
    const running = sync.cycle({ signal: stop.signal });
    onTestFinished(() => running.then(() => {}));
    await waitFor('some pages', async () => (await reportOf(sync)).application.progress?.percent);
    // As if the cycle had been at it for a while: what it has read took a thousand seconds.
    await db().database.query(
      `update talon_one_sync_cursor set pace_since = pace_since - interval '1000 seconds' where application_id = $1`,
      [sync.applicationId],
    );
    const { application } = await reportOf(sync);
    stop.abort();
    expect(application.words).toMatch(/^back-filling, \d+ %, about \d+ (min|h) left at 3 requests a second$/);
    expect(application.leaseOwner).toBe('test');
    await running;
    // The pace of a cycle that has ended says nothing.
    expect((await reportOf(sync)).application.words).toMatch(/^back-filling, \d+ %$/);
  });

  test('keeps what is owed and quarantined apart by Application', async () => {
    const [one, other] = [await db().newApplication(), await db().newApplication()];
    await db().database.query(
      `insert into talon_one_owed_snapshot (kind, application_id, id, event_id, first_created)
       select kind, $1, id, 1, clock_timestamp() - interval '1 day'
       from (values ('profile'), ('session')) as kinds (kind), generate_series(1, 3) as id where kind = 'session' or id < 3`,
      [one],
    );
    await db().database.query(
      `insert into talon_one_quarantine (kind, application_id, reason, raw, source) values
         ('event', $1, 'x', '{}', 'x'), ('event', 0, 'x', '{}', 'x')`,
      [other],
    );
    const { owed, quarantined, applications } = await readStandings(db().warehouse);
    expect(applications.map(({ id }) => id)).toEqual(expect.arrayContaining([one, other]));
    expect(owed?.get(one)).toMatchObject({ profiles: 2, sessions: 3 });
    expect(owed?.get(other)).toBeUndefined();
    expect([quarantined?.get(one), quarantined?.get(other), quarantined?.get('0')]).toEqual([
      undefined,
      1,
      1,
    ]);
  });

  test('leaves out of what is behind what no process wants any more, and takes everything as wanted before one has said so', async () => {
    const [kept, dropped] = [await db().newApplication(), await db().newApplication()];
    await db().database.query(
      `insert into talon_one_job (job, status, last_finished_at) values
         ('reference-stores', 'failing', null), ('audit-events:${dropped}', 'failing', null),
         ('loyalty-programs', 'unauthorised', null), ('loyalty-transactions:7', 'unauthorised', now())`,
    );
    const wanted = async () => {
      const { applications, jobs, jobCounts } = await readStandings(db().warehouse);
      return {
        applications: applications
          .filter((one) => one.isWanted && [kept, dropped].includes(one.id))
          .map(({ id }) => id),
        jobs: jobs.map(({ job, status }) => `${job} ${status}`),
        jobCounts: Object.fromEntries(jobCounts),
      };
    };
    await db().database.query('delete from talon_one_replica');
    expect(await wanted()).toEqual({
      applications: [kept, dropped],
      jobs: [
        'loyalty-transactions:7 revoked',
        `audit-events:${dropped} failing`,
        'reference-stores failing',
        'loyalty-programs unauthorised',
      ],
      jobCounts: { failing: 2, revoked: 1, unauthorised: 1 },
    });
    const daemon = { owner: 'replica-1', version: '0.1.0' };
    const jobs = ['reference-%', `audit-events:${kept}`];
    await noteDaemonWants(db().warehouse, { ...daemon, jobs, applicationIds: [kept] });
    const some = { applications: [kept], jobs: ['reference-stores failing'], jobCounts: { failing: 1 } };
    expect(await wanted()).toEqual(some);
    // While it cannot list them, what it wanted before still counts.
    await noteDaemonWants(db().warehouse, { ...daemon, jobs, trouble: 'no' });
    expect(await wanted()).toEqual(some);
    // Another one wants the other; and one that died wants nothing, as long as others live.
    await noteDaemonWants(db().warehouse, {
      owner: 'b',
      version: '0.1.0',
      jobs: ['loyalty-%'],
      applicationIds: [dropped],
    });
    expect((await wanted()).applications).toEqual([kept, dropped]);
    await db().database.query(
      `update talon_one_replica set seen_at = now() - interval '1 hour' where owner = 'b'`,
    );
    expect(await wanted()).toEqual(some);
    await db().database.query(`update talon_one_replica set seen_at = now() - interval '1 hour'`);
    expect((await wanted()).applications).toEqual([kept, dropped]);
    await db().database.query('delete from talon_one_replica');
    // Only \`once\` runs: what its last runs wanted.
    await beginOnceRun(db().warehouse, { owner: 'c', version: '0.1.0', jobs });
    await noteOnceApplications(db().warehouse, 'c', [kept]);
    await endOnceRun(db().warehouse, 'c', 'done');
    expect(await wanted()).toEqual(some);
    const { onceRuns } = await readStandings(db().warehouse);
    expect(onceRuns).toMatchObject([{ outcome: 'done', endedAt: expect.any(Number) }]);
    await db().database.query('delete from talon_one_once_run');
    await db().database.query('delete from talon_one_job');
  });

  test('shows of the request budget what was used within a minute', async () => {
    await db().database.query(
      `insert into talon_one_request_slot (budget, endpoint, slot, free_at) values
         ('x', 'GET /now', 0, now() + interval '1 minute'), ('x', 'GET /now', 1, now() - interval '1 day'),
         ('x', 'GET /lately', 0, now() - interval '30 seconds'), ('x', 'GET /long-ago', 0, now() - interval '1 hour')`,
    );
    const { budget } = await readStandings(db().warehouse);
    await db().database.query(`delete from talon_one_request_slot where budget = 'x'`);
    expect(budget).toEqual([
      { endpoint: 'GET /now', slots: 2, busy: 1 },
      { endpoint: 'GET /lately', slots: 1, busy: 0 },
    ]);
  });

  test('leaves a count out that would take too long, and has everything else', async () => {
    const blocked = await db().open().pool.connect();
    try {
      await blocked.query('begin; lock table talon_one_owed_snapshot in access exclusive mode');
      const standings = await readStandings(db().warehouse);
      expect(standings.owed).toBeUndefined();
      expect(standings.quarantined).toBeDefined();
      expect(standings.applications.length).toBeGreaterThan(0);
    } finally {
      await blocked.query('rollback');
      blocked.release();
    }
  });
});

describe('what a cycle tells the metrics', () => {
  test('pages, events, their lateness, snapshots by lane, and its end', async () => {
    const sync = await startSync(db(), { start: LAST_MONTH, events: 60 });
    const metrics = new Metrics();
    const figure = async (name: string, labels: string) => {
      const text = await metrics.text({ standings: undefined, owner: 'test', pool: undefined });
      const line = text
        .split('\n')
        .find((one) => one.startsWith(`talon_one_sync_${name}{`) && one.includes(labels));
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
    };
    await sync.cycle({ observer: metrics });
    sync.sim.emit(sync.number, 25);
    await sync.cycle({ observer: metrics });
    expect(await figure('events_total', 'kind="new"')).toBe(85);
    expect(await figure('events_total', 'kind="repeated"')).toBeGreaterThan(0);
    expect(await figure('pages_total', `application="${sync.applicationId}"`)).toBeGreaterThan(1);
    expect(await figure('event_lateness_seconds_count', '')).toBe(25);
    expect(await figure('snapshots_total', 'lane="profile"')).toBeGreaterThan(0);
    expect(await figure('cycles_total', 'outcome="caught-up"')).toBe(2);
    expect(await figure('cycle_duration_seconds_count', '')).toBe(2);
  });
});

test('the lateness of events says nothing of a first sync, an outage or a quiet time of ours', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const created = (secondsAgo: number) => formatInstant(moment(sim.now()) - seconds(secondsAgo));
  const metrics = new Metrics();
  const cycle = async () => {
    await sync.cycle({ observer: metrics });
    const text = await metrics.text({ standings: undefined, owner: 'test', pool: undefined });
    return /^talon_one_sync_event_lateness_seconds_count\{.*\} (\d+)$/m.exec(text)?.[1];
  };
  sim.addEvents(
    number,
    [3_000, 600, 30].map((ago) => ({ created: created(ago) })),
  );
  expect(await cycle()).toBeUndefined();
  sim.addEvent(number, { created: created(5) });
  expect(await cycle()).toBe('1');
  // Half an hour without us.
  sim.set({ clockOffsetMs: 1_800_000 });
  sim.addEvents(
    number,
    [1_500, 20].map((ago) => ({ created: created(ago - 1_800) })),
  );
  expect(await cycle()).toBe('1');
  sim.addEvent(number, { created: created(2 - 1_800) });
  expect(await cycle()).toBe('2');
});

test('a thousand Applications make a page of bounded size, the worst first', async () => {
  await db().database.query(
    `insert into talon_one_sync_cursor (application_id, application_name, last_sync, read_until, complete_through, status, next_cycle_at)
     select 10000 + n, '<b>Shop ' || n || '</b>', now(), now(), now() - interval '2 minutes', 'up-to-date', now() + interval '1 minute'
     from generate_series(1, 1000) as n`,
  );
  await db().database.query(
    `update talon_one_sync_cursor set status = 'unauthorised', last_error = 'GET /v1/x was answered with 401' where application_id = 10777`,
  );
  await noteDaemon();
  const report = await readReport(db().warehouse, SETTINGS);
  expect(report.applications.length).toBeGreaterThanOrEqual(1_000);
  const page = statusPage(report, true);
  expect(page.length).toBeLessThan(600_000);
  expect(page).toContain('&lt;b&gt;Shop 777&lt;/b&gt;');
  expect(page).not.toContain('<b>Shop');
  expect(report.tone).toBe('bad');
});
