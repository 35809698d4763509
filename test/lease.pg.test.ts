import { expect, onTestFinished, test } from 'vitest';
import { LeaseLostError } from '../src/errors.js';
import { formatInstant } from '../src/instant.js';
import {
  advanceCursor,
  endCycle,
  ensureCursors,
  type LeasedCursor,
  millisecondsUntilDue,
  type TakeOptions,
  takeLease,
} from '../src/warehouse/cursor.js';
import { codeOf, isConnectionFailure } from '../src/warehouse/sqlstate.js';
import { event, storeEvents } from './support/records.js';
import { deferred, eventually, moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 12 });

/** What a process asks for. */
function wish(
  applicationIds: readonly string[],
  owner: string,
  options: Partial<TakeOptions> = {},
): TakeOptions {
  return { applicationIds, owner, leaseMs: 60_000, courtesyMs: 0, evenIfNotDue: false, ...options };
}

function take(
  applicationId: string,
  owner: string,
  options: Partial<TakeOptions> = {},
): Promise<LeasedCursor | undefined> {
  return takeLease(db().warehouse, wish([applicationId], owner, options));
}

async function cursorOf(applicationId: string): Promise<Record<string, unknown>> {
  const [row = {}] = await db().rows(
    `select last_sync::text, read_until::text, complete_through::text, status, failures, last_error, fence::text,
       lease_owner, lease_expires_at > clock_timestamp() as is_leased, failing_since is not null as is_failing
     from talon_one_sync_cursor where application_id = $1`,
    applicationId,
  );
  return row;
}

/** Lets a moment of the cursor row pass on the database's clock. */
async function letPass(applicationId: string, column: 'lease_expires_at' | 'next_cycle_at'): Promise<void> {
  await db().rows(
    `update talon_one_sync_cursor set ${column} = clock_timestamp() - interval '1 ms' where application_id = $1`,
    applicationId,
  );
}

const end = (leased: LeasedCursor, nextCycleInMs = 60_000) =>
  db().warehouse.transaction((client) =>
    endCycle(client, leased.lease, { nextCycleInMs, status: 'back-filling' }),
  );

function taken(leased: LeasedCursor | undefined): LeasedCursor {
  if (!leased) throw new Error('the lease was not given');
  return leased;
}

test('one at a time holds an Application', async () => {
  const id = await db().newApplication();
  expect(await take(id, 'a')).toBeDefined();
  expect(await take(id, 'b', { evenIfNotDue: true })).toBeUndefined();
  expect(await take(id, 'a', { evenIfNotDue: true })).toBeUndefined();
});

test('of many that ask at the same moment one gets it', async () => {
  for (let round = 0; round < 5; round += 1) {
    const id = await db().newApplication();
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => take(id, `owner-${index}`)));
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
    expect((await cursorOf(id)).fence).toBe('1');
  }
});

test('of many Applications each asker gets another one, the longest due first', async () => {
  const ids = await Promise.all(Array.from({ length: 4 }, () => db().newApplication()));
  const [late = ''] = ids.slice(2);
  await db().rows(
    `update talon_one_sync_cursor set next_cycle_at = clock_timestamp() - interval '1 hour' where application_id = $1`,
    late,
  );
  const first = taken(await takeLease(db().warehouse, wish(ids, 'a')));
  expect(first.lease.applicationId).toBe(late);
  const rest = await Promise.all(
    ['b', 'c', 'd', 'e'].map((owner) => takeLease(db().warehouse, wish(ids, owner))),
  );
  const got = rest.flatMap((leased) => (leased ? [leased.lease.applicationId] : []));
  expect(new Set([late, ...got])).toEqual(new Set(ids));
});

test('whoever takes an Application learns how long the next of the others has waited', async () => {
  const [first = '', second = '', third = ''] = await Promise.all([1, 2, 3].map(() => db().newApplication()));
  const ids = [first, second, third];
  const due = (id: string, agoMs: number) =>
    db().rows(
      `update talon_one_sync_cursor set next_cycle_at = clock_timestamp() - $2 * interval '1 ms' where application_id = $1`,
      id,
      agoMs,
    );
  await due(first, 90_000);
  await due(second, 60_000);
  await due(third, -60_000);
  const options = { applicationIds: ids, owner: 'a', leaseMs: 60_000, courtesyMs: 0, evenIfNotDue: false };
  const one = taken(await takeLease(db().warehouse, options));
  expect(one.lease.applicationId).toBe(first);
  expect(one.othersWaitMs).toBeGreaterThanOrEqual(60_000);
  expect(one.othersWaitMs).toBeLessThan(90_000);
  // The one that is left is not due.
  expect(taken(await takeLease(db().warehouse, options)).othersWaitMs).toBe(0);
});

test('a lease ends on the clock of the database, and the fence rises with every taking', async () => {
  const id = await db().newApplication();
  const first = taken(await take(id, 'a'));
  await letPass(id, 'lease_expires_at');
  const second = taken(await take(id, 'b'));
  expect(BigInt(second.lease.fence)).toBe(BigInt(first.lease.fence) + 1n);
  expect(await cursorOf(id)).toMatchObject({ lease_owner: 'b', is_leased: true });
});

test('a page renews the lease', async () => {
  const id = await db().newApplication();
  const { lease } = taken(await take(id, 'a'));
  await letPass(id, 'lease_expires_at');
  await storeEvents(db().warehouse, lease, [event()]);
  expect(await cursorOf(id)).toMatchObject({ is_leased: true });
});

test('an Application that is due is left to its last owner for a while', async () => {
  const id = await db().newApplication();
  await end(taken(await take(id, 'a')), 0);
  await letPass(id, 'next_cycle_at');
  expect(await take(id, 'b', { courtesyMs: 60_000 })).toBeUndefined();
  expect(await millisecondsUntilDue(db().warehouse, wish([id], 'b', { courtesyMs: 60_000 }))).toBeGreaterThan(
    50_000,
  );
  expect(await millisecondsUntilDue(db().warehouse, wish([id], 'a', { courtesyMs: 60_000 }))).toBe(0);
  await end(taken(await take(id, 'a', { courtesyMs: 60_000 })), 0);
  await db().rows(
    `update talon_one_sync_cursor set next_cycle_at = clock_timestamp() - interval '61 seconds' where application_id = $1`,
    id,
  );
  expect(await take(id, 'b', { courtesyMs: 60_000 })).toBeDefined();
});

test('an Application that is not due is not given, unless it is asked for', async () => {
  const id = await db().newApplication();
  await end(taken(await take(id, 'a')));
  expect(await take(id, 'a')).toBeUndefined();
  const ms = await millisecondsUntilDue(db().warehouse, wish([id], 'a'));
  expect(ms).toBeGreaterThan(50_000);
  expect(ms).toBeLessThanOrEqual(60_000);
  expect(await take(id, 'a', { evenIfNotDue: true })).toBeDefined();
});

test('the end of a cycle gives the lease back', async () => {
  const id = await db().newApplication();
  await end(taken(await take(id, 'a')));
  expect(await cursorOf(id)).toMatchObject({ is_leased: false, lease_owner: 'a' });
  expect(await take(id, 'b', { evenIfNotDue: true })).toBeDefined();
});

test('times keep their microseconds on the way into the cursor and back', async () => {
  const id = await db().newApplication('2026-01-01T00:00:00.000001Z');
  const first = taken(await take(id, 'a'));
  expect(formatInstant(first.cursor.lastSync)).toBe('2026-01-01T00:00:00.000001Z');
  expect(first.cursor.readUntil).toBeUndefined();
  const lastSync = moment('2026-01-02T03:04:05.999999Z');
  const readUntil = moment('9999-12-31T23:59:59.123456Z');
  await db().warehouse.transaction((client) => advanceCursor(client, first.lease, { lastSync, readUntil }));
  await end(first);
  const second = taken(await take(id, 'a', { evenIfNotDue: true }));
  expect(second.cursor).toEqual({ lastSync, readUntil, isLive: true, failures: 0 });
});

test('the cursor never moves back', async () => {
  const id = await db().newApplication();
  const leased = taken(await take(id, 'a'));
  const later = moment('2026-02-01T00:00:00.000002Z');
  const { warehouse } = db();
  const advance = (lastSync: bigint, readUntil: bigint) =>
    warehouse.transaction((client) => advanceCursor(client, leased.lease, { lastSync, readUntil }));
  await advance(later, later);
  await advance(later - 1n, later - 1n);
  await warehouse.transaction((client) => advanceCursor(client, leased.lease));
  const complete = (completeThrough: bigint) =>
    warehouse.transaction((client) => endCycle(client, leased.lease, { nextCycleInMs: 0, completeThrough }));
  await complete(later);
  await complete(later - 1n);
  expect(await cursorOf(id)).toMatchObject({
    last_sync: '2026-02-01 00:00:00.000002+00',
    read_until: '2026-02-01 00:00:00.000002+00',
    complete_through: '2026-02-01 00:00:00.000002+00',
  });
});

test('failures are counted until a cycle goes well', async () => {
  const id = await db().newApplication();
  const leased = taken(await take(id, 'a'));
  const fail = (status: 'failing' | 'unauthorised') =>
    db().warehouse.transaction((client) =>
      endCycle(client, leased.lease, { nextCycleInMs: 0, status, failure: { message: 'no\0answer' } }),
    );
  expect(await fail('failing')).toBeGreaterThanOrEqual(0);
  await fail('unauthorised');
  expect(await cursorOf(id)).toMatchObject({
    status: 'unauthorised',
    failures: 2,
    last_error: 'noanswer',
    is_failing: true,
  });
  const next = taken(await take(id, 'a'));
  expect(next.cursor.failures).toBe(2);
  // Neither a page nor a cycle that was stopped proves that the trouble is over.
  await storeEvents(db().warehouse, next.lease, [event()], { advance: { status: 'back-filling' } });
  await db().warehouse.transaction((client) => endCycle(client, next.lease, { nextCycleInMs: 0 }));
  expect(await cursorOf(id)).toMatchObject({ status: 'unauthorised', failures: 2, is_failing: true });
  await end(next);
  expect(await cursorOf(id)).toMatchObject({ status: 'back-filling', failures: 0, is_failing: false });
});

test('a page under an outdated fence writes nothing at all', async () => {
  const id = await db().newApplication();
  const { lease: old } = taken(await take(id, 'a'));
  await letPass(id, 'lease_expires_at');
  await take(id, 'b');
  const before = await cursorOf(id);
  const page = [
    event({ id: 1, profileId: 1, sessionId: 1, effects: '[{"effectType":"x"}]', attributes: '{"v":1.0}' }),
  ];
  const advance = { lastSync: moment('2026-06-01T00:00:00Z'), readUntil: moment('2026-06-01T00:00:00Z') };
  await expect(storeEvents(db().warehouse, old, page, { advance })).rejects.toThrow(LeaseLostError);
  // The second way of a page: record by record, with a quarantine and original texts.
  const broken = [event({ id: 2, profileId: 2, attributes: '{"v":"\\u0000"}' }), '{"id":"none"}'];
  await expect(storeEvents(db().warehouse, old, broken, { advance })).rejects.toThrow(LeaseLostError);
  await expect(
    end({
      lease: old,
      cursor: { lastSync: 0n, readUntil: undefined, isLive: false, failures: 0 },
      othersWaitMs: 0,
    }),
  ).rejects.toThrow(LeaseLostError);
  for (const table of ['event', 'effect', 'owed_snapshot', 'quarantine', 'original_text']) {
    const count = `select count(*) from talon_one_${table} where application_id = $1`;
    expect([table, await db().value(count, id)]).toEqual([table, '0']);
  }
  expect(await cursorOf(id)).toEqual(before);
});

test('a page that cannot be stored moves no cursor', async () => {
  const id = await db().newApplication();
  const { lease } = taken(await take(id, 'a'));
  const before = await cursorOf(id);
  await db().rows('alter table talon_one_effect rename to talon_one_effect_away');
  const advance = { lastSync: moment('2026-06-01T00:00:00Z'), status: 'back-filling' } as const;
  const stored = storeEvents(db().warehouse, lease, [event()], { advance }).catch((error: unknown) =>
    codeOf(error),
  );
  expect(await stored).toBe('42P01');
  await db().rows('alter table talon_one_effect_away rename to talon_one_effect');
  expect(await cursorOf(id)).toEqual(before);
});

test('a takeover waits for an open transaction of the old holder, and Postgres ends that one', async () => {
  const id = await db().newApplication();
  const { lease: old } = taken(await take(id, 'a'));
  const paused = db().open({ poolSize: 1, idleInTransactionMs: 300 });
  await letPass(id, 'lease_expires_at');
  const { promise: released, resolve: release } = deferred();
  const { promise: opened, resolve: open } = deferred();
  onTestFinished(release);
  const writing = paused.transaction(async (client) => {
    await advanceCursor(client, old, { lastSync: moment('2026-06-01T00:00:00Z') });
    open();
    await released;
    await client.query('select 1');
  });
  const ended = writing.catch((error: unknown) => error);
  await opened;
  expect(await take(id, 'b')).toBeUndefined();
  await eventually('the row is free', async () => {
    const [row] = await db().rows(
      `select from talon_one_sync_cursor where application_id = $1 for update skip locked`,
      id,
    );
    return row !== undefined;
  });
  const next = taken(await take(id, 'b'));
  release();
  const error = await ended;
  expect(isConnectionFailure(error)).toBe(true);
  expect(await cursorOf(id)).toMatchObject({
    lease_owner: 'b',
    fence: next.lease.fence,
    last_sync: '2026-01-01 00:00:00+00',
  });
});

test('a row that somebody has locked is passed over without waiting', async () => {
  const [locked, free] = [await db().newApplication(), await db().newApplication()];
  const client = await db().database.pool.connect();
  try {
    await client.query('begin');
    await client.query('select from talon_one_sync_cursor where application_id = $1 for update', [locked]);
    const leased = taken(await takeLease(db().warehouse, wish([locked, free], 'a')));
    expect(leased.lease.applicationId).toBe(free);
    expect(await takeLease(db().warehouse, wish([locked, free], 'a'))).toBeUndefined();
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('a cursor is made once; its name follows the API, its place does not', async () => {
  const { warehouse } = db();
  const id = '900';
  const start = moment('2026-01-01T00:00:00Z');
  const created = moment('2025-05-05T05:05:05.555555Z');
  await ensureCursors(warehouse, [{ id, name: 'Old\0name', created, start }]);
  await ensureCursors(warehouse, [{ id, name: 'New name', created: undefined, start: start + 1_000_000n }]);
  const [row] = await db().rows(
    `select application_name, application_created::text, last_sync::text from talon_one_sync_cursor where application_id = $1`,
    id,
  );
  expect(row).toEqual({
    application_name: 'New name',
    application_created: '2025-05-05 05:05:05.555555+00',
    last_sync: '2026-01-01 00:00:00+00',
  });
});
