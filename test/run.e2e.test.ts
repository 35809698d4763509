import { expect, test } from 'vitest';
import { findDifferences } from './support/copy-audit.js';
import { deploy } from './support/deployment.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

test('the daemon keeps up with live traffic, cycle after cycle', async (context) => {
  const { simulator, database, start } = await deploy(context, { applications: 2 });
  const daemon = start(['run']);
  for (let round = 1; round <= 4; round += 1) {
    simulator.emit(1, 30);
    simulator.emit(2, 5, { visibleInMs: 100 });
    simulator.addTie(2, 150);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  }
  const cycles = daemon.linesOf('cycle finished');
  expect(cycles.filter((line) => Number(line.eventsNew) > 0).length).toBeGreaterThanOrEqual(4);
  expect(new Set(cycles.map((line) => line.outcome))).toEqual(new Set(['caught-up']));
});

test('a profile that changes without an event of its own session is fetched again with each event', async (context) => {
  const { simulator, database, start } = await deploy(context, { history: { events: 0 } });
  const profileId = 4_711;
  start(['run']);
  for (let round = 1; round <= 3; round += 1) {
    simulator.addEvent(1, { profileId });
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  }
  const rows = await database.query('select from talon_one_profile_snapshot where profile_id = $1', [
    profileId,
  ]);
  expect(rows).toHaveLength(3);
});

test('complete_through moves on while nothing happens', async (context) => {
  const { database, start } = await deploy(context);
  const daemon = start(['run']);
  await daemon.waitForLine('cycle finished');
  const completeThrough = async () => {
    const [row] = await database.query<{ at: string }>(
      'select complete_through::text as at from talon_one_sync_cursor',
    );
    return row?.at ?? '';
  };
  const first = await waitFor('complete_through', completeThrough);
  await waitFor('a later complete_through', async () => (await completeThrough()) > first);
});

test('every cycle leaves a row that says the same as its line in the log', async (context) => {
  const { database, start } = await deploy(context);
  const daemon = start(['run']);
  const line = await daemon.waitForLine('cycle finished', ({ eventsNew }) => eventsNew === 300);
  const [row] = await database.query(
    `select pages, requests, retries, events_new::int, events_repeated::int, profile_snapshots::int,
       session_snapshots::int, quarantined::int, owed::int, outcome, application_id::int
     from talon_one_sync_cycle where cycle_id = $1`,
    [line.cycleId],
  );
  expect(row).toEqual({
    pages: line.pages,
    requests: line.requests,
    retries: line.retries,
    events_new: line.eventsNew,
    events_repeated: line.eventsRepeated,
    profile_snapshots: line.profileSnapshots,
    session_snapshots: line.sessionSnapshots,
    quarantined: line.quarantined,
    owed: 0,
    outcome: 'caught-up',
    application_id: line.applicationId,
  });
});

test('an Application that appears later is found by the next start', async (context) => {
  const { simulator, database, start } = await deploy(context);
  const first = start(['run']);
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
  simulator.addApplication({ history: { events: 50 } });
  await first.end();
  start(['run']);
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
});
