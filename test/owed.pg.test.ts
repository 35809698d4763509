import { describe, expect, test } from 'vitest';
import { LeaseLostError } from '../src/errors.js';
import { seconds } from '../src/instant.js';
import type { Leftover } from '../src/sync/leftover.js';
import { ProfileSync } from '../src/sync/profiles.js';
import { SessionSync } from '../src/sync/sessions.js';
import type { HttpRequest } from '../src/talon-one/http.js';
import type { Lease } from '../src/warehouse/cursor.js';
import { owedProfiles, owedSessions } from '../src/warehouse/owed.js';
import { explainingWarehouse } from './support/explain.js';
import { clientAnswering, event, storeEvents } from './support/records.js';
import { contextOf } from './support/sync.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

type Kind = 'profile' | 'session';

async function owed(lease: Lease): Promise<Record<string, unknown>[]> {
  return db().rows(
    `select kind, id::text, event_id::text, version::text, first_created::text
     from talon_one_owed_snapshot where application_id = $1 order by kind, id`,
    lease.applicationId,
  );
}

async function snapshots(kind: Kind, lease: Lease): Promise<Record<string, unknown>[]> {
  return db().rows(
    `select ${kind}_id::text as id, found, payload is not null as has_payload, event_id::text
     from talon_one_${kind}_snapshot where application_id = $1 order by fetched_at, 1`,
    lease.applicationId,
  );
}

/** Fetches what is owed; `answer` stands in for the API. Returns what is left. */
async function fetchOwed(
  kind: Kind,
  lease: Lease,
  answer: (request: HttpRequest) => readonly string[] | Promise<readonly string[]>,
): Promise<Leftover> {
  const { warehouse } = db();
  const client = clientAnswering(answer);
  const sync =
    kind === 'profile'
      ? new ProfileSync({ warehouse, client, batchSize: 1000 })
      : new SessionSync({ warehouse, client, mode: 'list', pageSize: 1000, parallel: 1 });
  return sync.run(contextOf(lease), () => false);
}

test('an event that is stored for the first time makes its profile and session owed', async () => {
  const lease = await db().newLease();
  await storeEvents(db().warehouse, lease, [
    event({ id: 2, created: '2026-01-15T00:00:02.000001Z', profileId: 7, sessionId: 8 }),
    event({ id: 1, created: '2026-01-15T00:00:01.000001Z', profileId: 7 }),
  ]);
  expect(await owed(lease)).toEqual([
    { kind: 'profile', id: '7', event_id: '2', version: '1', first_created: '2026-01-15 00:00:01.000001+00' },
    { kind: 'session', id: '8', event_id: '2', version: '1', first_created: '2026-01-15 00:00:02.000001+00' },
  ]);
});

test('another new event of it raises the version; events that are stored already change nothing', async () => {
  const lease = await db().newLease();
  const { warehouse } = db();
  const first = event({ id: 5, created: '2026-01-15T00:00:05Z', profileId: 7 });
  const second = event({ id: 4, created: '2026-01-15T00:00:04Z', profileId: 7 });
  await storeEvents(warehouse, lease, [first]);
  await storeEvents(warehouse, lease, [first]);
  expect(await owed(lease)).toMatchObject([{ version: '1' }]);
  await storeEvents(warehouse, lease, [first, second]);
  expect(await owed(lease)).toEqual([
    { kind: 'profile', id: '7', event_id: '5', version: '2', first_created: '2026-01-15 00:00:04+00' },
  ]);
});

describe.each<Kind>(['profile', 'session'])('%s', (kind) => {
  const named = (id: number, of = id) => event({ id, [`${kind}Id`]: of });

  test('what was fetched is settled, and seeing its events again owes nothing', async () => {
    const lease = await db().newLease();
    const events = [named(1), named(2)];
    await storeEvents(db().warehouse, lease, events);
    expect(await fetchOwed(kind, lease, () => [event({ id: 1 }), event({ id: 2 })])).toBe('nothing');
    expect(await snapshots(kind, lease)).toEqual([
      { id: '1', found: true, has_payload: true, event_id: '1' },
      { id: '2', found: true, has_payload: true, event_id: '2' },
    ]);
    await storeEvents(db().warehouse, lease, events);
    expect(await owed(lease)).toEqual([]);
  });

  test('an event that is stored between the fetch and the settling keeps it owed', async () => {
    const lease = await db().newLease();
    await storeEvents(db().warehouse, lease, [named(1, 9), named(2, 8)]);
    let requests = 0;
    const isTimeUp = () => requests > 0;
    const client = clientAnswering(async () => {
      requests += 1;
      await storeEvents(db().warehouse, lease, [named(3, 9)]);
      return [event({ id: 9 }), event({ id: 8 })];
    });
    const { warehouse } = db();
    const sync =
      kind === 'profile'
        ? new ProfileSync({ warehouse, client, batchSize: 1000 })
        : new SessionSync({ warehouse, client, mode: 'list', pageSize: 1000, parallel: 1 });
    expect(await sync.run(contextOf(lease), isTimeUp)).toBe('time-up');
    expect((await snapshots(kind, lease)).map((row) => row.id).sort()).toEqual(['8', '9']);
    expect(await owed(lease)).toMatchObject([{ id: '9', version: '2', event_id: '3' }]);
    const isEarlier = `select bool_and(fetched_at < synced_at) from talon_one_${kind}_snapshot s
      join talon_one_event e using (application_id) where application_id = $1 and e.event_id = 3`;
    expect(await db().value(isEarlier, lease.applicationId)).toBe('true');
  });

  test('what an answer holds besides is passed over, but for the news of a list of sessions', async () => {
    const lease = await db().newLease();
    await storeEvents(db().warehouse, lease, [named(1)]);
    await fetchOwed(kind, lease, () => [event({ id: 5 }), event({ id: 1 }), event({ id: 6 })]);
    const stored = (await snapshots(kind, lease)).map((row) => row.id);
    expect(stored).toEqual(kind === 'profile' ? ['1'] : ['1', '5', '6']);
  });

  test('a record that goes to the quarantine leaves a snapshot without payload and is settled', async () => {
    const lease = await db().newLease();
    await storeEvents(db().warehouse, lease, [named(1), named(2)]);
    const absurd = event({ id: 2, attributes: `${'['.repeat(200_000)}${']'.repeat(200_000)}` });
    expect(await fetchOwed(kind, lease, () => [event({ id: 1 }), absurd])).toBe('nothing');
    expect(await snapshots(kind, lease)).toEqual([
      { id: '1', found: true, has_payload: true, event_id: '1' },
      { id: '2', found: true, has_payload: false, event_id: '2' },
    ]);
    expect(await owed(lease)).toEqual([]);
  });

  test('under an outdated fence neither a snapshot is written nor anything settled', async () => {
    const lease = await db().newLease({ leaseMs: 1 });
    await storeEvents(db().warehouse, lease, [named(1)]);
    const before = await owed(lease);
    const work = fetchOwed(kind, lease, async () => {
      await db().rows(
        'update talon_one_sync_cursor set fence = fence + 1 where application_id = $1',
        lease.applicationId,
      );
      return [event({ id: 1 })];
    });
    await expect(work).rejects.toThrow(LeaseLostError);
    expect(await snapshots(kind, lease)).toEqual([]);
    expect(await owed(lease)).toEqual(before);
  });
});

test('the views show the newest snapshot of each profile and session', async () => {
  const lease = await db().newLease();
  const { warehouse } = db();
  for (const [id, found] of [
    [1, true],
    [2, true],
    [3, false],
  ] as const) {
    await storeEvents(warehouse, lease, [event({ id, profileId: 501, sessionId: 502 })]);
    const client = (record: number) => () =>
      found ? [event({ id: record, attributes: `{"v":${id}}` })] : [];
    await fetchOwed('profile', lease, client(501));
    if (found) await fetchOwed('session', lease, client(502));
  }
  const newest = await db().rows(
    `select 'profile' as kind, found, payload #>> '{attributes,v}' as v from talon_one_profile where profile_id = 501
     union all
     select 'session', found, payload #>> '{attributes,v}' from talon_one_session where session_id = 502 order by 1`,
  );
  expect(newest).toEqual([
    { kind: 'profile', found: false, v: null },
    { kind: 'session', found: true, v: '2' },
  ]);
});

test('a session counts as created when its snapshot says so, else with the event that first called for it', async () => {
  const lease = await db().newLease();
  const { warehouse } = db();
  const at = (second: number, id: number, sessionId: number) =>
    event({ id, created: `2026-01-15T00:00:0${second}.000001Z`, sessionId });
  await storeEvents(warehouse, lease, [at(1, 1, 31)]);
  await fetchOwed('session', lease, () => [event({ id: 31, created: '2025-12-24T18:00:00.000003Z' })]);
  await storeEvents(warehouse, lease, [at(3, 3, 31), at(5, 5, 33)]);
  await storeEvents(warehouse, lease, [at(4, 4, 33)]);
  const sessions = await owedSessions(warehouse, lease.applicationId, 10);
  expect(sessions.map(({ id, created }) => [id, created])).toEqual([
    ['31', moment('2025-12-24T18:00:00.000003Z')],
    ['33', moment('2026-01-15T00:00:04.000001Z')],
  ]);
});

test('choosing what to fetch next reads no more than that, however much is owed', async () => {
  const lease = await db().newLease();
  await db().rows(
    `insert into talon_one_owed_snapshot (kind, application_id, id, event_id, first_created)
     select kind, $1, id, id, '2026-01-15T00:00:00Z'::timestamptz + (id * 7919 % 5000) * interval '1 second'
     from generate_series(1, 5000) as id, (values ('profile'), ('session')) as kinds (kind)`,
    lease.applicationId,
  );
  await db().rows('analyze talon_one_owed_snapshot');
  const read: number[] = [];
  const explaining = explainingWarehouse(db().warehouse, (rows) => read.push(rows));
  const sessions = await owedSessions(explaining, lease.applicationId, 100);
  expect(sessions.map(({ touched }) => touched)).toEqual(
    Array.from({ length: 100 }, (_, second) => moment('2026-01-15T00:00:00Z') + seconds(second)),
  );
  expect(await owedProfiles(explaining, lease.applicationId, '2000', 100)).toHaveLength(100);
  expect(read).toHaveLength(2);
  expect(Math.max(...read)).toBeLessThanOrEqual(100);
});
