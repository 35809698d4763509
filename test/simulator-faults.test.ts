import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { ask, events, list } from './simulator/api-client.js';
import type { FaultAction } from './simulator/fault-rules.js';
import { startForTest as start } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';

const EVENTS = '/v1/applications/{applicationId}/events/no_total';

async function withFault(action: FaultAction): Promise<Simulator> {
  const sim = await start({ history: { events: 40 } });
  sim.addFault({ path: EVENTS, action });
  return sim;
}

interface RawAnswer {
  headers: Record<string, unknown>;
  bytes: number;
  text: string;
  /** How it ended: properly, by an error, or not within the given time. */
  end: 'complete' | 'aborted' | 'timeout';
}

/** What comes over the wire, without a client that hides it. */
function raw(
  sim: Simulator,
  path = '/v1/applications/1/events/no_total',
  timeoutMs = 5000,
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const answer: RawAnswer = { headers: {}, bytes: 0, text: '', end: 'timeout' };
    const headers = { Authorization: `ManagementKey-v1 ${sim.apiKey}` };
    const request = httpRequest(sim.url + path, { headers, agent: false }, (response) => {
      answer.headers = response.headers;
      response.on('data', (chunk: Buffer) => {
        answer.bytes += chunk.length;
        if (answer.bytes < 1_000_000) answer.text += chunk.toString();
      });
      response.on('end', () => settle('complete'));
      response.on('error', () => settle('aborted'));
    });
    const timer = setTimeout(() => settle('timeout'), timeoutMs);
    request.on('error', () => settle('aborted'));
    request.end();
    function settle(end: RawAnswer['end']): void {
      clearTimeout(timer);
      request.destroy();
      resolve({ ...answer, end });
    }
  });
}

test('a fault spares the first requests, hits as often as it says, and only where it says', async () => {
  const sim = await start({ applications: 2, history: { events: 5 } });
  const fault = sim.addFault({
    path: EVENTS,
    applicationId: 1,
    after: 1,
    times: 2,
    action: { type: 'status', status: 503 },
  });
  const statuses: number[] = [];
  for (let index = 0; index < 5; index += 1) statuses.push((await ask(sim, '/events/no_total')).status);
  expect(statuses).toEqual([200, 503, 503, 200, 200]);
  expect((await ask(sim, '/v1/applications/2/events/no_total')).status).toBe(200);
  expect(fault).toMatchObject({ seen: 5, hits: 2 });
});

test('faults match by method, exact path or expression, and are cleared', async () => {
  const sim = await start({ history: { events: 5 } });
  const action: FaultAction = { type: 'status', status: 500 };
  sim.addFault({ method: 'POST', times: Infinity, action });
  sim.addFault({ path: '/v1/applications/1', times: Infinity, action });
  sim.addFault({ path: /sessions\?.*state=open/, times: Infinity, action });
  const ask3 = async (): Promise<number[]> => [
    (await ask(sim, '/customer_search', { body: {} })).status,
    (await ask(sim, '')).status,
    (await ask(sim, '/sessions?state=open')).status,
    (await ask(sim, '/sessions')).status,
  ];
  expect(await ask3()).toEqual([500, 500, 500, 200]);
  sim.clearFaults();
  expect(await ask3()).toEqual([200, 200, 200, 200]);
});

test('a fault of its own can be removed', async () => {
  const sim = await start({ history: { events: 5 } });
  const fault = sim.addFault({ times: Infinity, action: { type: 'empty200' } });
  expect((await ask(sim, '')).text).toBe('');
  fault.remove();
  expect((await ask(sim, '')).text).not.toBe('');
});

test('a status fault brings its own headers and body', async () => {
  const headers = { 'Retry-After': '86400', 'Content-Type': 'text/plain' };
  const sim = await withFault({ type: 'status', status: 429, headers, body: 'slow down' });
  const answer = await ask(sim, '/events/no_total');
  expect([answer.status, answer.text, answer.headers.get('retry-after')]).toEqual([
    429,
    'slow down',
    '86400',
  ]);
});

test('a storm follows from the seed', async () => {
  const storm = async (): Promise<string> => {
    const sim = await start({ seed: 3, history: { events: 5 } });
    sim.addFault({ probability: 0.4, action: { type: 'status', status: 502 } });
    let statuses = '';
    for (let index = 0; index < 30; index += 1) statuses += (await ask(sim, '')).status === 502 ? 'x' : '.';
    return statuses;
  };
  const statuses = await storm();
  expect(statuses).toMatch(/x/);
  expect(statuses).toMatch(/\./);
  expect(await storm()).toBe(statuses);
});

test('delays come on top of other faults', async () => {
  const sim = await start({ history: { events: 5 } });
  sim.addFault({ action: { type: 'delay', ms: 30 } });
  sim.addFault({ action: { type: 'status', status: 500 } });
  const before = performance.now();
  expect((await ask(sim, '')).status).toBe(500);
  expect(performance.now() - before).toBeGreaterThanOrEqual(29);
});

test('a reset comes before the answer or in the middle of its body', async () => {
  const sim = await withFault({ type: 'reset' });
  expect(await raw(sim)).toMatchObject({ end: 'aborted', bytes: 0, headers: {} });
  sim.addFault({ path: EVENTS, action: { type: 'reset', at: 'body' } });
  const answer = await raw(sim);
  expect(answer.end).toBe('aborted');
  expect(answer.bytes).toBeGreaterThan(0);
  expect(answer.bytes).toBeLessThan(Number(answer.headers['content-length']));
});

test.each([
  ['content-length', 'aborted'],
  ['chunked', 'aborted'],
  ['chunkedEnd', 'complete'],
  ['close', 'complete'],
] as const)('a body cut short with framing %s ends %s', async (framing, end) => {
  const sim = await start({ history: { events: 40 } });
  const whole = (await ask(sim, '/events/no_total')).text;
  sim.addFault({ path: EVENTS, action: { type: 'cutBody', framing, share: 0.25 } });
  const answer = await raw(sim);
  expect(answer.end).toBe(end);
  expect(answer.text).toBe(Buffer.from(whole).subarray(0, answer.bytes).toString());
  expect(answer.bytes).toBe(Math.floor(Buffer.byteLength(whole) * 0.25));
  expect(answer.headers['content-length']).toBe(
    framing === 'content-length' ? `${Buffer.byteLength(whole)}` : undefined,
  );
  expect(answer.headers['transfer-encoding']).toBe(framing.startsWith('chunked') ? 'chunked' : undefined);
});

test('a body can be cut between two rows', async () => {
  const sim = await withFault({ type: 'cutBody', framing: 'close', where: 'betweenRows' });
  const { text } = await raw(sim);
  expect(() => JSON.parse(`${text}]}`)).not.toThrow();
  sim.addFault({ action: { type: 'cutBody', framing: 'close', where: 'betweenRows' } });
  expect((await raw(sim, '/v1/applications/1/export_customer_sessions')).text).toMatch(/\n$/);
});

test('a truncated page can be valid JSON that claims to be the last', async () => {
  const sim = await withFault({ type: 'truncatedButValidJson', share: 0.25 });
  expect(await events(sim, { pageSize: 20 })).toMatchObject({ hasMore: false, ids: { length: 5 } });
  expect(await events(sim, { pageSize: 20 })).toMatchObject({ hasMore: true, ids: { length: 20 } });
  sim.set({ envelope: 'old' });
  sim.addFault({ action: { type: 'truncatedButValidJson' } });
  expect(await list(sim, '/events')).toMatchObject({ totalResultSize: 20, ids: { length: 20 } });
});

test('an empty page can claim that more follows, once', async () => {
  const sim = await withFault({ type: 'emptyPage' });
  expect(await events(sim)).toMatchObject({ hasMore: true, ids: [] });
  expect((await events(sim)).ids).toHaveLength(40);
});

test('a body can drip without end, and a connection can stay silent', async () => {
  const sim = await withFault({ type: 'dripBody', everyMs: 10 });
  const dripping = await raw(sim, undefined, 400);
  expect(dripping.end).toBe('timeout');
  expect(dripping.bytes).toBeGreaterThan(2);
  sim.addFault({ path: EVENTS, action: { type: 'stall' } });
  expect(await raw(sim, undefined, 100)).toMatchObject({ end: 'timeout', bytes: 0, headers: {} });
  expect(sim.requests.at(-1)?.status).toBe(0);
});

test('a 200 can be HTML, empty, or not JSON', async () => {
  const sim = await withFault({ type: 'html200' });
  const html = await ask(sim, '/events/no_total');
  expect([html.status, html.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  sim.addFault({ action: { type: 'notJson200' } });
  expect((await ask(sim, '')).text).toBe('upstream connect error\n');
});

test('a redirect leads to another host', async () => {
  const sim = await withFault({ type: 'redirect' });
  const answer = await ask(sim, '/events/no_total');
  expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://login.invalid/']);
});

test('a huge body streams as long as somebody reads', async () => {
  const sim = await withFault({ type: 'hugeBody' });
  const endless = await raw(sim, undefined, 400);
  expect(endless.end).toBe('timeout');
  expect(endless.bytes).toBeGreaterThan(100_000);
  sim.addFault({ path: EVENTS, action: { type: 'hugeBody', bytes: 200_000 } });
  const large = await raw(sim, undefined, 5000);
  expect(large.end).toBe('complete');
  expect(JSON.parse(large.text)).toEqual({ data: [] });
});

test('a fault above a number of records spares requests for fewer', async () => {
  const sim = await start({ history: { events: 30, profiles: 8 } });
  sim.addFault({ above: 5, times: Infinity, action: { type: 'status', status: 504 } });
  const statusOf = async (path: string, body?: unknown) => (await ask(sim, path, { body })).status;
  expect(await statusOf('/events/no_total?pageSize=5')).toBe(200);
  expect(await statusOf('/events/no_total?pageSize=6')).toBe(504);
  expect(await statusOf('/sessions')).toBe(504);
  expect(await statusOf('/customer_search?pageSize=1000', { profileIDs: [1, 2, 3, 4, 5] })).toBe(200);
  expect(await statusOf('/customer_search?pageSize=1000', { profileIDs: [1, 2, 3, 4, 5, 6] })).toBe(504);
});
