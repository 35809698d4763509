import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { formatInstant, seconds } from '../src/instant.js';
import { backfillEvents } from '../src/sync/verify/backfill-events.js';
import { ApplicationBusyError } from '../src/sync/verify/short-lease.js';
import { EventList } from '../src/talon-one/event-list.js';
import { readReaches, returnLease } from '../src/warehouse/cursor.js';
import {
  beginVerification,
  endVerification,
  finishedVerification,
  interruptedRun,
  noteVerified,
  type VerificationPlan,
} from '../src/warehouse/verification.js';
import type { SwitchSettings } from './simulator/switches.js';
import { event } from './support/records.js';
import { expectEverythingStored, expectFresh } from './support/stored.js';
import { startSync, type TestSync } from './support/sync.js';
import { requests, verify, verifyOptions } from './support/verifying.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });
const PAGES_OF_50 = { environment: { PAGE_SIZE: '50' } };

async function copied(options: Parameters<typeof startSync>[1] = {}): Promise<TestSync> {
  const sync = await startSync(db(), { events: 300, ...PAGES_OF_50, ...options });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  return sync;
}

async function idsAt(sync: TestSync, ...positions: number[]): Promise<string[]> {
  const rows = await db().rows<{ id: string }>(
    'select event_id::text as id from talon_one_event where application_id = $1 order by created, event_id',
    sync.applicationId,
  );
  return positions.map((position) => rows.at(position)?.id ?? '');
}

async function lose(sync: TestSync, ids: readonly string[]): Promise<void> {
  for (const table of ['effect', 'event'])
    await db().rows(
      `delete from talon_one_${table} where application_id = $1 and event_id = any($2::bigint[])`,
      sync.applicationId,
      ids,
    );
}

const cursorOf = (sync: TestSync) =>
  db().rows(
    `select last_sync, read_until, complete_through, status from talon_one_sync_cursor where application_id = $1`,
    sync.applicationId,
  );

test('a complete copy is found complete: every event listed once, every payload equal', async () => {
  const sync = await copied();
  const found = await verify(sync);
  expect(found).toMatchObject({
    listed: 300,
    compared: 300,
    missing: 0,
    different: 0,
    unknown: 0,
    notKept: 0,
  });
  const sampled = await verify(sync, { isDeep: false });
  expect(sampled).toMatchObject({ listed: 300, missing: 0 });
  expect(sampled.compared).toBeGreaterThan(0);
  expect(sampled.compared).toBeLessThan(60);
});

test('what is missing is named; with repair it is stored with its effects, and calls for snapshots', async () => {
  const sync = await copied();
  const lost = await idsAt(sync, 0, 120, 121, -1);
  const [effects] = await db().rows(
    'select count(*) as rows from talon_one_effect where application_id = $1',
    sync.applicationId,
  );
  await lose(sync, lost);
  const seen = await verify(sync);
  expect(seen).toMatchObject({ listed: 300, missing: 4, repaired: 0 });
  expect([...(seen.examples.missing ?? [])].sort()).toEqual([...lost].sort());
  expect(
    await db().value(
      'select count(*) from talon_one_owed_snapshot where application_id = $1',
      sync.applicationId,
    ),
  ).toBe('0');

  const before = await cursorOf(sync);
  expect(await verify(sync, { repairs: true })).toMatchObject({ missing: 4, repaired: 4 });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  expect(
    await db().rows(
      'select count(*) as rows from talon_one_effect where application_id = $1',
      sync.applicationId,
    ),
  ).toEqual([effects]);
  const owed = 'select count(*) from talon_one_owed_snapshot where application_id = $1';
  expect(Number(await db().value(owed, sync.applicationId))).toBeGreaterThan(0);
  expect(await cursorOf(sync)).toEqual(before);
  expect(await verify(sync)).toMatchObject({ missing: 0, different: 0 });
});

test('a payload that differs in one digit is found, and replaced with its effects', async () => {
  const sync = await copied();
  const [id] = await idsAt(sync, 77);
  await db().rows(
    `update talon_one_event set payload = payload || '{"value": 1.00}' where application_id = $1 and event_id = $2`,
    sync.applicationId,
    id,
  );
  const found = await verify(sync);
  expect(found).toMatchObject({ missing: 0, different: 1, repaired: 0, examples: { different: [id] } });
  expect(await verify(sync, { repairs: true })).toMatchObject({ different: 1, repaired: 1 });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
});

test('numbers are compared digit for digit, though Postgres takes them as equal', async () => {
  const sync = await startSync(db());
  const created = '2026-01-01T00:00:00Z';
  const payload = event({ id: 701, created, more: ',"value":1.50' });
  sync.sim.addEvent(sync.number, { id: 701, created, payload });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  expect(await verify(sync)).toMatchObject({ listed: 1, compared: 1, different: 0 });
  await db().rows(
    `update talon_one_event set payload = replace(payload::text, '1.50', '1.5')::jsonb where application_id = $1`,
    sync.applicationId,
  );
  expect(await verify(sync)).toMatchObject({ listed: 1, different: 1 });
});

test('stored events that the API lists no more are unknown, or older than what it keeps', async () => {
  const sync = await copied();
  const [first, second, middle] = await idsAt(sync, 0, 1, 150);
  for (const id of [first, second, middle]) sync.sim.removeEvent(sync.number, id ?? '');
  const found = await verify(sync, { repairs: true });
  expect(found).toMatchObject({ listed: 297, missing: 0, notKept: 2, unknown: 1 });
  expect(found.examples.unknown).toEqual([middle]);
  expect((await idsAt(sync, 0, 1, 150)).sort()).toEqual([first, second, middle].sort());
});

test('only the period counts, to the microsecond', async () => {
  const sync = await copied();
  const rows = await db().rows<{ created: string }>(
    `select to_char(created at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created from talon_one_event
     where application_id = $1 order by created`,
    sync.applicationId,
  );
  const [from, to] = [rows[100]?.created ?? '', rows[150]?.created ?? ''];
  const within = rows.filter(({ created }) => created >= from && created < to).length;
  await lose(sync, await idsAt(sync, 10, 290));
  expect(await verify(sync, { from, to })).toMatchObject({ listed: within, missing: 0, unknown: 0 });
});

test('an interrupted verification goes on where it was, and counts nothing twice', async () => {
  const sync = await copied();
  const lost = await idsAt(sync, 5, 280);
  await lose(sync, lost);
  sync.sim.addFault({ after: 3, times: Infinity, action: { type: 'status', status: 400 } });
  await expect(verify(sync)).rejects.toThrow('400');
  sync.sim.clearFaults();
  sync.sim.resetStatistics();
  const found = await verify(sync);
  expect(found).toMatchObject({ listed: 300, missing: 2 });
  expect([...(found.examples.missing ?? [])].sort()).toEqual([...lost].sort());
  // Six pages, of which two were read before, and the question for the newest event.
  expect(sync.requests(/events/)).toBeLessThanOrEqual(6);
  const runs = 'select count(*) from talon_one_verification where application_id = $1';
  expect(await db().value(runs, sync.applicationId)).toBe('1');
});

test.each<[string, SwitchSettings]>([
  ['ignores sort', { sort: 'ignored', defaultOrder: '-id' }],
  ['refuses sort', { sort: 'refused' }],
  ['compares whole seconds', { parameterPrecision: 'second', recordPrecision: 'second' }],
])('it is right with a server that %s', async (_, switches) => {
  const sync = await startSync(db(), { events: 300, days: 1, ...PAGES_OF_50 });
  sync.sim.set(switches);
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const lost = await idsAt(sync, 0, 33, 200);
  await lose(sync, lost);
  expect(await verify(sync, { repairs: true })).toMatchObject({
    listed: 300,
    missing: 3,
    repaired: 3,
    unknown: 0,
  });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
});

test('a record that cannot be an event counts in the period that it says it was created in, and in no other', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const hour = moment('2026-03-01T10:00:00Z');
  const at = (minutes: number) => formatInstant(hour + seconds(60 * minutes));
  sim.addEvents(number, [{ created: at(10) }, { created: at(70) }]);
  sim.addEvent(number, { id: null, created: at(65) });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  expect(
    await db().value(
      'select count(*) from talon_one_quarantine where application_id = $1',
      sync.applicationId,
    ),
  ).toBe('1');
  expect(await verify(sync, { from: at(0), to: at(60) })).toMatchObject({ listed: 1, unusable: 0 });
  expect(await verify(sync, { from: at(60), to: at(120) })).toMatchObject({
    listed: 2,
    unusable: 1,
    missing: 0,
  });
});

test('what jsonb cannot hold is compared as it is stored, and a quarantined record is not missing', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const created = (second: number) => `2026-01-01T00:00:0${second}Z`;
  const add = (id: number, text: string) =>
    sim.addEvent(number, { payload: text, id, created: created(id - 600) });
  add(601, event({ id: 601, created: created(1), more: ',"a":"\\u0000","a":-0' }));
  add(602, event({ id: 602, created: 'yesterday' }));
  add(603, event({ id: 603, created: created(3), more: ',"b":"\\ud800"' }));
  add(604, event({ id: 604, created: created(4) }));
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const found = await verify(sync);
  expect(found).toMatchObject({ missing: 0, different: 0, unusable: 1 });
  await db().rows('delete from talon_one_quarantine where application_id = $1', sync.applicationId);
  expect(await verify(sync)).toMatchObject({ missing: 1, unusable: 1 });
  expect(await verify(sync, { repairs: true })).toMatchObject({ different: 0, unusable: 1 });
  expect(await verify(sync)).toMatchObject({ missing: 0, unusable: 1 });
});

test('a repair waits for the cycle that has the lease, and makes way when it has no patience', async () => {
  const sync = await copied();
  await lose(sync, await idsAt(sync, 50));
  const { lease } = await db().take(sync.applicationId);
  await expect(verify(sync, { repairs: true, patienceMs: 300 })).rejects.toThrow(ApplicationBusyError);
  expect(await verify(sync)).toMatchObject({ missing: 1 });
  await returnLease(db().warehouse, lease, false);
  expect(await verify(sync, { repairs: true })).toMatchObject({ missing: 1, repaired: 1 });
  const [row] = await db().rows(
    `select lease_owner, lease_expires_at <= clock_timestamp() as is_free, next_cycle_at <= clock_timestamp() as is_due
     from talon_one_sync_cursor where application_id = $1`,
    sync.applicationId,
  );
  expect(row).toEqual({ lease_owner: null, is_free: true, is_due: true });
});

test('backfill stores a time before the cursor began, and the cursor stays where it is', async () => {
  const sync = await startSync(db(), { events: 300, start: '2100-01-01T00:00:00Z', ...PAGES_OF_50 });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  expect(await idsAt(sync, 0)).toEqual(['']);
  const before = await cursorOf(sync);
  const list = new EventList(sync.client, sync.applicationId, 50);
  const period = { from: 0n, to: moment('2100-01-01T00:00:00Z') };
  const read = () => backfillEvents(list, sync.applicationId, period, verifyOptions(sync), requests(sync));
  expect(await read()).toMatchObject({ eventsNew: 300, quarantined: 0 });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  expect(await cursorOf(sync)).toEqual(before);
  const owed = 'select count(*) from talon_one_owed_snapshot where application_id = $1';
  const owedBefore = await db().value(owed, sync.applicationId);
  expect(Number(owedBefore)).toBeGreaterThan(0);
  expect(await read()).toMatchObject({ eventsNew: 0 });
  expect(await db().value(owed, sync.applicationId)).toBe(owedBefore);
  const [reach] = await readReaches(db().warehouse, [sync.applicationId]);
  expect(formatInstant(reach?.lastSync ?? 0n)).toBe('2100-01-01T00:00:00Z');
});

test('snapshots and effects that somebody deleted are found; with repair the effects are there again, the snapshots owed', async () => {
  const sync = await copied({ events: 120 });
  const { applicationId } = sync;
  const [sessions, profiles] = await Promise.all(
    ['session', 'profile'].map((kind) =>
      db().rows<{ id: string }>(
        `select distinct ${kind}_id as id from talon_one_${kind}_snapshot where application_id = $1 order by 1 limit 3`,
        applicationId,
      ),
    ),
  );
  for (const [kind, rows] of [
    ['session', sessions],
    ['profile', profiles],
  ] as const)
    await db().rows(
      `delete from talon_one_${kind}_snapshot where application_id = $1 and ${kind}_id = any($2::bigint[])`,
      applicationId,
      rows?.map((row) => row.id),
    );
  const effects = () =>
    db().rows(
      'select * from talon_one_effect where application_id = $1 order by event_id, effect_index',
      applicationId,
    );
  const before = await effects();
  const [first, second] = (await db().rows(
    `select event_id, min(effect_index) as one from talon_one_effect where application_id = $1 group by event_id limit 2`,
    applicationId,
  )) as [{ event_id: string }, { event_id: string }];
  await db().rows('delete from talon_one_effect where event_id = $1', first.event_id);
  await db().rows('delete from talon_one_effect where event_id = $1 and effect_index = 0', second.event_id);

  const lacking = { listed: 120, missing: 0, different: 0, lackingSnapshots: 6, lackingEffects: 2 };
  expect(await verify(sync)).toMatchObject(lacking);
  expect(await verify(sync, { repairs: true })).toMatchObject(lacking);
  expect(await effects()).toEqual(before);
  const owed = 'select count(*) from talon_one_owed_snapshot where application_id = $1';
  expect(await db().value(owed, applicationId)).toBe('6');
  // What is owed is on its way.
  expect(await verify(sync)).toMatchObject({ lackingSnapshots: 0, lackingEffects: 0 });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await expectFresh(db(), applicationId);
});

test('without effects as rows none are missing', async () => {
  const sync = await copied({ events: 60 });
  await db().rows('delete from talon_one_effect where application_id = $1', sync.applicationId);
  expect(await verify(sync, { normalizeEffects: false, repairs: true })).toMatchObject({ lackingEffects: 0 });
  expect(await verify(sync)).not.toMatchObject({ lackingEffects: 0 });
});

test('an interrupted command goes on with the Applications that it had not finished, and knows what it found of the others', async () => {
  const [one, two] = [await db().newApplication(), await db().newApplication()];
  const { warehouse } = db();
  const plan = (applicationId: string, from = '2026-11-01T00:00:00Z'): VerificationPlan => ({
    applicationId,
    source: 'command',
    from: moment(from),
    to: moment('2026-11-20T00:00:00Z'),
    isDeep: true,
    repairs: false,
  });
  const run = randomUUID();
  const plans = [plan(one), plan(two)];
  const [first] = await Promise.all(plans.map((each) => beginVerification(warehouse, { ...each, run })));
  const counts = { ...NOTHING, listed: 7, missing: 2, lackingSnapshots: 1 };
  await warehouse.transaction((client) =>
    noteVerified(client, first?.id ?? '', {
      reached: moment('2026-11-20T00:00:00Z'),
      counts,
      examples: NO_EXAMPLES,
    }),
  );
  await endVerification(warehouse, first?.id ?? '');

  expect(await interruptedRun(warehouse, plans, true)).toBe(run);
  expect(await finishedVerification(warehouse, { ...plan(one), run }, true)).toMatchObject(counts);
  expect(await finishedVerification(warehouse, { ...plan(two), run }, true)).toBeUndefined();
  expect(await beginVerification(warehouse, { ...plan(two), run })).toMatchObject({ isResumed: true, run });
  // Another period, another manner, or nothing that was left: a run of its own.
  expect(await interruptedRun(warehouse, [plan(two, '2026-11-02T00:00:00Z')], true)).toBeUndefined();
  expect(await interruptedRun(warehouse, [{ ...plan(two), isDeep: false }], true)).toBeUndefined();
  expect(await interruptedRun(warehouse, [plan(one)], true)).toBeUndefined();
});

const NO_EXAMPLES = { missing: [], different: [], unknown: [] };
const NOTHING = {
  pages: 0,
  listed: 0,
  compared: 0,
  missing: 0,
  repaired: 0,
  different: 0,
  unknown: 0,
  notKept: 0,
  unusable: 0,
  lackingSnapshots: 0,
  lackingEffects: 0,
};
