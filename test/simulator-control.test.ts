import { expect, test, vi } from 'vitest';
import { ask, events } from './simulator/api-client.js';
import { readCommandLine } from './simulator/command-line.js';
import { startForTest as start } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';

async function control(
  sim: Simulator,
  path: string,
  body?: unknown,
  method?: string,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${sim.url}/_simulator/${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { 'X-Simulator-Control': '1' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value = (await response.json()) as Record<string, unknown>;
  if (response.status !== 200) throw new Error(String(value.message));
  return value;
}

test('another process can ask what was issued', async () => {
  const sim = await start({ history: { events: 30 } });
  await ask(sim, '/events/no_total');
  expect(await control(sim, 'summary')).toMatchObject({
    applicationIds: [1],
    issued: { 1: 30 },
    tooManyRequests: 0,
  });
  expect(await control(sim, 'issued?applicationId=1')).toEqual(sim.issuedDigest(1));
  const [event] = (await control(sim, 'events?applicationId=1&offset=4&limit=1')) as unknown as {
    id: string;
    text: string;
  }[];
  expect(event?.text).toBe(sim.eventText(1, event?.id ?? ''));
  expect(await control(sim, 'profile?id=10001')).toEqual({ text: sim.profileText(10001) });
  expect(await control(sim, 'session?applicationId=1&id=100000001')).toEqual({
    text: sim.sessionText(1, 100000001),
  });
  expect(await control(sim, 'recipe-cost?applicationId=1')).toMatchObject({ total: sim.recipeCost(1).total });
  expect(await control(sim, 'requests')).toHaveLength(1);
});

test('another process can change and erase profiles and sessions without an event', async () => {
  const sim = await start({ history: { events: 30 } });
  await control(sim, 'profile', { id: '10001', text: '{"id":10001}' });
  expect(sim.profileText(10001)).toBe('{"id":10001}');
  await control(sim, 'session', { applicationId: 1, id: '100000001', text: '{"id":100000001}' });
  expect(sim.sessionText(1, 100000001)).toBe('{"id":100000001}');
  await control(sim, 'profile?id=10001', undefined, 'DELETE');
  await control(sim, 'session?applicationId=1&id=100000001', undefined, 'DELETE');
  expect([sim.profileText(10001), sim.sessionText(1, 100000001)]).toEqual([undefined, undefined]);
  expect(sim.issuedCount(1)).toBe(30);
});

test('another process can make things happen', async () => {
  const sim = await start({ history: { events: 0 } });
  expect(
    await control(sim, 'emit', { applicationId: 1, count: 3, created: '2026-01-01T00:00:00Z' }),
  ).toMatchObject({
    ids: { length: 3 },
  });
  await control(sim, 'events', {
    applicationId: 1,
    id: 7,
    payload: '{"id":7}',
    created: '2026-01-02T00:00:00Z',
  });
  expect((await events(sim)).ids.at(-1)).toBe('7');
  await control(sim, 'loyalty', { programId: 1, count: 2 });
  expect(await control(sim, 'loyalty?programId=1')).toEqual([...sim.issuedLoyalty(1)]);
  expect([...sim.issuedLoyalty(1)]).toHaveLength(2);
  await control(sim, 'coupons', { applicationId: 1, count: 3 });
  expect(sim.couponCount(1)).toBe(3);
  await control(sim, 'campaign', { campaignId: 200, name: 'Renamed' });
  expect(sim.reference('campaign', 200).name).toBe('Renamed');
  await control(sim, 'switches', { envelope: 'missing' });
  expect((await events(sim)).hasMore).toBeUndefined();
  expect(await control(sim, 'switches')).toMatchObject({ envelope: 'missing', createdAfter: 'exclusive' });
  await control(sim, 'faults', {
    pathPattern: 'events',
    times: 'always',
    action: { type: 'status', status: 500 },
  });
  expect((await ask(sim, '/events/no_total')).status).toBe(500);
  await control(sim, 'faults', undefined, 'DELETE');
  expect((await ask(sim, '/events/no_total')).status).toBe(200);
  await control(sim, 'requests', undefined, 'DELETE');
  expect(sim.requests).toEqual([]);
});

test('mistakes are named', async () => {
  const sim = await start({ history: { events: 0 } });
  await expect(control(sim, 'switches', { envelop: 'old' })).rejects.toThrow('envelop');
  await expect(control(sim, 'emit', { count: 3 })).rejects.toThrow('applicationId');
  await expect(control(sim, 'issued')).rejects.toThrow();
  await expect(control(sim, 'nothing')).rejects.toThrow('Path not found');
});

test('without its header the control surface does not exist, and it is neither limited nor logged', async () => {
  const sim = await start({ history: { events: 0 }, switches: { requestsPerSecond: 1 } });
  expect((await fetch(`${sim.url}/_simulator/summary`)).status).toBe(404);
  for (let index = 0; index < 5; index += 1) await control(sim, 'summary');
  expect(sim.requests).toEqual([]);
});

test('the command line sets options and every switch', () => {
  const read = readCommandLine([
    ...['--port', '0', '--seed', '9', '--applications', '2', '--sandbox-applications', '1', '--events', '50'],
    ...[
      '--created-after',
      'inclusive',
      '--requests-per-second',
      '0',
      '--gzip',
      '--empty-pages-at-skip',
      '[1000]',
    ],
    ...['--forbidden', '{"/v1/applications":403}', '--date-header-offset-ms', '-5000'],
  ]);
  expect(read).toEqual({
    kind: 'start',
    options: {
      port: 0,
      host: '127.0.0.1',
      seed: 9,
      applications: [{}, {}, { sandbox: true }],
      history: { events: 50, days: 30 },
      eventsPerSecond: 1,
      missingIds: 'documented',
      timestampDigits: 'six',
      switches: {
        createdAfter: 'inclusive',
        requestsPerSecond: 0,
        gzip: true,
        emptyPagesAtSkip: [1000],
        forbidden: { '/v1/applications': 403 },
        dateHeaderOffsetMs: -5000,
      },
    },
  });
});

test.each([
  [['--help'], 0],
  [['--sort', 'upside'], 2],
  [['--events', 'many'], 2],
  [['--late-share', '7'], 2],
  [['--nonsense'], 2],
  [['surplus'], 2],
])('the command line %j ends with exit code %d', (args, code) => {
  const quiet = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  );
  const error = vi.spyOn(console, 'error').mockReturnValue(undefined);
  expect(readCommandLine(args)).toEqual({ kind: 'exit', code });
  for (const spy of [...quiet, error]) spy.mockRestore();
});
