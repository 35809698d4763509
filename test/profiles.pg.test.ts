import { expect, test } from 'vitest';
import type { Leftover } from '../src/sync/leftover.js';
import { ProfileSync } from '../src/sync/profiles.js';
import { ApiError } from '../src/talon-one/api-error.js';
import type { ManagementClient } from '../src/talon-one/management.js';
import type { SwitchSettings } from './simulator/switches.js';
import { clientAnswering } from './support/records.js';
import { startSync, type TestSync } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

const SEARCH = /customer_search$/;
const SEARCHES = '/v1/applications/{applicationId}/customer_search';

/** Stores events of `count` profiles, and fetches the profiles. */
async function syncProfiles(
  count: number,
  options: {
    switches?: SwitchSettings;
    batchSize?: number;

    prepare?: (sync: TestSync) => void;
  } = {},
): Promise<{ sync: TestSync; leftover: Leftover; again: () => Promise<Leftover> }> {
  const { switches = {}, batchSize = 1000, prepare } = options;
  const sync = await startSync(db(), { simulator: { switches } });
  for (let id = 1; id <= count; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  prepare?.(sync);
  const context = await sync.events();
  const profiles = new ProfileSync({ warehouse: db().warehouse, client: sync.client, batchSize });
  const again = () => profiles.run(context, () => false);
  return { sync, leftover: await again(), again };
}

interface StoredProfile extends Record<string, unknown> {
  id: string;
  found: boolean;
  payload: string | null;
}

async function stored(sync: TestSync): Promise<StoredProfile[]> {
  return db().rows<StoredProfile>(
    `select profile_id::text as id, found, payload::text from talon_one_profile_snapshot
     where application_id = $1 order by profile_id, fetched_at`,
    sync.applicationId,
  );
}

async function isEqual(sync: TestSync, profile: StoredProfile): Promise<boolean> {
  const text = sync.sim.profileText(profile.id);
  return (await db().value('$1::jsonb = $2::jsonb', profile.payload, text)) === 'true';
}

async function owedIds(sync: TestSync): Promise<string[]> {
  const rows = await db().rows<{ id: string }>(
    `select id::text from talon_one_owed_snapshot where application_id = $1 and kind = 'profile' order by id`,
    sync.applicationId,
  );
  return rows.map((row) => row.id);
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

test('many profiles cost one request, and each snapshot is what the API holds', async () => {
  const { sync, leftover } = await syncProfiles(40);
  expect(leftover).toBe('nothing');
  expect(sync.requests(SEARCH)).toBe(1);
  const profiles = await stored(sync);
  expect(profiles.map((profile) => profile.id)).toEqual(range(1, 40));
  for (const profile of profiles) expect(await isEqual(sync, profile)).toBe(true);
  expect(await owedIds(sync)).toEqual([]);
});

test('the columns of a profile say what its payload says', async () => {
  const { sync } = await syncProfiles(1);
  const [row] = await db().rows(
    `select integration_id = payload ->> 'integrationId' as name, closed_sessions::text = payload ->> 'closedSessions' as closed,
       total_sales::text = payload ->> 'totalSales' as sales,
       profile_created = (payload ->> 'created')::timestamptz as created,
       last_activity = (payload ->> 'lastActivity')::timestamptz as active, event_id is not null as called
     from talon_one_profile_snapshot where application_id = $1`,
    sync.applicationId,
  );
  expect(row).toEqual({ name: true, closed: true, sales: true, created: true, active: true, called: true });
});

test('fields of another type, or dates that do not exist, are NULL in the columns and whole in the payload', async () => {
  const odd =
    '{"id":1,"created":"2026-02-30T00:00:00Z","lastActivity":7,"closedSessions":"3","totalSales":1.10e30}';
  const { sync } = await syncProfiles(1, { prepare: ({ sim }) => sim.setProfilePayload(1, odd) });
  const [row] = await db().rows(
    `select found, profile_created, last_activity, closed_sessions, total_sales::text, integration_id,
       payload = $2::jsonb as is_whole from talon_one_profile_snapshot where application_id = $1`,
    sync.applicationId,
    odd,
  );
  expect(row).toEqual({
    found: true,
    profile_created: null,
    last_activity: null,
    closed_sessions: null,
    total_sales: '1100000000000000000000000000000',
    integration_id: null,
    is_whole: true,
  });
});

test.each(['400', '413'] as const)(
  'a search that is too large (%s) is halved until it passes, and the size is remembered',
  async (tooManyProfileIds) => {
    const { sync, leftover, again } = await syncProfiles(40, {
      switches: { maxProfileIds: 7, tooManyProfileIds },
    });
    expect(leftover).toBe('nothing');
    const profiles = await stored(sync);
    expect(profiles.map((profile) => profile.id)).toEqual(range(1, 40));
    expect(profiles.every((profile) => profile.found)).toBe(true);
    // 40, 20 and 10 are refused once each; then 8 searches of 5.
    expect(sync.requests(SEARCH)).toBe(11);
    const before = sync.requests(SEARCH);
    for (let id = 1; id <= 5; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
    await sync.events();
    expect(await again()).toBe('nothing');
    expect(sync.requests(SEARCH) - before).toBe(1);
  },
);

test('a search that takes the server too long is halved at once, and the size is remembered', async () => {
  const action = { type: 'status', status: 504 } as const;
  const { sync, leftover, again } = await syncProfiles(40, {
    batchSize: 20,
    prepare: ({ sim }) => sim.addFault({ path: SEARCHES, above: 10, times: Infinity, action }),
  });
  expect(leftover).toBe('nothing');
  expect((await stored(sync)).map((profile) => profile.id)).toEqual(range(1, 40));
  // 20 once, then four times 10.
  expect(sync.requests(SEARCH)).toBe(5);
  for (let id = 1; id <= 20; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  await sync.events();
  expect(await again()).toBe('nothing');
  expect(sync.requests(SEARCH)).toBe(7);
});

test('while no search is answered in time the size is not blamed, and everything stays owed', async () => {
  const { sync, leftover, again } = await syncProfiles(40);
  expect(leftover).toBe('nothing');
  for (let id = 1; id <= 40; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  await sync.events();
  const fault = sync.sim.addFault({
    path: SEARCHES,
    times: Infinity,
    action: { type: 'status', status: 504 },
  });
  await expect(again()).rejects.toMatchObject({ status: 504 });
  expect(await owedIds(sync)).toHaveLength(40);
  fault.remove();
  const before = sync.requests(SEARCH);
  expect(await again()).toBe('nothing');
  expect(sync.requests(SEARCH) - before).toBe(1);
});

test('a server that searches only the first IDs of a long list hides no profile', async () => {
  const { sync, leftover } = await syncProfiles(40, {
    switches: { maxProfileIds: 7, tooManyProfileIds: 'truncate', searchOrder: 'shuffled' },
  });
  expect(leftover).toBe('nothing');
  const profiles = await stored(sync);
  expect(profiles.map((profile) => profile.id)).toEqual(range(1, 40));
  expect(profiles.every((profile) => profile.found)).toBe(true);
  expect(sync.requests(SEARCH)).toBeLessThanOrEqual(8);
});

test('a server that puts fewer rows on a page than were asked for hides no profile', async () => {
  const { sync, leftover } = await syncProfiles(40, { switches: { silentPageLimit: 9 } });
  expect(leftover).toBe('nothing');
  expect((await stored(sync)).filter((profile) => profile.found)).toHaveLength(40);
});

test.each(['skip', '404'] as const)(
  'an ID that the API does not know (%s) is stored as not found and settled, the others as they are',
  async (unknownProfileIds) => {
    const { sync, leftover } = await syncProfiles(20, {
      switches: { unknownProfileIds },
      prepare: ({ sim }) => {
        sim.removeProfile(3);
        sim.removeProfile(17);
      },
    });
    expect(leftover).toBe('nothing');
    const profiles = await stored(sync);
    expect(profiles.map((profile) => profile.id)).toEqual(range(1, 20));
    const missing = profiles.filter((profile) => !profile.found);
    expect(missing).toEqual([
      { id: '3', found: false, payload: null },
      { id: '17', found: false, payload: null },
    ]);
    expect(await owedIds(sync)).toEqual([]);
  },
);

test.each(['skip', '404'] as const)(
  'when no ID is known (%s) all are stored as not found',
  async (unknownProfileIds) => {
    const { sync, leftover } = await syncProfiles(5, {
      switches: { unknownProfileIds },
      prepare: ({ sim }) => {
        for (let id = 1; id <= 5; id += 1) sim.removeProfile(id);
      },
    });
    expect(leftover).toBe('nothing');
    expect((await stored(sync)).map(({ id, found }) => [id, found])).toEqual(
      range(1, 5).map((id) => [id, false]),
    );
  },
);

test('truncated searches and unknown IDs together: nothing that is known counts as not found', async () => {
  const { sync, leftover } = await syncProfiles(150, {
    switches: { maxProfileIds: 60, tooManyProfileIds: 'truncate' },
    prepare: ({ sim }) => {
      for (let id = 1; id <= 70; id += 1) sim.removeProfile(id);
    },
  });
  expect(leftover).toBe('nothing');
  const profiles = await stored(sync);
  const idsOf = (found: boolean) => profiles.filter((one) => one.found === found).map((one) => one.id);
  expect(idsOf(false)).toEqual(range(1, 70));
  expect(idsOf(true)).toEqual(range(71, 150));
});

test('a profile that comes without its ID goes to the quarantine and is settled, the others are stored', async () => {
  const { sync, leftover } = await syncProfiles(6, {
    prepare: ({ sim }) => sim.setProfilePayload(4, '{"id":"four","integrationId":"x"}'),
  });
  expect(leftover).toBe('nothing');
  const profiles = await stored(sync);
  expect(profiles.map(({ id, found, payload }) => [id, found, payload !== null])).toEqual(
    range(1, 6).map((id) => [id, true, id !== '4']),
  );
  const reasons = await db().rows(
    `select reason, raw from talon_one_quarantine where application_id = $1 and kind = 'profile'`,
    sync.applicationId,
  );
  expect(reasons).toEqual([
    { reason: 'id: must be a whole number', raw: '{"id":"four","integrationId":"x"}' },
  ]);
});

/** A client of an API that answers 400 whenever a search names one of these IDs. */
function refusing(ids: readonly number[]): ManagementClient {
  return clientAnswering(({ body, template }) => {
    const asked = (JSON.parse(String(body)) as { profileIDs: number[] }).profileIDs;
    if (asked.some((id) => ids.includes(id)))
      throw new ApiError('400: no such profile', {
        failure: 'status',
        endpoint: `POST ${template}`,
        status: 400,
      });
    return asked.map((id) => `{"id":${id}}`);
  });
}

test('an ID that the API refuses goes to the quarantine while others are answered', async () => {
  const { sync } = await syncProfiles(0);
  for (let id = 1; id <= 20; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  const context = await sync.events();
  const { warehouse } = db();
  const profiles = new ProfileSync({ warehouse, client: refusing([7, 8]), batchSize: 1000 });
  expect(await profiles.run(context, () => false)).toBe('nothing');
  expect(await owedIds(sync)).toEqual([]);
  const rows = await stored(sync);
  expect(rows.filter(({ payload }) => payload === null).map(({ id }) => id)).toEqual(['7', '8']);
  expect(rows).toHaveLength(20);
  const reasons = await db().rows(
    'select reason, raw from talon_one_quarantine where application_id = $1 order by raw',
    sync.applicationId,
  );
  expect(reasons).toEqual([7, 8].map((id) => ({ reason: '400: no such profile', raw: `{"id":${id}}` })));
});

test.each([3, 20])('when the API refuses every one of %i IDs, none goes to the quarantine', async (count) => {
  const { sync } = await syncProfiles(0);
  for (let id = 1; id <= count; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  const context = await sync.events();
  const client = refusing(range(1, count).map(Number));
  const profiles = new ProfileSync({ warehouse: db().warehouse, client, batchSize: 1000 });
  await expect(profiles.run(context, () => false)).rejects.toMatchObject({ status: 400 });
  expect(await owedIds(sync)).toHaveLength(count);
  const refused = 'select count(*) from talon_one_quarantine where application_id = $1';
  expect(await db().value(refused, sync.applicationId)).toBe('0');
});

test('an empty answer that promises more declares no profile unknown', async () => {
  const { sync } = await syncProfiles(0);
  for (let id = 1; id <= 5; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  const context = await sync.events();
  sync.sim.addFault({ path: /customer_search/, times: Infinity, action: { type: 'emptyPage' } });
  const profiles = new ProfileSync({ warehouse: db().warehouse, client: sync.client, batchSize: 1000 });
  await expect(profiles.run(context, () => false)).rejects.toMatchObject({ failure: 'body' });
  expect(await owedIds(sync)).toHaveLength(5);
  sync.sim.clearFaults();
  expect(await profiles.run(context, () => false)).toBe('nothing');
  expect((await stored(sync)).map((profile) => profile.found)).toEqual(Array(5).fill(true));
});

test('profiles are fetched in batches, and when the time is up the rest stays owed', async () => {
  const { sync } = await syncProfiles(0);
  for (let id = 1; id <= 25; id += 1) sync.sim.addEvent(sync.number, { profileId: id });
  const context = await sync.events();
  const profiles = new ProfileSync({ warehouse: db().warehouse, client: sync.client, batchSize: 10 });
  expect(await profiles.run(context, () => sync.requests(SEARCH) >= 2)).toBe('time-up');
  expect(await stored(sync)).toHaveLength(20);
  expect(await owedIds(sync)).toHaveLength(5);
  expect(await profiles.run(context, () => false)).toBe('nothing');
  expect(await stored(sync)).toHaveLength(25);
});

test('a refused key ends the fetching and everything stays owed', async () => {
  const path = '/v1/applications/{applicationId}/customer_search';
  await expect(syncProfiles(3, { switches: { forbidden: { [path]: 403 } } })).rejects.toMatchObject({
    status: 403,
  });
});
