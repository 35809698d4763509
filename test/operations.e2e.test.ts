import { expect, test } from 'vitest';
import { findDifferences } from './support/copy-audit.js';
import { type Deployment, deploy, type StartOptions } from './support/deployment.js';
import { waitUntilNothingWrong } from './support/wait.js';

// The commands for looking after a copy, as child processes; one deployment for those that read and repair, and the
// daemon stays at work beside them.

async function run(
  { start }: Deployment,
  words: readonly string[],
  options: StartOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = start(words, options);
  const { code } = await command.ended;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

interface Verified {
  readonly verified: readonly { missing: number; repaired: number; listed: number; unknown: number }[];
}

test('with PROFILE_REFRESH_DAYS a change and an erasure without an event are stored, once; without it nothing is asked', async (context) => {
  const deployment = await deploy(context, { history: { events: 120, sessions: 60, days: 2 } });
  const { simulator, database, start } = deployment;
  expect(await run(deployment, ['once'])).toMatchObject({ code: 0 });
  const jobs = () => database.query(`select job from talon_one_job where job like 'refresh%' order by job`);
  expect(await jobs()).toEqual([]);
  const [changed = '', gone = ''] = (
    await database.query<{ id: string }>(
      'select profile_id::text as id from talon_one_profile order by profile_id limit 2',
    )
  ).map(({ id }) => id);
  const text = simulator.profileText(changed)?.replace(/"Name":"[^"]*"/, '"Name":"Imported"') ?? '';
  simulator.setProfilePayload(changed, text);
  simulator.removeProfile(gone);
  const rows = () =>
    database.query(
      `select profile_id::text as id, found, payload #>> '{attributes,Name}' as name from talon_one_profile_snapshot
       where event_id is null order by id`,
    );
  simulator.resetStatistics();
  expect(await run(deployment, ['once'])).toMatchObject({ code: 0 });
  expect(Object.keys(simulator.requestCounts()).join()).not.toContain('customer_search');
  expect(await rows()).toEqual([]);

  const env = { PROFILE_REFRESH_DAYS: '7' };
  const refreshed = start(['once'], { env });
  expect(await refreshed.ended).toMatchObject({ code: 0 });
  const finished = refreshed.linesOf('job finished');
  expect(finished.find(({ job }) => job === 'refresh-profiles:1')).toMatchObject({ changed: 1, gone: 1 });
  expect(finished.find(({ job }) => job === 'refresh-sessions:1')).toMatchObject({ changed: 0, gone: 0 });
  const stored = [
    { id: changed, found: true, name: 'Imported' },
    { id: gone, found: false, name: null },
  ];
  expect(await rows()).toEqual(stored);
  expect(await jobs()).toHaveLength(4);
  expect(await run(deployment, ['once'], { env })).toMatchObject({ code: 0 });
  expect(await rows()).toEqual(stored);
});

test('status, verify and backfill work beside the daemon, and say by their exit codes what they found', async (context) => {
  const deployment = await deploy(context, { history: { events: 300, days: 2 } });
  const { simulator, database, start } = deployment;
  const early = await run(deployment, ['verify']);
  expect(early).toMatchObject({ code: 1, stdout: '' });
  expect(early.stderr).toContain('No Application is copied yet');
  const daemon = start(['run']);
  await waitUntilNothingWrong(() => findDifferences(simulator, database));

  const [status, asJson] = await Promise.all([
    run(deployment, ['status']),
    run(deployment, ['status', '--json'], { env: { TALON_ONE_API_KEY: undefined } }),
  ]);
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/^APPLICATION +STATE +COMPLETE THROUGH +LAG +OWED +QUARANTINED$/m);
  expect(status.stdout).toMatch(/^1 .* up to date +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC +\d+ \w+ +\d+ +0$/m);
  expect(JSON.parse(asJson.stdout)).toMatchObject({ applications: [{ id: '1', words: 'up to date' }] });

  const complete = await run(deployment, ['verify', '--deep', '--json']);
  expect(complete).toMatchObject({ code: 0 });
  const [found] = (JSON.parse(complete.stdout) as Verified).verified;
  expect(found).toMatchObject({ missing: 0, unknown: 0 });
  expect(found?.listed).toBeGreaterThan(290);

  for (const table of ['effect', 'event'])
    await database.query(
      `delete from talon_one_${table} where event_id in (select event_id from talon_one_event order by created limit 2)`,
    );
  await database.query(
    `delete from talon_one_event where (event_id, created) in (select event_id, created from talon_one_event order by created limit 2)`,
  );
  const lacking = await run(deployment, ['verify']);
  expect(lacking.code).toBe(1);
  expect(lacking.stdout).toMatch(/^ {2}missing +\d+ {3}IDs: /m);
  expect(lacking.stderr).toMatch(/^\d events are missing\. "talon-one-sync verify --repair" mends it\.$/m);
  const repaired = await run(deployment, ['verify', '--repair', '--application', '1']);
  expect(repaired).toMatchObject({ code: 0 });
  await waitUntilNothingWrong(() => findDifferences(simulator, database));

  await database.query(
    `delete from talon_one_event where (event_id, created) in (select event_id, created from talon_one_event order by created limit 3)`,
  );
  await database.query(
    'delete from talon_one_effect f where not exists (select from talon_one_event e where e.event_id = f.event_id)',
  );
  const behind = await run(deployment, ['verify', '--from', '2099-01-01']);
  expect(behind).toMatchObject({ code: 1, stdout: '' });
  expect(behind.stderr).toContain('There is nothing to verify');
  const backfill = start(['backfill', '--from', '2015-01-01', '--application', '1']);
  expect(await backfill.ended).toEqual({ code: 0, signal: null });
  expect(backfill.linesOf('period read again')).toMatchObject([{ applicationId: 1, eventsNew: 3 }]);
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
  expect(daemon.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(await daemon.end()).toEqual({ code: 0, signal: null });

  const watching = start(['status', '--watch', '--json']);
  await expect.poll(() => watching.stdout.split('\n').length, { timeout: 30_000 }).toBeGreaterThan(1);
  expect(await watching.end()).toMatchObject({ code: 0 });
});

test('forget, retention and config do what they say, a dry run nothing; the ID is in no output', async (context) => {
  const deployment = await deploy(context, { history: { events: 120, days: 100 } });
  const { database, simulator } = deployment;
  expect(await run(deployment, ['once'])).toMatchObject({ code: 0 });
  const [customer] = await database.query<{ id: string; profile: string }>(
    `select integration_id as id, profile_id::text as profile from talon_one_profile where integration_id is not null limit 1`,
  );
  const { id = '', profile = '' } = customer ?? {};
  const isBlank = async () =>
    (await database.query('select from talon_one_profile_snapshot where integration_id = $1', [id]))
      .length === 0;
  const tried = await run(deployment, ['forget', '--profile', id, '--dry-run']);
  expect(tried).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/talon_one_event +\d+[\s\S]*Nothing was changed\./),
  });
  expect(await isBlank()).toBe(false);
  const forgotten = await run(deployment, ['forget', '--profile', id]);
  expect(forgotten).toMatchObject({ code: 0, stdout: expect.stringContaining('rows blanked') });
  expect(await isBlank()).toBe(true);
  simulator.addEvent(1, { profileId: profile, attributes: { mail: 'anna@example.com' } });
  expect(await run(deployment, ['once'])).toMatchObject({ code: 0 });
  expect(await isBlank()).toBe(true);
  expect(
    await database.query(`select from talon_one_event where payload::text like '%anna@example.com%'`),
  ).toEqual([]);
  for (const { stdout, stderr } of [tried, forgotten]) expect(stdout + stderr).not.toContain(id);

  // The daemon and `once` verify by themselves, each closed hour once.
  const audited = deployment.start(['once'], { env: { AUDIT_DELAY_MINUTES: '1' } });
  expect(await audited.ended).toMatchObject({ code: 0 });
  expect(audited.linesOf('job finished').filter(({ job }) => job === 'audit-events:1')).toMatchObject([
    { outcome: 'done', missing: 0, unknown: 0 },
  ]);

  const count = () => database.query('select count(*)::int as events from talon_one_event');
  const before = await count();
  const unset = await run(deployment, ['retention']);
  expect(unset).toMatchObject({ code: 1, stderr: 'RETENTION_MONTHS is not set: everything is kept.\n' });
  const env = { RETENTION_MONTHS: '1' };
  const wouldDrop = await run(deployment, ['retention', '--dry-run'], { env });
  expect(wouldDrop.stdout).toMatch(/^talon_one_event_\d{4}_\d\d$/m);
  expect(await count()).toEqual(before);
  const dropped = await run(deployment, ['retention'], { env });
  expect(dropped.stdout.split('\n')[0]).toBe(wouldDrop.stdout.split('\n')[0]);
  expect(await count()).not.toEqual(before);

  const config = await run(deployment, ['config', '--json'], { env });
  expect(config).toMatchObject({ code: 0, stderr: '' });
  const { settings } = JSON.parse(config.stdout) as {
    settings: { name: string; value?: string; origin: string }[];
  };
  const of = (name: string) => settings.find((one) => one.name === name);
  expect(of('TALON_ONE_API_KEY')).toMatchObject({ value: '***', origin: 'environment' });
  expect(of('DATABASE_URL')?.value).toMatch(/^postgresql:\/\/[^:]+:\*\*\*@[\w.:]+\/\w+$/);
  expect(of('RETENTION_MONTHS')).toMatchObject({ value: '1', origin: 'environment' });
  expect(of('RATE_LIMIT_SCOPE')).toMatchObject({ value: 'endpoint', origin: 'default' });
});
