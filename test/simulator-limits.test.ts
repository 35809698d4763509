import { expect, test } from 'vitest';
import { ask } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { SlidingWindow } from './simulator/sliding-window.js';

const EVENTS = '/events/no_total?pageSize=1';
const EVENTS_TEMPLATE = 'GET /v1/applications/{applicationId}/events/no_total';

async function statuses(sim: Simulator, paths: readonly string[]): Promise<number[]> {
  const answers = [];
  for (const path of paths) answers.push((await ask(sim, path)).status);
  return answers;
}

test('the fourth request in a second to one endpoint gets 429, other endpoints do not', async () => {
  const sim = await start({ history: { events: 5 }, switches: { requestsPerSecond: 3 } });
  expect(await statuses(sim, [EVENTS, EVENTS, EVENTS, EVENTS, '/sessions'])).toEqual([
    200, 200, 200, 429, 200,
  ]);
  expect(sim.tooManyRequests).toBe(1);
  expect(sim.maxInAnySecond()).toMatchObject({ key: 5, templates: { [EVENTS_TEMPLATE]: 4 } });
  expect(sim.requestCounts()[EVENTS_TEMPLATE]).toEqual({ total: 4, byStatus: { 200: 3, 429: 1 } });
  sim.resetStatistics();
  expect((await ask(sim, EVENTS)).status).toBe(200);
  expect(sim.maxInAnySecond().key).toBe(1);
});

test('the limit can be one budget for the whole key', async () => {
  const sim = await start({
    history: { events: 5 },
    switches: { requestsPerSecond: 2, rateLimitScope: 'key' },
  });
  expect(await statuses(sim, [EVENTS, '/sessions', '', EVENTS])).toEqual([200, 200, 429, 429]);
});

test.each([
  ['seconds', /^1$/],
  ['date', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/],
  ['absurd', /^86400$/],
] as const)('a 429 can say when to come back as %s', async (form, pattern) => {
  const sim = await start({ history: { events: 0 }, switches: { requestsPerSecond: 1, retryAfter: form } });
  await ask(sim, EVENTS);
  expect((await ask(sim, EVENTS)).headers.get('retry-after')).toMatch(pattern);
});

test('a 429 can say nothing', async () => {
  const sim = await start({ history: { events: 0 }, switches: { requestsPerSecond: 1, retryAfter: 'none' } });
  await ask(sim, EVENTS);
  const answer = await ask(sim, EVENTS);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, null]);
});

test('two moments exactly a second apart do not meet in one window', () => {
  const window = new SlidingWindow();
  for (const at of [0, 400, 999, 1000, 1399.9]) window.add(at);
  expect(window.peak).toBe(4);
  expect(window.count(1400)).toBe(3);
  expect(window.freeAt(1400)).toBe(1999);
  expect(window.count(5000)).toBe(0);
});

test('unknown paths and wrong keys use up nothing of the limit', async () => {
  const sim = await start({ history: { events: 0 }, switches: { requestsPerSecond: 1 } });
  for (let index = 0; index < 3; index += 1) {
    await fetch(`${sim.url}/v1/applications/1/events/no_total`);
    await ask(sim, '/v1/elsewhere');
  }
  expect((await ask(sim, EVENTS)).status).toBe(200);
});

test('the Date header can be moved, absent, or moved together with the whole clock', async () => {
  const sim = await start({ history: { events: 0 } });
  const offset = async (): Promise<number> => {
    const date = (await ask(sim, '')).headers.get('date');
    // Adding nothing makes a plain zero of minus zero.
    return date === null ? Number.NaN : Math.round((Date.parse(date) - Date.now()) / 60_000) + 0;
  };
  expect(await offset()).toBe(0);
  sim.set({ dateHeaderOffsetMs: 600_000 });
  expect(await offset()).toBe(10);
  sim.set({ clockOffsetMs: -3_600_000 });
  expect(await offset()).toBe(-50);
  const [id = ''] = sim.emit(1, 1);
  expect(Date.parse(JSON.parse(sim.eventText(1, id) ?? '').created)).toBeLessThan(Date.now() - 3_500_000);
  sim.set({ dateHeader: 'absent' });
  expect(await offset()).toBeNaN();
});

test('a way to the server delays the moment at which a request counts, a way back does not', async () => {
  const sim = await start({ history: { events: 0 }, switches: { requestDelayMs: 40, responseJitterMs: 5 } });
  const before = performance.now();
  const arrived = sim.waitForRequest(() => true).then(() => performance.now());
  await ask(sim, EVENTS);
  expect((await arrived) - before).toBeGreaterThanOrEqual(39);
  sim.set({ requestDelayMs: 0, responseDelayMs: 40 });
  const start2 = performance.now();
  await ask(sim, EVENTS);
  expect(performance.now() - start2).toBeGreaterThanOrEqual(39);
});

test('answers can be compressed', async () => {
  const sim = await start({ history: { events: 20 }, switches: { gzip: true } });
  const answer = await ask(sim, EVENTS);
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  expect(JSON.parse(answer.text)).toMatchObject({ hasMore: true });
});

test('requests are logged with what a test asks for, and the log stays bounded', async () => {
  const sim = await start({ history: { events: 5 }, requestLogSize: 20 });
  await ask(sim, '/customer_search?pageSize=7', { body: { profileIDs: [10001] } });
  expect(sim.requests.at(-1)).toMatchObject({
    method: 'POST',
    path: '/v1/applications/1/customer_search',
    template: '/v1/applications/{applicationId}/customer_search',
    query: 'pageSize=7',
    applicationId: 1,
    isAuthorised: true,
    contentType: 'application/json',
    body: '{"profileIDs":[10001]}',
    status: 200,
  });
  for (let index = 0; index < 60; index += 1) await ask(sim, EVENTS);
  expect(sim.requests.length).toBeLessThanOrEqual(40);
  expect(sim.requestCounts()[EVENTS_TEMPLATE]?.total).toBe(60);
});

test('a test can wait for a request, and gets a clear error when it does not come', async () => {
  const sim = await start({ history: { events: 5 } });
  const limited = sim.waitForRequest((request) => request.status === 404);
  await ask(sim, EVENTS);
  await ask(sim, '/sessions/7');
  expect((await limited).path).toBe('/v1/applications/1/sessions/7');
  const past = await sim.waitForRequest((request) => request.path.endsWith('no_total'), {
    includePast: true,
  });
  expect(past.number).toBe(1);
  await expect(sim.waitForRequest(() => false, { timeoutMs: 20 })).rejects.toThrow(
    'No such request within 20 ms',
  );
});

test('a held answer is computed, kept back and released', async () => {
  const sim = await start({ history: { events: 5 } });
  const hold = sim.holdNext((request) => request.path.endsWith('no_total'));
  let answered = false;
  const answer = ask(sim, '/events/no_total').then((value) => {
    answered = true;
    return value;
  });
  expect((await hold.held).path).toBe('/v1/applications/1/events/no_total');
  expect((await ask(sim, '/sessions')).status).toBe(200);
  sim.emit(1, 1);
  expect(answered).toBe(false);
  hold.release();
  expect(JSON.parse((await answer).text).data).toHaveLength(5);
  expect(JSON.parse((await ask(sim, '/events/no_total')).text).data).toHaveLength(6);
});

test('the end releases what is held and cuts connections', async () => {
  const sim = await start({ history: { events: 5 } });
  const hold = sim.holdNext();
  const answer = ask(sim, '').catch((error: unknown) => error);
  await hold.held;
  await sim.stop();
  expect(await answer).toBeInstanceOf(Error);
});
