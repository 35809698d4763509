import { describe, expect, test } from 'vitest';
import { forgetProfile } from '../src/warehouse/forget.js';
import {
  change,
  changeSession,
  copied,
  goOn,
  idOf,
  isSearch,
  makeDue,
  NAME,
  profileRows,
  SEARCH,
  sessionRows,
  walk,
} from './support/refreshing.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

test('profiles that did not change are read again with one request for a thousand, and leave no row', async () => {
  const sync = await copied(db(), 40);
  const before = await profileRows(sync);
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 40, changed: 0, gone: 0, failed: [] });
  expect(await profileRows(sync)).toEqual(before);
  expect(sync.requests(/./)).toBe(1);
  expect(sync.requests(SEARCH)).toBe(1);
});

test('a change without an event becomes one snapshot without event_id, digit for digit, and the next round none', async () => {
  const sync = await copied(db(), 20);
  const before = await profileRows(sync);
  const text = change(sync, 7, NAME, '"Name":"Imported","points":1.10,"big":12345678901234567890.100');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 1 });
  const added = (await profileRows(sync)).slice(before.length);
  expect(added).toMatchObject([{ id: String(idOf(sync, 7)), found: true, event_id: null }]);
  expect(added[0]?.payload).toContain('12345678901234567890.100');
  expect(added[0]?.payload).toContain('1.10');
  expect(JSON.parse(added[0]?.payload ?? '')).toEqual(JSON.parse(text));
  expect(
    await db().value(
      `select payload #>> '{attributes,Name}' from talon_one_profile where profile_id = $1`,
      idOf(sync, 7),
    ),
  ).toBe('Imported');
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 20, changed: 0 });

  // Another number of digits is another text; another order of audiences is not.
  change(sync, 7, /"points":1\.10/, '"points":1.100');
  change(sync, 8, /"audienceMemberships":\[[^\]]*\]/, '"audienceMemberships":[{"id":2},{"id":1}]');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 2 });
  change(sync, 8, /"audienceMemberships":\[[^\]]*\]/, '"audienceMemberships":[{"id":1},{"id":2}]');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0 });
});

test('a profile that the API does not know any more becomes one snapshot, not one in every round; it may come back', async () => {
  const sync = await copied(db(), 60);
  const before = await profileRows(sync);
  const id = String(idOf(sync, 9));
  sync.sim.removeProfile(id);
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 1, failed: [] });
  const gone = { id, found: false, payload: null, event_id: null };
  expect((await profileRows(sync)).slice(before.length)).toEqual([gone]);
  sync.sim.resetStatistics();
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 0 });
  // One for those that are there, one for those that are not: nothing is proved again.
  expect(sync.requests(SEARCH)).toBe(2);
  sync.sim.set({ unknownProfileIds: '404' });
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 0, failed: [] });
  expect(await profileRows(sync)).toHaveLength(before.length + 1);

  const other = await copied(db(), 1);
  await db().rows(
    `update talon_one_profile_snapshot set found = false, payload = null where application_id = $1`,
    other.applicationId,
  );
  expect(await walk(other, 'profiles')).toMatchObject({ changed: 1, gone: 0 });
});

describe('beside a cycle', () => {
  test('an answer that is older than the newest snapshot is not stored on top of it', async () => {
    const sync = await copied(db(), 3);
    const hold = sync.sim.holdNext(isSearch);
    change(sync, 2, NAME, '"Name":"Earlier"');
    await makeDue(sync, 'profiles');
    const walking = goOn(sync, 'profiles');
    await hold.held;
    change(sync, 2, /"Earlier"/, '"Later"');
    sync.sim.addEvent(sync.number, { profileId: idOf(sync, 2) });
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    hold.release();
    expect(await walking).toMatchObject({ refreshed: 3, changed: 0 });
    const payloads = (await profileRows(sync)).map(({ payload }) => payload ?? '');
    expect(payloads.some((payload) => payload.includes('Earlier'))).toBe(false);
    expect(payloads.at(-1)).toContain('Later');
  });

  test('what is owed is left to the cycle, and stays owed; complete_through does not move', async () => {
    const sync = await copied(db(), 3);
    sync.sim.addEvent(sync.number, { profileId: idOf(sync, 2), sessionId: idOf(sync, 2) });
    await sync.events();
    change(sync, 2, NAME, '"Name":"Imported"');
    changeSession(sync, 2, /"coupon":"[^"]*"/, '"coupon":"NEW"');
    sync.sim.removeProfile(idOf(sync, 3));
    const owed = () =>
      db().rows('select * from talon_one_owed_snapshot where application_id = $1', sync.applicationId);
    const cursor = () =>
      db().rows(
        'select complete_through, last_sync, read_until, fence from talon_one_sync_cursor where application_id = $1',
        sync.applicationId,
      );
    const [owedBefore, cursorBefore] = [await owed(), await cursor()];
    expect(owedBefore).toHaveLength(2);
    expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 3, changed: 0, gone: 1 });
    expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 3, changed: 0 });
    expect(await owed()).toEqual(owedBefore);
    expect(await cursor()).toEqual(cursorBefore);
  });
});

test('a forgotten customer stays forgotten, is not asked for, and makes no rows', async () => {
  const sync = await copied(db(), 6);
  // Other simulators have customers with the same integration IDs.
  const integrationId = 'nobody-else';
  change(sync, 4, /"integrationId":"[^"]*"/, `"integrationId":"${integrationId}"`);
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 1 });
  // Asked for before, answered after: the answer is full, what is stored is blank.
  const hold = sync.sim.holdNext(isSearch);
  await makeDue(sync, 'profiles');
  const walking = goOn(sync, 'profiles');
  await hold.held;
  await forgetProfile(db().warehouse, integrationId);
  const before = await profileRows(sync);
  const sessionsBefore = await sessionRows(sync);
  hold.release();
  expect(await walking).toMatchObject({ refreshed: 6, changed: 0 });
  change(sync, 4, NAME, '"Name":"Somebody"');
  changeSession(sync, 4, /"coupon":"[^"]*"/, '"coupon":"NEW"');
  expect(await walk(sync, 'profiles')).toMatchObject({ refreshed: 5, changed: 0, gone: 0 });
  expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 5, changed: 0, gone: 0 });
  expect(await profileRows(sync)).toEqual(before);
  expect(await sessionRows(sync)).toEqual(sessionsBefore);
});

test('a record that cannot be stored goes to the quarantine, and the walk goes on', async () => {
  const sync = await copied(db(), 5);
  const before = await profileRows(sync);
  sync.sim.setProfilePayload(idOf(sync, 2), '{"id":"four","integrationId":"x"}');
  const tooDeep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  change(sync, 3, NAME, `"Name":${tooDeep}`);
  change(sync, 4, NAME, '"Name":"with \\\\u0000"');
  const walked = await walk(sync, 'profiles');
  expect(walked).toMatchObject({ refreshed: 5, changed: 1, failed: [] });
  expect(walked.recorded.lines).toContainEqual(
    expect.objectContaining({ msg: 'records put into quarantine', quarantined: 2 }),
  );
  expect((await profileRows(sync)).slice(before.length)).toMatchObject([{ id: String(idOf(sync, 4)) }]);
  expect(
    await db().value(
      `select count(*) from talon_one_quarantine where kind = 'profile' and application_id = $1`,
      sync.applicationId,
    ),
  ).toBe('2');
  expect(await walk(sync, 'profiles')).toMatchObject({ changed: 0, gone: 0, failed: [] });
});
