import { expect, test } from 'vitest';
import { ask, list } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';
import { SESSION_CSV_HEADER } from './simulator/session-csv.js';
import type { Simulator } from './simulator/simulator-handle.js';

interface Session {
  id: number;
  integrationId: string;
  created: string;
  state: string;
  coupon: string;
  totalDiscounts: number;
  profileintegrationid?: string;
}

async function sessions(sim: Simulator, query = ''): Promise<Session[]> {
  return (await list(sim, `/sessions${query}`)).rows as unknown as Session[];
}

test('lists of sessions know no totalDiscounts, single answers do', async () => {
  const sim = await start({ history: { events: 300 } });
  const all = await sessions(sim);
  expect(all.every((session) => session.totalDiscounts === 0)).toBe(true);
  const single = await Promise.all(all.slice(0, 20).map((session) => ask(sim, `/sessions/${session.id}`)));
  const truths = single.map((answer) => (JSON.parse(answer.text) as Session).totalDiscounts);
  expect(truths.some((value) => value > 0)).toBe(true);
  const one = await sessions(sim, `?integrationId=${all[0]?.integrationId}`);
  expect(one.map((session) => session.totalDiscounts)).toEqual([truths[0]]);
  sim.set({ listTotalDiscounts: 'true' });
  expect((await sessions(sim)).some((session) => session.totalDiscounts > 0)).toBe(true);
});

test('sessions are filtered by creation, state and texts', async () => {
  const sim = await start({ history: { events: 400 } });
  const all = await sessions(sim, '?sort=created');
  const middle = all[60] as Session;
  const after = await sessions(sim, `?sort=created&createdAfter=${encodeURIComponent(middle.created)}`);
  expect(after[0]?.id).toBe(all[61]?.id);
  expect(after).toHaveLength(all.length - 61);
  const closed = await sessions(sim, '?state=closed');
  expect(closed.length).toBe(all.filter((session) => session.state === 'closed').length);
  const named = all.find((session) => session.profileintegrationid?.startsWith('cust-')) as Session;
  const ofProfile = await sessions(sim, `?profile=${named.profileintegrationid}`);
  expect(ofProfile.every((session) => session.profileintegrationid === named.profileintegrationid)).toBe(
    true,
  );
  const part = named.integrationId.slice(0, 8);
  expect(await sessions(sim, `?integrationId=${part}`)).toEqual([]);
  expect(
    (await sessions(sim, `?integrationId=${part.toUpperCase()}&partialMatch=true`)).length,
  ).toBeGreaterThan(0);
  expect((await ask(sim, '/sessions?partialMatch=true&coupon=abc&referral=abc')).status).toBe(400);
});

test('sessions come in pages, in the order asked for', async () => {
  const sim = await start({ history: { events: 300, sessions: 100 } });
  const down = await list(sim, '/sessions?sort=-created&pageSize=30&skip=90');
  expect(down).toMatchObject({ hasMore: false, ids: { length: 10 } });
  const up = await list(sim, '/sessions?sort=created&pageSize=10');
  expect(down.ids.reverse()).toEqual(up.ids);
  expect(up.hasMore).toBe(true);
});

test('a search for profiles finds them by ids, names and attributes, and pages', async () => {
  const sim = await start({ history: { events: 300 } });
  const all = (await list(sim, '/customer_search', { body: {} })).rows;
  const [first, second] = all as { id: number; integrationId: string; attributes: { Email: string } }[];
  const search = async (body: object): Promise<string[]> =>
    (await list(sim, '/customer_search', { body })).ids;
  expect(await search({ profileIDs: [second?.id, first?.id, second?.id, 5] })).toEqual([
    `${first?.id}`,
    `${second?.id}`,
  ]);
  expect(await search({ integrationIDs: [second?.integrationId, 'nobody'] })).toEqual([`${second?.id}`]);
  expect(await search({ attributes: { Email: first?.attributes.Email } })).toEqual([`${first?.id}`]);
  expect(await search({ profileIDs: [first?.id], integrationIDs: [second?.integrationId] })).toEqual([]);
  expect(await search({ profileIDs: [] })).toEqual([]);
  const page = await list(sim, '/customer_search?pageSize=10&skip=30', { body: {} });
  expect(page).toMatchObject({ hasMore: all.length > 40, totalResultSize: undefined });
  const counted = await list(sim, '/customer_search?pageSize=1&withTotalResultSize=true', { body: {} });
  expect(counted).toMatchObject({ hasMore: undefined, totalResultSize: all.length });
});

test('too many profileIDs are refused with 400 or 413, or searched in part', async () => {
  const sim = await start({ history: { events: 300 }, switches: { maxProfileIds: 3 } });
  const body = { profileIDs: [10001, 10002, 10003, 10004] };
  expect((await ask(sim, '/customer_search', { body })).status).toBe(400);
  sim.set({ tooManyProfileIds: '413' });
  expect((await ask(sim, '/customer_search', { body })).status).toBe(413);
  sim.set({ tooManyProfileIds: 'truncate' });
  expect((await list(sim, '/customer_search', { body })).ids).toEqual(['10001', '10002', '10003']);
  sim.set({ maxProfileIds: 0 });
  expect((await list(sim, '/customer_search', { body })).ids).toHaveLength(4);
});

test('a search with an unknown id can fail as a whole, and its order can differ', async () => {
  const sim = await start({ history: { events: 300 } });
  const body = { profileIDs: [10003, 10001, 10002] };
  sim.set({ searchOrder: 'requested' });
  expect((await list(sim, '/customer_search', { body })).ids).toEqual(['10003', '10001', '10002']);
  sim.set({ searchOrder: 'shuffled', unknownProfileIds: '404' });
  expect((await list(sim, '/customer_search', { body })).ids.sort()).toEqual(['10001', '10002', '10003']);
  expect((await ask(sim, '/customer_search', { body: { profileIDs: [10001, 3] } })).status).toBe(404);
});

test('the export has the documented columns, whole seconds and quoted JSON', async () => {
  const sim = await start({ history: { events: 100 } });
  const answer = await ask(sim, '/export_customer_sessions?dateFormat=ISO8601');
  expect(answer.headers.get('content-type')).toBe('application/csv');
  const [header, ...rows] = answer.text.trimEnd().split('\n');
  expect(header).toBe(SESSION_CSV_HEADER);
  const all = await sessions(sim);
  expect(rows).toHaveLength(all.length);
  expect(
    rows.every((row) =>
      /,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ,(open|closed|cancelled|partially_returned),/.test(row),
    ),
  ).toBe(true);
  expect(rows.some((row) => row.includes(',0001-01-01T00:00:00Z,0001-01-01T00:00:00Z,'))).toBe(true);
  const columns = splitCsv(rows[0] ?? '');
  expect(columns).toHaveLength(SESSION_CSV_HEADER.split(',').length);
  expect(JSON.parse(columns[8] ?? '')).toEqual((await list(sim, '/sessions')).rows[0]?.cartItems);
});

test('the export filters by update, profile and state, and knows two date formats', async () => {
  const sim = await start({ history: { events: 0 } });
  sim.addEvent(1, {
    type: 'talon_session_created',
    sessionId: 5,
    profileId: 7,
    created: '2026-01-01T00:00:00Z',
  });
  sim.addEvent(1, {
    type: 'talon_session_closed',
    sessionId: 5,
    profileId: 7,
    created: '2026-01-03T00:00:00.9Z',
  });
  sim.addEvent(1, {
    type: 'talon_session_created',
    sessionId: 6,
    profileId: 8,
    created: '2026-01-02T00:00:00Z',
  });
  const exported = async (query: string): Promise<string[]> => {
    const [, ...rows] = (await ask(sim, `/export_customer_sessions?${query}`)).text.trimEnd().split('\n');
    return rows.map((row) => row.split(',')[0] ?? '');
  };
  expect(await exported('updatedAfter=2026-01-02T12:00:00Z')).toEqual(['5']);
  expect(await exported('updatedBefore=2026-01-02T12:00:00Z')).toEqual(['6']);
  expect(await exported('createdAfter=2026-01-01T12:00:00Z')).toEqual(['6']);
  expect(await exported('customerSessionState=closed')).toEqual(['5']);
  const { integrationId } = JSON.parse((await ask(sim, '/customers/8')).text) as { integrationId: string };
  expect(await exported(`profileIntegrationId=${encodeURIComponent(integrationId)}`)).toEqual(['6']);
  expect((await ask(sim, '/export_customer_sessions?dateFormat=excel')).text).toContain(
    ',2026-01-03 00:00:00,',
  );
  sim.set({ exportDateFormat: 'excel' });
  expect((await ask(sim, '/export_customer_sessions')).text).toContain(',2026-01-03 00:00:00,');
  sim.set({ exportUpdatedFilter: 'ignored' });
  expect(await exported('updatedAfter=2026-01-02T12:00:00Z')).toEqual(['5', '6']);
  sim.set({ exportUpdatedFilter: 'refused' });
  expect((await ask(sim, '/export_customer_sessions?updatedAfter=2026-01-02T12:00:00Z')).status).toBe(400);
});

function splitCsv(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}
