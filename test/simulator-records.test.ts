import { expect, test } from 'vitest';
import { ask, events, list } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';

const UNTIL = '2026-03-01T00:00:00Z';

test('the same seed gives the same texts, another seed others', async () => {
  const history = { events: 300, until: UNTIL };
  const texts = async (seed: number): Promise<string> => {
    const sim = await start({ seed, history });
    return (await events(sim)).text + (await list(sim, '/sessions')).text;
  };
  const [first, second, other] = [await texts(5), await texts(5), await texts(6)];
  expect(second).toBe(first);
  expect(other).not.toBe(first);
});

test('the history has as many events, sessions and profiles as were asked for, in the days before its end', async () => {
  const sim = await start({ history: { events: 2000, sessions: 500, profiles: 90, days: 3, until: UNTIL } });
  const digest = sim.issuedDigest(1);
  expect(digest).toMatchObject({ count: 2000, distinctSessions: 500, distinctProfiles: 90 });
  expect(digest.firstCreated?.slice(0, 10)).toBe('2026-02-26');
  expect(digest.lastCreated?.slice(0, 10)).toBe('2026-02-28');
  expect((await list(sim, '/sessions')).rows).toHaveLength(500);
  const application = JSON.parse((await ask(sim, '')).text) as { created: string };
  expect(application.created < (digest.firstCreated ?? '')).toBe(true);
});

test('events look like documented ones: types, effects, exact amounts, microseconds, missing ids', async () => {
  const sim = await start({ history: { events: 5000, until: UNTIL } });
  const parsed = [...sim.issuedEvents(1)].map((event) => ({
    text: event.text,
    value: JSON.parse(event.text),
  }));
  const types = new Set(parsed.map(({ value }) => value.type));
  expect(types.size).toBeGreaterThanOrEqual(14);
  const effects = parsed.flatMap(({ value }) => value.effects as { effectType: string }[]);
  expect(new Set(effects.map((effect) => effect.effectType)).size).toBe(36);
  expect(effects.length / parsed.length).toBeGreaterThan(2.1);
  expect(effects.length / parsed.length).toBeLessThan(2.5);
  const bytes = parsed.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / parsed.length;
  expect(bytes).toBeGreaterThan(1400);
  expect(bytes).toBeLessThan(1800);
  expect(parsed.some(({ text }) => /"value":\d+\.\d{16,}/.test(text))).toBe(true);
  expect(parsed.every(({ value }) => /\.\d{6}Z$/.test(value.created))).toBe(true);
  expect(parsed.some(({ value }) => value.sessionId === 0)).toBe(true);
  expect(parsed.some(({ value }) => value.sessionId === undefined)).toBe(true);
  expect(parsed.some(({ value }) => value.profileId === undefined)).toBe(true);
  expect(parsed.every(({ value }) => value.sessionId !== null)).toBe(true);
});

test('missing ids and trailing zeros of timestamps take the form that was asked for', async () => {
  const sim = await start({
    missingIds: 'null',
    timestampDigits: 'trimmed',
    history: { events: 500, until: UNTIL },
  });
  const texts = [...sim.issuedEvents(1)].map((event) => event.text);
  expect(texts.some((text) => text.includes('"sessionId":null'))).toBe(true);
  expect(texts.some((text) => /"created":"[^"]*0Z"/.test(text.replace(/:\d0Z/g, '')))).toBe(false);
  expect(texts.some((text) => /"created":"[^"]*\.\d{1,5}Z"/.test(text))).toBe(true);
});

test('emitted events continue the history, each a microsecond after the one before at least', async () => {
  const sim = await start({ history: { events: 50 } });
  const ids = sim.emit(1, 200);
  const page = await events(sim);
  expect(page.ids.slice(50)).toEqual(ids);
  const times = page.rows.map((row) => String(row.created));
  expect(times.slice(50).every((time, index) => time > (times[49 + index] ?? ''))).toBe(true);
  expect(sim.issuedCount(1)).toBe(250);
});

test('a tie is many events in one microsecond', async () => {
  const sim = await start({ history: { events: 0 } });
  sim.addTie(1, 2500, '2026-01-01T00:00:00.000001Z');
  const page = await events(sim, { skip: 2000 });
  expect(page.rows).toHaveLength(500);
  expect(new Set(page.rows.map((row) => row.created))).toEqual(new Set(['2026-01-01T00:00:00.000001Z']));
});

test('what a test wrote is served byte for byte', async () => {
  const sim = await start({ history: { events: 0 } });
  const payloads = [
    '{"id":1, "created":"2026-01-01T00:00:00.000001Z","big":9007199254740993,"long":0.1234567890123456789012345678901234567890,"huge":1E400,"zero":-0,"a":1,"a":2}',
    '{"id":2,"created":"2026-01-01T00:00:00.000002Z","nul":"\\u0000","lone":"\\ud800","\\u0000":1}',
    `{"id":3,"created":"2026-01-01T00:00:00.000003Z","deep":${'['.repeat(500)}${']'.repeat(500)}}`,
    '{"id":4,"created":"2026-01-01T00:00:00.000004Z","raw":"\u0001\u0000\n"}',
  ];
  for (const [index, payload] of payloads.entries()) {
    sim.addEvent(1, { payload, id: index + 1, created: `2026-01-01T00:00:00.00000${index + 1}Z` });
  }
  const answer = await ask(sim, '/events/no_total?sort=created');
  expect(answer.text).toBe(`{"hasMore":false,"data":[${payloads.join(',')}]}`);
  expect(sim.eventText(1, 2)).toBe(payloads[1]);
});

test('what a payload says is believed unless it is said otherwise', async () => {
  const sim = await start({ history: { events: 0 } });
  const payload =
    '{"id":77,"created":"2026-01-05T00:00:00Z","sessionId":5,"profileId":0,"type":"talon_session_closed"}';
  expect(sim.addEvent(1, { payload })).toBe('77');
  sim.addEvent(1, {
    payload: '{"broken',
    id: null,
    created: '2026-01-06T00:00:00Z',
    profileId: '9007199254740993',
  });
  const [first, second] = [...sim.issuedEvents(1)];
  expect(first).toMatchObject({
    id: '77',
    created: '2026-01-05T00:00:00.000000Z',
    sessionId: '5',
    profileId: null,
  });
  expect(second).toMatchObject({
    id: null,
    created: '2026-01-06T00:00:00.000000Z',
    profileId: '9007199254740993',
  });
  expect(JSON.parse((await ask(sim, '/sessions/5')).text)).toMatchObject({ id: 5, state: 'closed' });
  const found = await ask(sim, '/customer_search', { body: '{"profileIDs":[9007199254740993]}' });
  expect(found.text).toContain('"id":9007199254740993,');
});

test('a large event is served whole', async () => {
  const sim = await start({ history: { events: 3 } });
  const payload = `{"id":1,"created":"${sim.now()}","text":"${'é'.repeat(5_000_000)}"}`;
  sim.addEvent(1, { payload, id: 1 });
  expect((await events(sim)).text).toContain(payload);
});

test('a session shows its newest visible event', async () => {
  const sim = await start({ history: { events: 0 } });
  const session = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await ask(sim, '/sessions/500')).text);
  const happen = (type: string): string => sim.addEvent(1, { type, sessionId: 500, profileId: 900 });
  happen('talon_session_created');
  const created = await session();
  expect(created).toMatchObject({ state: 'open', profileId: 900, attributes: { updateCount: 1 } });
  happen('talon_session_updated');
  happen('talon_session_updated');
  const id = happen('talon_session_closed');
  const closed = await session();
  expect(closed).toMatchObject({ state: 'closed', attributes: { updateCount: 4, lastEventId: Number(id) } });
  expect(closed.total).not.toBe(created.total);
  happen('talon_session_reopened');
  expect(await session()).toMatchObject({ state: 'open' });
});

test('a profile counts what its visible events sold', async () => {
  const sim = await start({ history: { events: 0 } });
  const profile = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await ask(sim, '/customers/900')).text);
  sim.addEvent(1, { type: 'talon_session_created', sessionId: 500, profileId: 900 });
  expect(await profile()).toMatchObject({ closedSessions: 0, totalSales: 0, attributes: { eventCount: 1 } });
  sim.addEvent(1, {
    type: 'talon_session_closed',
    sessionId: 500,
    profileId: 900,
    created: '2030-01-01T00:00:00Z',
  });
  const sold = await profile();
  const { total } = JSON.parse((await ask(sim, '/sessions/500')).text) as { total: number };
  expect(sold).toMatchObject({
    closedSessions: 1,
    totalSales: total,
    lastActivity: '2030-01-01T00:00:00.000000Z',
  });
  sim.addEvent(1, {
    type: 'talon_session_revoked',
    sessionId: 500,
    profileId: 900,
    created: '2030-01-02T00:00:00Z',
  });
  expect(await profile()).toMatchObject({ closedSessions: 0, totalSales: 0 });
});

test('a late event is neither listed nor reflected until its time has come, and an old state never wins', async () => {
  const sim = await start({ history: { events: 0 } });
  const owners = { sessionId: 5, profileId: 6 };
  sim.addEvent(1, { type: 'talon_session_closed', ...owners, created: '2026-01-01T00:00:02Z' });
  const late = {
    type: 'talon_session_reopened',
    ...owners,
    created: '2026-01-01T00:00:01Z',
    visibleInMs: 3_600_000,
  };
  const id = sim.addEvent(1, late);
  expect((await events(sim)).ids).not.toContain(id);
  expect(sim.issuedCount(1)).toBe(1);
  sim.set({ clockOffsetMs: 3_600_001 });
  expect((await events(sim)).ids).toContain(id);
  expect(JSON.parse(sim.sessionText(1, 5) ?? '')).toMatchObject({
    state: 'closed',
    attributes: { updateCount: 2 },
  });
  expect(JSON.parse(sim.profileText(6) ?? '')).toMatchObject({
    lastActivity: '2026-01-01T00:00:02.000000Z',
    attributes: { eventCount: 2 },
  });
  const [, issued] = [...sim.issuedEvents(1)];
  expect((issued?.visibleAt ?? '') > (issued?.created ?? '')).toBe(true);
});

test('the switches lateShare and lateMs delay emitted events', async () => {
  const sim = await start({ history: { events: 0 }, switches: { lateShare: 1, lateMs: 3_600_000 } });
  sim.emit(1, 100);
  expect(sim.issuedCount(1)).toBeLessThan(20);
  expect((await events(sim)).rows.length).toBeLessThan(20);
});

test('given payloads and removals of sessions and profiles win over what happened', async () => {
  const sim = await start({ history: { events: 0 } });
  sim.addEvent(1, { type: 'talon_session_created', sessionId: 5, profileId: 6 });
  sim.setSessionPayload(1, 5, '{"id":5,"exact":1.10}');
  sim.setSessionPayload(1, 50, '{"id":50}');
  sim.setProfilePayload(6, '{"id":6,"exact":1E400}');
  expect((await ask(sim, '/sessions/5')).text).toBe('{"id":5,"exact":1.10}');
  expect((await list(sim, '/sessions')).ids).toEqual(['5', '50']);
  expect((await ask(sim, '/customer_search', { body: { profileIDs: [6] } })).text).toContain(
    '{"id":6,"exact":1E400}',
  );
  sim.removeSession(1, 5);
  sim.removeProfile(6);
  sim.addEvent(1, { type: 'talon_session_updated', sessionId: 5, profileId: 6 });
  expect((await ask(sim, '/sessions/5')).status).toBe(404);
  expect((await list(sim, '/sessions')).ids).toEqual(['50']);
  expect((await list(sim, '/customer_search', { body: { profileIDs: [6] } })).rows).toEqual([]);
  expect((await ask(sim, '/customers/6')).status).toBe(404);
});

test('a removed event is gone from lists and still known as issued', async () => {
  const sim = await start({ history: { events: 10 } });
  const [id = ''] = sim.emit(1, 1);
  expect(sim.removeEvent(1, id)).toBe(true);
  expect(sim.removeEvent(1, id)).toBe(false);
  expect((await events(sim)).ids).not.toContain(id);
  expect([...sim.issuedEvents(1)].filter((event) => event.isRemoved).map((event) => event.id)).toEqual([id]);
});

test('live Applications share profiles, sandbox ones have their own', async () => {
  const applications = [{ id: 3 }, { id: 8 }, { id: 9, sandbox: true, name: 'Try' }];
  const sim = await start({ applications, history: { events: 60 } });
  const first = async (id: number): Promise<string[]> =>
    (await list(sim, `/v1/applications/${id}/customer_search?pageSize=1`, { body: {} })).ids;
  expect(await first(3)).toEqual(await first(8));
  expect(await first(3)).not.toEqual(await first(9));
  const listed = await list(sim, '/v1/applications');
  expect(listed.rows.map(({ id, sandbox, name }) => [id, sandbox, name])).toEqual([
    [3, false, 'Application 3'],
    [8, false, 'Application 8'],
    [9, true, 'Try'],
  ]);
  const [three = '', eight = ''] = [...sim.issuedEvents(3), ...sim.issuedEvents(8)].map(
    (event) => event.id ?? '',
  );
  expect(three).not.toBe(eight);
});

test('the digest can be computed from a table, and sees every id', async () => {
  const sim = await start({ history: { events: 0 } });
  sim.addEvents(1, [{ id: 10 }, { id: 9 }, { id: '10000000000000000001' }]);
  // md5 of 9,10,10000000000000000001
  expect(sim.issuedDigest(1)).toMatchObject({ count: 3, idsMd5: '37fdec8a2ad4d2926af8f93748a8172f' });
});

test('the recipe costs a page per thousand events and a request for each profile and session of a cycle', async () => {
  const sim = await start({ history: { events: 0 } });
  for (let index = 0; index < 1001; index += 1) {
    sim.addEvent(1, {
      sessionId: 1 + (index % 10),
      profileId: 1 + (index % 4),
      created: '2026-01-01T00:00:00Z',
    });
  }
  const cost = sim.recipeCost(1, 3600);
  expect(cost).toMatchObject({ profiles: 4, sessions: 10, cycles: 2 });
  // The empty history is a cycle too.
  expect(cost.pages).toBe(1 + 2);
  expect(cost.total).toBe(cost.pages + 14);
});

test('background traffic comes at the given pace', async () => {
  const sim = await start({ history: { events: 0 }, applications: 2, eventsPerSecond: 400 });
  await expect.poll(() => sim.issuedCount(1), { timeout: 5000 }).toBeGreaterThan(20);
  expect(Math.abs(sim.issuedCount(1) - sim.issuedCount(2))).toBeLessThanOrEqual(1);
});
