import { expect, test } from 'vitest';
import { findDifferences } from './support/copy-audit.js';
import { deploy } from './support/deployment.js';
import type { TestDatabase } from './support/postgres.js';

const EVENTS = '/v1/applications/{applicationId}/events/no_total';

test('once copies everything the API has issued, once each, and ends with exit code 0', async (context) => {
  const { simulator, database, start } = await deploy(context, { emptyDatabase: true, applications: 2 });
  const once = start(['once']);
  expect(await once.ended).toEqual({ code: 0, signal: null });
  expect(await findDifferences(simulator, database)).toEqual([]);
  expect(once.lines.at(-1)).toMatchObject({ msg: 'all Applications are up to date', applications: 2 });
  expect(once.stderr).toBe('');
  const noted = await database.query(
    'select outcome, trouble, application_ids, ended_at > started_at as has_ended from talon_one_once_run',
  );
  expect(noted).toEqual([{ outcome: 'done', trouble: null, application_ids: ['1', '2'], has_ended: true }]);
});

test('a second once stores nothing and spends one request an Application, besides the listing', async (context) => {
  const { simulator, database, start } = await deploy(context, { applications: 2 });
  expect(await start(['once']).ended).toMatchObject({ code: 0 });
  const before = await countRows(database);
  simulator.resetStatistics();
  expect(await start(['once']).ended).toMatchObject({ code: 0 });
  expect(await countRows(database)).toEqual(before);
  expect(simulator.requestCounts()).toEqual({
    'GET /v1/applications': { total: 1, byStatus: { 200: 1 } },
    [`GET ${EVENTS}`]: { total: 2, byStatus: { 200: 2 } },
  });
});

test('the snapshots are what the API says of each profile and session', async (context) => {
  const { simulator, database, start } = await deploy(context);
  expect(await start(['once']).ended).toMatchObject({ code: 0 });
  const profiles = await database.query<{ id: string; payload: object }>(
    'select profile_id as id, payload from talon_one_profile',
  );
  const sessions = await database.query<{ id: string; payload: object; source: string }>(
    'select session_id as id, payload, source from talon_one_session',
  );
  const { distinctProfiles, distinctSessions } = simulator.issuedDigest(1);
  expect([profiles.length, sessions.length]).toEqual([distinctProfiles, distinctSessions]);
  for (const { id, payload } of profiles) expect(payload).toEqual(said(simulator.profileText(id)));
  for (const { id, payload, source } of sessions) {
    // Lists do not say how much was discounted.
    const unsaid = source === 'by-id' ? {} : { totalDiscounts: 0 };
    expect(payload).toEqual({ ...said(simulator.sessionText(1, id)), ...unsaid });
  }
});

test('what happens between two runs of once is copied by the second', async (context) => {
  const { simulator, database, start } = await deploy(context);
  expect(await start(['once']).ended).toMatchObject({ code: 0 });
  simulator.emit(1, 40);
  expect(await start(['once']).ended).toMatchObject({ code: 0 });
  expect(await findDifferences(simulator, database)).toEqual([]);
});

test('once ends with exit code 1 and names the Application and the job that failed; the others are copied', async (context) => {
  const { simulator, database, start } = await deploy(context, { applications: 2 });
  simulator.addFault({ applicationId: 1, times: Infinity, action: { type: 'status', status: 400 } });
  simulator.addFault({
    path: '/v1/loyalty_programs/{loyaltyProgramId}/transactions',
    times: Infinity,
    action: { type: 'status', status: 400 },
  });
  const once = start(['once'], { env: { LOYALTY_SYNC: 'true', LOYALTY_PROGRAM_IDS: '1' } });
  expect(await once.ended).toMatchObject({ code: 1 });
  expect(once.stderr).toBe('1 of 2 Applications failed: 1. These jobs failed too: loyalty-transactions:1\n');
  simulator.removeApplication(1);
  expect(await findDifferences(simulator, database)).toEqual([]);
});

test('once with a key that the API refuses ends with exit code 1 and one line that says so', async (context) => {
  const { start } = await deploy(context);
  const once = start(['once'], { env: { TALON_ONE_API_KEY: 'a-key-that-is-not-known' } });
  expect(await once.ended).toMatchObject({ code: 1 });
  expect(once.stderr).toMatch(/^.*401.*\n$/);
});

function said(text: string | undefined): object {
  return JSON.parse(text ?? 'null') as object;
}

async function countRows(database: TestDatabase): Promise<unknown> {
  return database.query(`select
    (select count(*) from talon_one_event) as events, (select count(*) from talon_one_effect) as effects,
    (select count(*) from talon_one_profile_snapshot) as profiles,
    (select count(*) from talon_one_session_snapshot) as sessions`);
}
