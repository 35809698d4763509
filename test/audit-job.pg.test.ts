import { expect, test } from 'vitest';
import { formatInstant, seconds } from '../src/instant.js';
import { Metrics } from '../src/metrics/metrics.js';
import type { Observer } from '../src/observer.js';
import { JobRunner } from '../src/sync/job-runner.js';
import { auditJob } from '../src/sync/verify/audit-job.js';
import { expectEverythingStored } from './support/stored.js';
import { startSync, type TestLog, type TestSync, testLog } from './support/sync.js';
import { verify } from './support/verifying.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });
const HOUR = seconds(3600);

async function audited(sync: TestSync, recorded: TestLog, observer?: Observer): Promise<JobRunner> {
  const kind = auditJob({ ...sync, sparing: sync.client, delay: HOUR, observer });
  const kinds = [
    { ...kind, inOnce: 'always' as const, jobs: ['audit-events', `audit-events:${sync.applicationId}`] },
  ];
  return new JobRunner({
    warehouse: db().warehouse,
    kinds,
    owner: 'test',
    leaseMs: 2_000,
    log: recorded.log,
  });
}

async function run(runner: JobRunner): Promise<unknown> {
  const { failed } = await runner.runOnce(new AbortController().signal);
  return [...failed.values()];
}

/** Runs twice: the first makes the jobs. */
async function start(
  sync: TestSync,
  recorded: TestLog,
  since: string,
  observer?: Observer,
): Promise<JobRunner> {
  const runner = await audited(sync, recorded, observer);
  await db().rows(
    `insert into talon_one_job (job, state) values ($1, jsonb_build_object('auditedThrough', $2::text))`,
    `audit-events:${sync.applicationId}`,
    since,
  );
  return runner;
}

const verifications = (sync: TestSync) =>
  db().rows(
    `select source, missing::int, repaired::int, listed::int, late::int, latest_seconds::float as latest, finished_at is not null as is_done
     from talon_one_verification where application_id = $1 order by verification_id`,
    sync.applicationId,
  );

/** The full hour, so many hours ago. */
function hoursAgo(sync: TestSync, hours: number): bigint {
  const now = moment(sync.sim.now());
  return now - (now % HOUR) - BigInt(hours) * HOUR;
}

test('an event that became visible later than the look-back is stored by the audit of its hour, with a warning', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const hour = hoursAgo(sync, 5);
  sim.addEvents(
    number,
    [0, 600, 1200].map((second) => ({
      created: formatInstant(hour + seconds(second)),
      profileId: 5,
      sessionId: 6,
    })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  sim.addEvent(number, { id: 9001, created: formatInstant(hour + seconds(700)), profileId: 5, sessionId: 7 });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  expect(
    await db().value('select count(*) from talon_one_event where application_id = $1', sync.applicationId),
  ).toBe('3');

  const recorded = testLog();
  const runner = await start(sync, recorded, formatInstant(hour));
  expect(await run(runner)).toEqual([]);
  await expectEverythingStored(db(), sim, sync.applicationId);
  expect(await verifications(sync)).toMatchObject([
    { source: 'background', listed: 4, missing: 1, repaired: 1, late: 0, is_done: true },
  ]);
  const [warning] = recorded.lines.filter(({ level }) => level === 'warn');
  expect(warning).toMatchObject({
    msg: 'events became visible later than the look-back: raise SYNC_LOOKBACK_SECONDS',
    missing: 1,
    repaired: 1,
    eventIds: ['9001'],
    lookbackSeconds: 120,
  });
  // Once: its hour is closed and audited.
  recorded.lines.length = 0;
  sim.resetStatistics();
  await db().rows(`update talon_one_job set next_run_at = clock_timestamp() where job like 'audit-events%'`);
  expect(await run(runner)).toEqual([]);
  expect(sync.requests(/events/)).toBe(0);
  expect(recorded.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

test('before the first sync has come to its end nothing is audited, and an hour not before its delay', async () => {
  const sync = await startSync(db(), { events: 50, days: 1 });
  const recorded = testLog();
  const runner = await start(sync, recorded, formatInstant(hoursAgo(sync, 30)));
  expect(await run(runner)).toEqual([]);
  expect(sync.requests(/events/)).toBe(0);
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows(`update talon_one_job set next_run_at = clock_timestamp() where job like 'audit-events%'`);
  expect(await run(runner)).toEqual([]);
  const through = moment(
    (await db().value(
      `select state ->> 'auditedThrough' from talon_one_job where job = $1`,
      `audit-events:${sync.applicationId}`,
    )) ?? '',
  );
  expect(through).toBeLessThanOrEqual(moment(sync.sim.now()) - HOUR);
  expect(through).toBeGreaterThan(moment(sync.sim.now()) - 3n * HOUR);
  // Thirty hours are a day and the rest.
  expect(await verifications(sync)).toHaveLength(2);
  expect(recorded.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

test('lateness is recorded, and a look-back that is nearly used up is warned of', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const hour = hoursAgo(sync, 4);
  sim.addEvents(
    number,
    [0, 115].map((second) => ({ created: formatInstant(hour + seconds(second)) })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows(
    `update talon_one_event set synced_at = synced_at - interval '1 minute' where application_id = $1`,
    sync.applicationId,
  );
  sim.addEvent(number, { created: formatInstant(hour + seconds(5)) });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const recorded = testLog();
  expect(await run(await start(sync, recorded, formatInstant(hour)))).toEqual([]);
  expect(await verifications(sync)).toMatchObject([{ missing: 0, late: 1, latest: 110 }]);
  expect(recorded.lines.filter(({ level }) => level === 'warn')).toMatchObject([
    {
      msg: 'events became visible nearly later than the look-back: raise SYNC_LOOKBACK_SECONDS',
      latestSeconds: 110,
    },
  ]);
});

test('what a repair or a back-fill has stored says nothing about lateness', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const hour = hoursAgo(sync, 4);
  sim.addEvents(
    number,
    [5, 3_000].map((second) => ({ created: formatInstant(hour + seconds(second)) })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  // As if the cycle had been an hour ago.
  for (const [table, columns] of [
    ['event', ['synced_at']],
    ['sync_cycle', ['started_at', 'finished_at']],
  ] as const)
    for (const column of columns)
      await db().rows(
        `update talon_one_${table} set ${column} = ${column} - interval '1 hour' where application_id = $1`,
        sync.applicationId,
      );
  await db().rows(
    `update talon_one_event set payload = payload || '{"type":"changed"}'
     where application_id = $1 and created = (select min(created) from talon_one_event where application_id = $1)`,
    sync.applicationId,
  );
  expect(await verify(sync, { repairs: true })).toMatchObject({ different: 1, repaired: 1 });
  const recorded = testLog();
  expect(await run(await start(sync, recorded, formatInstant(hour)))).toEqual([]);
  const audits = (await verifications(sync)).filter(({ source }) => source === 'background');
  expect(audits[0]).toMatchObject({ late: 0, latest: 0 });
  expect(recorded.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

test('the pages that a repair stores are counted like those of a cycle', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const hour = hoursAgo(sync, 4);
  sim.addEvents(
    number,
    [1, 2, 3].map((second) => ({ created: formatInstant(hour + seconds(second)) })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows(
    `delete from talon_one_event where application_id = $1 and created = (
       select min(created) from talon_one_event where application_id = $1)`,
    sync.applicationId,
  );
  const metrics = new Metrics();
  expect(await run(await start(sync, testLog(), formatInstant(hour), metrics))).toEqual([]);
  const text = await metrics.text({ standings: undefined, owner: 'test', pool: undefined });
  expect(text).toContain(`talon_one_sync_pages_total{application="${number}"} 1`);
  expect(text).toContain(`talon_one_sync_events_total{application="${number}",kind="new"} 1`);
  expect(text).toContain(`talon_one_sync_events_total{application="${number}",kind="repeated"} 2`);
});

test('a repair that a long cycle keeps waiting is tried again later; the hour is not passed over', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const hour = hoursAgo(sync, 4);
  sim.addEvent(number, { created: formatInstant(hour + seconds(1)) });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows('delete from talon_one_event where application_id = $1', sync.applicationId);
  const recorded = testLog();
  const kind = auditJob({ ...sync, sparing: sync.client, delay: HOUR, patienceMs: 100 });
  const kinds = [{ ...kind, jobs: [`audit-events:${sync.applicationId}`], inOnce: 'always' as const }];
  await start(sync, recorded, formatInstant(hour));
  const { lease } = await db().take(sync.applicationId);
  const runner = new JobRunner({
    warehouse: db().warehouse,
    kinds,
    owner: 'test',
    leaseMs: 2_000,
    log: recorded.log,
  });
  expect(await run(runner)).toEqual([]);
  expect(
    await db().value(
      `select state ->> 'auditedThrough' from talon_one_job where job = $1`,
      `audit-events:${sync.applicationId}`,
    ),
  ).toBe(formatInstant(hour));
  await db().rows(
    'update talon_one_sync_cursor set lease_expires_at = clock_timestamp() where application_id = $1',
    lease.applicationId,
  );
  expect(await run(runner)).toEqual([]);
  expect(await verifications(sync)).toMatchObject([{ missing: 1, repaired: 1, is_done: true }]);
});
