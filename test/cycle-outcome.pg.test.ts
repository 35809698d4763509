import { describe, expect, test } from 'vitest';
import { floorToSecond, formatInstant, seconds } from '../src/instant.js';
import { expectEverythingStored, expectFresh } from './support/stored.js';
import { startSync, type TestSync, testLog } from './support/sync.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

async function cursorOf(sync: TestSync): Promise<Record<string, unknown>> {
  const [row = {}] = await db().rows(
    `select status, failures, last_error, complete_through::text, read_until::text, failing_since is not null as is_failing,
       failing_since::text,
       to_char(last_sync at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as last_sync,
       lease_expires_at > clock_timestamp() as is_leased,
       round(extract(epoch from next_cycle_at - clock_timestamp()) * 1000)::float as due_in_ms
     from talon_one_sync_cursor where application_id = $1`,
    sync.applicationId,
  );
  return row;
}

async function cyclesOf(sync: TestSync): Promise<Record<string, unknown>[]> {
  return db().rows(
    `select outcome, pages, requests, retries, events_new::int, events_repeated::int, profile_snapshots::int,
       session_snapshots::int, quarantined::int, owed::int, error, fence::text, owner, duration_ms >= 0 as has_duration,
       to_char(window_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as window_from,
       to_char(window_to at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as window_to
     from talon_one_sync_cycle where application_id = $1 order by started_at`,
    sync.applicationId,
  );
}

const newestCreated = (sync: TestSync) =>
  [...sync.sim.issuedEvents(sync.number)]
    .map((one) => one.created)
    .sort()
    .at(-1);

test('the record of a cycle says what was done', async () => {
  const sync = await startSync(db(), {
    events: 100,
    sessions: 20,
    profiles: 10,
    environment: { PAGE_SIZE: '60' },
  });
  await sync.cycle();
  const newest = newestCreated(sync);
  const requests = sync.requests(/./);
  sync.sim.emit(sync.number, 3);
  sync.sim.addFault({ path: /events/, times: 2, action: { type: 'status', status: 503 } });
  await sync.cycle();
  const [first, second] = await cyclesOf(sync);
  expect(first).toMatchObject({
    outcome: 'caught-up',
    window_from: '2014-12-31T23:58:00Z',
    window_to: newest,
    events_new: 100,
    profile_snapshots: 10,
    session_snapshots: 20,
    requests,
    retries: 0,
    quarantined: 0,
    owed: 0,
    error: null,
    fence: '1',
    owner: 'test',
    has_duration: true,
  });
  const lookback = formatInstant(floorToSecond(moment(newest ?? '') - seconds(120)));
  expect(second).toMatchObject({
    window_from: lookback,
    window_to: newestCreated(sync),
    pages: 1,
    events_new: 3,
    requests: sync.requests(/./) - requests,
    retries: 2,
    fence: '2',
  });
  const cursor = await cursorOf(sync);
  expect(cursor).toMatchObject({ last_sync: newestCreated(sync), is_leased: false, failures: 0 });
});

test('the next cycle is due an interval after the end of this one', async () => {
  const sync = await startSync(db(), { events: 10, environment: { SYNC_INTERVAL_SECONDS: '90' } });
  await sync.cycle();
  const { due_in_ms: due } = await cursorOf(sync);
  expect(due).toBeGreaterThan(80_000);
  expect(due).toBeLessThanOrEqual(90_000);
});

describe('complete_through', () => {
  const lookback = 120_000;
  async function completeThrough(sync: TestSync): Promise<number | undefined> {
    const { complete_through: text } = await cursorOf(sync);
    return typeof text === 'string' ? Date.parse(text) : undefined;
  }

  const anHourAgo = { events: 10, simulator: { switches: { clockOffsetMs: -3_600_000 } } };

  test('follows the clock of the server while nothing happens', async () => {
    const sync = await startSync(db(), anHourAgo);
    await sync.cycle();
    const first = (await completeThrough(sync)) ?? 0;
    expect(first).toBeLessThanOrEqual(Date.parse(sync.sim.now()) - lookback);
    expect(first).toBeGreaterThan(Date.parse(sync.sim.now()) - lookback - 60_000);
    sync.sim.set({ clockOffsetMs: 0 });
    await sync.cycle();
    expect(((await completeThrough(sync)) ?? 0) - first).toBeGreaterThan(3_500_000);
    sync.sim.set({ clockOffsetMs: -3_600_000 });
    await sync.cycle();
    expect(((await completeThrough(sync)) ?? 0) - first).toBeGreaterThan(3_500_000);
  });

  test('goes no further than Postgres or the records agree to, however far the Date header is ahead', async () => {
    const sync = await startSync(db(), {
      events: 10,
      simulator: { switches: { dateHeaderOffsetMs: 3_600_000 } },
    });
    await sync.cycle();
    const through = (await completeThrough(sync)) ?? 0;
    expect(through).toBeLessThanOrEqual(Date.now() - lookback);
    expect(through).toBeGreaterThan(Date.now() - lookback - 60_000);
    const ahead = new Date(Date.now() + 3_000_000).toISOString();
    sync.sim.addEvent(sync.number, { created: ahead });
    await sync.cycle();
    expect(await completeThrough(sync)).toBe(Date.parse(ahead) - lookback);
  });

  test('follows the events when the server sends no Date', async () => {
    const sync = await startSync(db(), { events: 10, simulator: { switches: { dateHeader: 'absent' } } });
    await sync.cycle();
    expect(await completeThrough(sync)).toBe(Date.parse(newestCreated(sync) ?? '') - lookback);
  });

  test('never passes an event whose snapshot is owed', async () => {
    const sync = await startSync(db(), { ...anHourAgo, sessions: 4 });
    await sync.cycle();
    const calls = sync.sim.now();
    sync.sim.addEvent(sync.number, { sessionId: 4711, created: calls });
    sync.sim.addFault({ path: /sessions\/4711/, times: Infinity, action: { type: 'status', status: 500 } });
    sync.sim.set({ clockOffsetMs: 0 });
    expect(await sync.cycle()).toMatchObject({ outcome: 'behind', leftover: 'failed' });
    expect((await cyclesOf(sync)).at(-1)).toMatchObject({ outcome: 'behind', owed: 1, error: null });
    const limit = await db().value(
      `select complete_through = $2::timestamptz - interval '1 microsecond' from talon_one_sync_cursor
       where application_id = $1`,
      sync.applicationId,
      calls,
    );
    expect(limit).toBe('true');
    sync.sim.clearFaults();
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up', leftover: 'nothing' });
    expect(await completeThrough(sync)).toBeGreaterThan(Date.parse(calls));
  });

  test('stays while events are unread, and what was read before the trouble is kept', async () => {
    const sync = await startSync(db(), { events: 200, environment: { PAGE_SIZE: '40' } });
    sync.sim.addFault({ path: /events/, after: 3, times: Infinity, action: { type: 'status', status: 500 } });
    expect(await sync.cycle()).toMatchObject({ outcome: 'failed' });
    expect(await completeThrough(sync)).toBeUndefined();
    const { status, last_sync: lastSync } = await cursorOf(sync);
    expect(status).toBe('failing');
    expect(lastSync).not.toBe('2015-01-01T00:00:00.000000Z');
    const stored = Number(
      await db().value('select count(*) from talon_one_event where application_id = $1', sync.applicationId),
    );
    expect(stored).toBeGreaterThanOrEqual(40);
    expect(stored).toBeLessThan(200);
    sync.sim.clearFaults();
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    await expectEverythingStored(db(), sync.sim, sync.applicationId);
    await expectFresh(db(), sync.applicationId);
  });
});

describe('failures', () => {
  test('in a row double the wait, are counted and explained, and one good cycle ends them', async () => {
    const sync = await startSync(db(), { events: 10 });
    sync.sim.addFault({ path: /events/, times: Infinity, action: { type: 'html200' } });
    for (const [failures, wait] of [
      [1, 1000],
      [2, 2000],
      [3, 4000],
    ] as const) {
      expect(await sync.cycle()).toMatchObject({ outcome: 'failed', error: { failure: 'body' } });
      const cursor = await cursorOf(sync);
      expect(cursor).toMatchObject({ status: 'failing', failures, is_failing: true, is_leased: false });
      expect(cursor.last_error).toContain('not with what was asked for');
      expect(cursor.due_in_ms).toBeGreaterThan(wait - 900);
      expect(cursor.due_in_ms).toBeLessThanOrEqual(wait);
    }
    expect((await cyclesOf(sync)).at(-1)).toMatchObject({
      outcome: 'failed',
      error: expect.stringContaining('200'),
    });
    sync.sim.clearFaults();
    await sync.cycle();
    expect(await cursorOf(sync)).toMatchObject({ status: 'up-to-date', failures: 0, is_failing: false });
  });

  test('of cycles that store something all the same begin anew: the next cycle is due soon, and the alarm goes on', async () => {
    const sync = await startSync(db(), { events: 200, environment: { PAGE_SIZE: '40' } });
    const fault = () =>
      sync.sim.addFault({
        path: /events/,
        after: 2,
        times: Infinity,
        action: { type: 'status', status: 500 },
      });
    sync.sim.addFault({ path: /events/, times: Infinity, action: { type: 'status', status: 500 } });
    await sync.cycle();
    await sync.cycle();
    const before = await cursorOf(sync);
    expect(before).toMatchObject({ failures: 2 });
    sync.sim.clearFaults();
    fault();
    expect(await sync.cycle()).toMatchObject({ outcome: 'failed' });
    const cursor = await cursorOf(sync);
    expect(cursor).toMatchObject({ status: 'failing', failures: 1, failing_since: before.failing_since });
    expect(cursor.due_in_ms).toBeLessThanOrEqual(1000);
    sync.sim.clearFaults();
    sync.sim.addFault({ path: /events/, times: Infinity, action: { type: 'status', status: 500 } });
    await sync.cycle();
    expect(await cursorOf(sync)).toMatchObject({ failures: 2 });
  });

  test('of the key mark the Application unauthorised, and are retried slowly', async () => {
    const sync = await startSync(db(), { events: 10 });
    await sync.cycle();
    const path = '/v1/applications/{applicationId}/events/no_total';
    sync.sim.set({ forbidden: { [path]: 401 } });
    const before = sync.requests(/./);
    expect(await sync.cycle()).toMatchObject({ outcome: 'unauthorised' });
    expect(sync.requests(/./) - before).toBe(1);
    const cursor = await cursorOf(sync);
    expect(cursor).toMatchObject({ status: 'unauthorised', failures: 1 });
    expect(cursor.due_in_ms).toBeGreaterThan(14_000);
    sync.sim.set({ forbidden: {} });
    await sync.cycle();
    expect(await cursorOf(sync)).toMatchObject({ status: 'up-to-date', failures: 0 });
  });

  test('of the snapshots leave the events stored and the snapshots owed', async () => {
    const sync = await startSync(db(), { events: 30, sessions: 10, profiles: 5 });
    const path = '/v1/applications/{applicationId}/customer_search';
    sync.sim.set({ forbidden: { [path]: 403 } });
    expect(await sync.cycle()).toMatchObject({ outcome: 'unauthorised' });
    await expectEverythingStored(db(), sync.sim, sync.applicationId);
    expect((await cyclesOf(sync)).at(-1)).toMatchObject({ owed: 5, session_snapshots: 10 });
    sync.sim.set({ forbidden: {} });
    await sync.cycle();
    await expectFresh(db(), sync.applicationId);
  });
});

test('a server that is too slow for long pages ends no cycle, and is not asked for them again and again', async () => {
  const environment = { PAGE_SIZE: '80' };
  const { log, lines } = testLog();
  const sync = await startSync(db(), { events: 400, sessions: 80, profiles: 90, environment, log });
  sync.sim.addFault({ above: 40, times: Infinity, action: { type: 'status', status: 504 } });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up', leftover: 'nothing' });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  await expectFresh(db(), sync.applicationId);
  const late = () => sync.sim.requests.filter(({ status }) => status !== 200).length;
  // One of events, one of sessions, one of profiles.
  expect(late()).toBe(3);
  const said = lines.filter(({ msg }) => msg.startsWith('full pages are too much for the API'));
  expect(said.map(({ level, pageSize }) => [level, pageSize])).toEqual(Array(3).fill(['info', 40]));
  sync.sim.emit(sync.number, 60);
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  expect(late()).toBe(3);
});

test('a stop leaves the page at hand whole, gives the lease back and makes the next cycle due at once', async () => {
  const sync = await startSync(db(), { events: 100, environment: { PAGE_SIZE: '40' } });
  const controller = new AbortController();
  const hold = sync.sim.holdNext((request) => request.query.includes('skip=') && sync.requests(/events/) > 2);
  const cycle = sync.cycle({ signal: controller.signal });
  await hold.held;
  controller.abort();
  expect(await cycle).toMatchObject({ outcome: 'stopped' });
  hold.release();
  const cursor = await cursorOf(sync);
  expect(cursor).toMatchObject({ is_leased: false, failures: 0, last_error: null });
  expect(cursor.due_in_ms).toBeLessThanOrEqual(0);
  expect((await cyclesOf(sync)).at(-1)).toMatchObject({ outcome: 'stopped', error: null });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
});

test('a cycle whose lease was taken over ends, and leaves the cursor to the new holder', async () => {
  const sync = await startSync(db(), { events: 100, environment: { PAGE_SIZE: '40' } });
  const hold = sync.sim.holdNext(() => sync.requests(/events/) > 2);
  const cycle = sync.cycle();
  await hold.held;
  await db().rows(
    `update talon_one_sync_cursor set fence = fence + 1, lease_owner = 'other', lease_expires_at = clock_timestamp() + interval '1 minute'
     where application_id = $1`,
    sync.applicationId,
  );
  const before = await cursorOf(sync);
  const stored = () =>
    db().value('select count(*) from talon_one_event where application_id = $1', sync.applicationId);
  const eventsBefore = await stored();
  hold.release();
  expect(await cycle).toMatchObject({ outcome: 'lease-lost' });
  expect(await stored()).toBe(eventsBefore);
  expect({ ...(await cursorOf(sync)), due_in_ms: 0 }).toEqual({ ...before, due_in_ms: 0 });
  expect((await cyclesOf(sync)).at(-1)).toMatchObject({ outcome: 'lease-lost', owner: 'test' });
});
