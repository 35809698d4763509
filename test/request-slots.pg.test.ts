import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { SharedBudget, type SharedBudgetOptions } from '../src/sync/shared-budget.js';
import { type HeldSlot, releaseSlot, type SlotRequest, takeSlot } from '../src/warehouse/request-slots.js';
import { startForTest } from './simulator/for-tests.js';
import { senderFor } from './support/management-client.js';
import { setReadOnly } from './support/postgres.js';
import { testLog } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });
const { signal } = new AbortController();
setMaxListeners(0, signal);

let budgets = 0;

function slotRequest(options: Partial<SlotRequest> = {}): SlotRequest {
  budgets += 1;
  return { budget: `budget-${budgets}`, endpoint: 'GET /a', slots: 3, holdMs: 60_000, ...options };
}

function sharedBudget(options: Partial<SharedBudgetOptions> = {}): SharedBudget {
  return new SharedBudget({
    warehouse: db().warehouse,
    shape: { slots: 3, periodMs: 60_000 },
    scope: 'endpoint',
    baseUrl: 'https://example.invalid',
    apiKey: 'a-key',
    requestTimeoutMs: 30_000,
    log: testLog().log,
    ...options,
  });
}

/** Takes a slot, waiting until one is there. */
async function taken(request: SlotRequest): Promise<HeldSlot> {
  for (;;) {
    const answer = await takeSlot(db().warehouse, request);
    if ('slot' in answer) return answer;
  }
}

async function slots(): Promise<Record<string, unknown>[]> {
  return db().rows(
    `select budget, endpoint, count(*)::int as slots, count(*) filter (where free_at > clock_timestamp())::int as taken
     from talon_one_request_slot group by 1, 2 order by 2`,
  );
}

test('two processes with one key send no more than the limit in any second, whatever the network does', async () => {
  const jitter = { requestJitterMs: 150, responseJitterMs: 150 };
  const sim = await startForTest({ switches: { requestsPerSecond: 3, ...jitter }, history: { events: 3 } });
  const processes = [db().warehouse, db().open({ poolSize: 8 })].map((warehouse) => {
    const { url: baseUrl, apiKey } = sim;
    const shape = { slots: 3, periodMs: 1_000 };
    const budget = sharedBudget({ warehouse, shape, baseUrl, apiKey, requestTimeoutMs: 10_000 });
    return senderFor(sim, { budget });
  });
  const path = '/v1/applications';
  await Promise.all(
    processes.flatMap((send) =>
      Array.from({ length: 6 }, () => send({ method: 'GET', path, template: path }, signal)),
    ),
  );
  expect(sim.tooManyRequests).toBe(0);
  expect(sim.requestCounts()).toMatchObject({ 'GET /v1/applications': { total: 12, byStatus: { 200: 12 } } });
  expect(sim.maxInAnySecond().templates['GET /v1/applications']).toBeLessThanOrEqual(3);
});

test('of many that ask at once for a budget that nobody has used, as many as the limit get a slot', async () => {
  const request = slotRequest();
  const first = await Promise.all(Array.from({ length: 8 }, () => takeSlot(db().warehouse, request)));
  const got = first.flatMap((answer) => ('slot' in answer ? [answer.slot] : []));
  while (got.length < 3) got.push((await taken(request)).slot);
  expect(got.sort()).toEqual([0, 1, 2]);
  const answers = await Promise.all(Array.from({ length: 8 }, () => takeSlot(db().warehouse, request)));
  for (const answer of answers) expect(answer).toEqual({ waitMs: 250 });
});

test('a slot stays closed for one period after its request was received', async () => {
  const request = slotRequest({ slots: 1 });
  const slot = await taken(request);
  await releaseSlot(db().warehouse, request, slot, 60_000);
  expect(await takeSlot(db().warehouse, request)).toEqual({ waitMs: 250 });
  const other = slotRequest({ slots: 1 });
  await releaseSlot(db().warehouse, other, await taken(other), 0);
  expect(await taken(other)).toMatchObject({ slot: 0 });
});

test('the slot of a process that died opens when its request must have ended', async () => {
  const request = slotRequest({ slots: 1, holdMs: 50 });
  await taken(request);
  expect(await taken({ ...request, holdMs: 60_000 })).toMatchObject({ slot: 0 });
});

test('a process that comes back after its slot went to another one does not open it', async () => {
  const request = slotRequest({ slots: 1, holdMs: 50 });
  const first = await taken(request);
  await taken({ ...request, holdMs: 60_000 });
  await releaseSlot(db().warehouse, request, first, 0);
  expect(await takeSlot(db().warehouse, request)).toEqual({ waitMs: 250 });
});

test('each endpoint has slots of its own, each key too', async () => {
  const request = slotRequest({ slots: 1 });
  await taken(request);
  expect(await taken({ ...request, endpoint: 'GET /b' })).toMatchObject({ slot: 0 });
  expect(await taken({ ...request, budget: `${request.budget} of another key` })).toMatchObject({ slot: 0 });
  expect(await takeSlot(db().warehouse, request)).toEqual({ waitMs: 250 });
});

test('the budget of an endpoint or of the whole key is named by what it counts, never by the key', async () => {
  await db().rows('delete from talon_one_request_slot');
  const perEndpoint = sharedBudget({ apiKey: 'first-key' });
  const perKey = sharedBudget({ apiKey: 'second-key', scope: 'key' });
  for (const endpoint of ['GET /a', 'GET /b']) {
    await perEndpoint.acquire(endpoint, signal);
    await perKey.acquire(endpoint, signal);
  }
  const rows = await slots();
  expect(rows.map(({ endpoint, slots: all, taken: held }) => [endpoint, all, held])).toEqual([
    ['*', 3, 2],
    ['GET /a', 3, 1],
    ['GET /b', 3, 1],
  ]);
  expect(new Set(rows.map((row) => row.budget)).size).toBe(2);
  expect(JSON.stringify(rows)).not.toContain('key');
});

test('a wait for a slot ends when the program stops', async () => {
  const shape = { slots: 1, periodMs: 60_000 };
  const holder = sharedBudget({ shape, apiKey: 'stopped' });
  const waiting = sharedBudget({ shape, apiKey: 'stopped' });
  await holder.acquire('GET /a', signal);
  const controller = new AbortController();
  const acquiring = waiting.acquire('GET /a', controller.signal);
  controller.abort();
  await expect(acquiring).rejects.toMatchObject({ name: 'AbortError' });
});

test('while Postgres is away nothing is sent, which is said once; in the end the work at hand fails', async () => {
  const { log, lines } = testLog();
  const options = { shape: { slots: 3, periodMs: 20 }, requestTimeoutMs: 500, apiKey: 'away', log };
  const budget = sharedBudget({ ...options, warehouse: db().open() });
  await setReadOnly(db().database, true);
  const results = await Promise.allSettled([1, 2].map(() => budget.acquire('GET /away', signal)));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(lines.map(({ msg }) => msg)).toEqual(['requests wait for Postgres, which counts them']);
  await setReadOnly(db().database, false);
  (await budget.acquire('GET /away', signal))();
});

test('a Postgres that is back soon costs nobody anything but time', async () => {
  const budget = sharedBudget({ apiKey: 'back-soon', warehouse: db().open() });
  await setReadOnly(db().database, true);
  const waiting = budget.acquire('GET /soon', signal);
  await setReadOnly(db().database, false);
  await waiting;
  expect((await slots()).find((row) => row.endpoint === 'GET /soon')).toMatchObject({ taken: 1 });
});

describe('who waits for a slot', () => {
  const waiter = (name: string, headStartMs = 0) => ({ name, headStartMs, hasWaited: true });

  /** One slot that is taken, and its release. */
  async function takenSlot() {
    const request = slotRequest({ slots: 1 });
    const held = await taken(request);
    return { request, free: () => releaseSlot(db().warehouse, request, held, 0) };
  }

  test('who has waited longest goes first, whoever asks first once it is free', async () => {
    const { request, free } = await takenSlot();
    for (const name of ['first', 'second', 'third']) await takeSlot(db().warehouse, request, waiter(name));
    await free();
    for (const name of ['third', 'second'])
      expect(await takeSlot(db().warehouse, request, waiter(name))).toHaveProperty('waitMs');
    expect(await takeSlot(db().warehouse, request)).toHaveProperty('waitMs');
    expect(await takeSlot(db().warehouse, request, waiter('first'))).toHaveProperty('slot');
  });

  test('a live request goes before a back-fill that waits already', async () => {
    const { request, free } = await takenSlot();
    await takeSlot(db().warehouse, request, waiter('export', 60_000));
    await takeSlot(db().warehouse, request, waiter('live'));
    await free();
    expect(await takeSlot(db().warehouse, request, waiter('export', 60_000))).toHaveProperty('waitMs');
    expect(await takeSlot(db().warehouse, request, waiter('live'))).toHaveProperty('slot');
  });

  test('a back-fill that has waited for longer than its head start goes before a live request', async () => {
    const { request, free } = await takenSlot();
    await takeSlot(db().warehouse, request, waiter('export', 0));
    await takeSlot(db().warehouse, request, waiter('live'));
    await free();
    expect(await takeSlot(db().warehouse, request, waiter('live'))).toHaveProperty('waitMs');
    expect(await takeSlot(db().warehouse, request, waiter('export', 0))).toHaveProperty('slot');
  });

  test('of two free slots the second waiter gets one as well', async () => {
    const request = slotRequest({ slots: 2 });
    const held = [await taken(request), await taken(request)];
    for (const name of ['first', 'second']) await takeSlot(db().warehouse, request, waiter(name));
    for (const one of held) await releaseSlot(db().warehouse, request, one, 0);
    expect(await takeSlot(db().warehouse, request, waiter('second'))).toHaveProperty('slot');
    expect(await takeSlot(db().warehouse, request, waiter('first'))).toHaveProperty('slot');
  });

  test('a waiter whose process died is passed over, and forgotten', async () => {
    const { request, free } = await takenSlot();
    await takeSlot(db().warehouse, request, waiter('dead'));
    await db().rows(
      `update talon_one_request_waiter set asks_until = clock_timestamp() - interval '1 minute' where budget = $1`,
      request.budget,
    );
    await takeSlot(db().warehouse, request, waiter('living'));
    await free();
    expect(await takeSlot(db().warehouse, request, waiter('living'))).toHaveProperty('slot');
    const left = 'select count(*) from talon_one_request_waiter where budget = $1';
    expect(await db().value(left, request.budget)).toBe('0');
  });
});

test('two processes that both want more than the limit get the same share of it', async () => {
  const shape = { slots: 3, periodMs: 30 };
  const processes = [db().warehouse, db().open()].map((warehouse) =>
    sharedBudget({ warehouse, shape, apiKey: 'fair' }),
  );
  const served: number[] = [];
  const ask = async (index: number) => {
    while (served.length < 90) {
      const received = await processes[index]?.acquire('GET /fair', signal, 'live');
      served.push(index);
      received?.();
    }
  };
  await Promise.all([0, 0, 0, 0, 0, 1, 1, 1].map(ask));
  const share = served.filter((index) => index === 0).length / served.length;
  expect(share).toBeGreaterThan(0.35);
  expect(share).toBeLessThan(0.65);
});
