import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { SharedBudget, type SharedBudgetOptions } from '../src/sync/shared-budget.js';
import {
  type HeldSlot,
  holdSlots,
  releaseSlot,
  type SlotAnswer,
  type SlotRequest,
  takeSlot,
} from '../src/warehouse/request-slots.js';
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

let requests = 0;

/** Asks for a slot once, without a place in the queue. */
async function ask(request: SlotRequest): Promise<SlotAnswer> {
  requests += 1;
  return takeSlot(db().warehouse, request, { name: `request-${requests}`, isLive: false, queues: false });
}

/** Takes a slot, waiting until one is there. */
async function taken(request: SlotRequest): Promise<HeldSlot> {
  for (;;) {
    const answer = await ask(request);
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
  const first = await Promise.all(Array.from({ length: 8 }, () => ask(request)));
  const got = first.flatMap((answer) => ('slot' in answer ? [answer.slot] : []));
  while (got.length < 3) got.push((await taken(request)).slot);
  expect(got.sort()).toEqual([0, 1, 2]);
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(request)));
  for (const answer of answers) expect(answer).toEqual({ waitMs: 250, rate: null });
});

test('a slot stays closed for one period after its request was received', async () => {
  const request = slotRequest({ slots: 1 });
  const slot = await taken(request);
  await releaseSlot(db().warehouse, request, slot, 60_000);
  expect(await ask(request)).toEqual({ waitMs: 1000, rate: null });
  const other = slotRequest({ slots: 1 });
  await releaseSlot(db().warehouse, other, await taken(other), 0);
  expect(await taken(other)).toMatchObject({ slot: 0 });
});

test('the slot of a process that died opens when it is not held on', async () => {
  const request = slotRequest({ slots: 1, holdMs: 50 });
  await taken(request);
  expect(await taken({ ...request, holdMs: 60_000 })).toMatchObject({ slot: 0 });
});

test('slots of requests that run are held on, those of others and those that were released are not', async () => {
  const request = slotRequest({ holdMs: 0 });
  const [running, released] = [await taken(request), await taken({ ...request, holdMs: 60_000 })];
  await releaseSlot(db().warehouse, request, released, 0);
  await holdSlots(db().warehouse, request.budget, [running.holder, released.holder], 60_000);
  const held = await db().rows(
    `select slot, holder from talon_one_request_slot where budget = $1 and free_at > clock_timestamp()`,
    request.budget,
  );
  expect(held).toEqual([{ slot: running.slot, holder: running.holder }]);
});

test('a process that comes back after its slot went to another one neither opens nor keeps it', async () => {
  const request = slotRequest({ slots: 1, holdMs: 50 });
  const first = await taken(request);
  await taken({ ...request, holdMs: 60_000 });
  await releaseSlot(db().warehouse, request, first, 0);
  await holdSlots(db().warehouse, request.budget, [first.holder], 0);
  expect(await ask(request)).toEqual({ waitMs: 250, rate: null });
});

test('each endpoint has slots of its own, each key too', async () => {
  const request = slotRequest({ slots: 1 });
  await taken(request);
  expect(await taken({ ...request, endpoint: 'GET /b' })).toMatchObject({ slot: 0 });
  expect(await taken({ ...request, budget: `${request.budget} of another key` })).toMatchObject({ slot: 0 });
  expect(await ask(request)).toEqual({ waitMs: 250, rate: null });
});

test('while a request runs its slot is held, and no longer than a few seconds once its process is gone', async () => {
  const budget = sharedBudget({ shape: { slots: 1, periodMs: 1000 }, apiKey: 'held' });
  const released = await budget.acquire('GET /held', signal);
  const left = `select extract(epoch from free_at - clock_timestamp()) from talon_one_request_slot where endpoint = 'GET /held'`;
  await db().rows(`update talon_one_request_slot set free_at = '-infinity' where endpoint = 'GET /held'`);
  await expect.poll(async () => Number(await db().value(left)), { timeout: 10_000 }).toBeGreaterThan(0);
  expect(Number(await db().value(left))).toBeLessThanOrEqual(5);
  released();
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
  const live = (name: string) => ({ name, isLive: true, queues: true });
  const fill = (name: string) => ({ name, isLive: false, queues: true });

  /** Slots that are taken, requests that wait for them in this order, and the next slot's release. */
  async function waiting(waiters: readonly ReturnType<typeof live>[], slots = 1) {
    const request = slotRequest({ slots });
    const held: HeldSlot[] = [];
    while (held.length < slots) held.push(await taken(request));
    for (const one of waiters) await takeSlot(db().warehouse, request, one);
    // However slow this machine is.
    await db().rows(
      `update talon_one_request_waiter set asks_until = 'infinity' where budget = $1`,
      request.budget,
    );
    const free = async () => {
      const one = held.shift();
      if (one) await releaseSlot(db().warehouse, request, one, 0);
    };
    /** All ask, the last one first; who got the slot that is free. */
    const next = async () => {
      const left = await db().rows<{ waiter: string }>(
        'select waiter from talon_one_request_waiter where budget = $1',
        request.budget,
      );
      const asking = waiters.filter(({ name }) => left.some(({ waiter }) => waiter === name)).reverse();
      for (const one of asking) {
        const answer = await takeSlot(db().warehouse, request, one);
        if (!('slot' in answer)) continue;
        held.push(answer);
        return one.name;
      }
      return undefined;
    };
    return { request, free, next };
  }

  test('who has waited longest goes first, whoever asks first once it is free', async () => {
    const { request, free, next } = await waiting(['first', 'second', 'third'].map(live));
    await free();
    expect(await ask(request)).toMatchObject({ waitMs: 20 });
    expect(await next()).toBe('first');
  });

  test('of three slots two go to live requests and one to a back-fill, while both wait', async () => {
    const fills = ['fill 1', 'fill 2', 'fill 3'].map(fill);
    const { free, next } = await waiting([...fills, ...['a', 'b', 'c', 'd', 'e'].map(live)]);
    const order: (string | undefined)[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      await free();
      order.push(await next());
    }
    expect(order).toEqual(['a', 'b', 'fill 1', 'c', 'd', 'fill 2', 'e', 'fill 3']);
  });

  test('of two free slots the second waiter gets one as well', async () => {
    const { free, next } = await waiting(['first', 'second'].map(live), 2);
    await free();
    await free();
    expect([await next(), await next()]).toEqual(['second', 'first']);
  });

  test('a waiter whose process died is passed over, and forgotten', async () => {
    const { request, free } = await waiting([live('dead')]);
    await db().rows(
      `update talon_one_request_waiter set asks_until = clock_timestamp() - interval '1 minute' where budget = $1`,
      request.budget,
    );
    await takeSlot(db().warehouse, request, live('living'));
    await free();
    expect(await takeSlot(db().warehouse, request, live('living'))).toHaveProperty('slot');
    const left = 'select count(*) from talon_one_request_waiter where budget = $1';
    expect(await db().value(left, request.budget)).toBe('0');
  });

  test('one that gives up waiting does not keep the others', async () => {
    const budget = sharedBudget({ shape: { slots: 1, periodMs: 60_000 }, apiKey: 'gives up' });
    await budget.acquire('GET /up', signal);
    const controller = new AbortController();
    const waits = budget.acquire('GET /up', controller.signal, 'live').catch(() => 'gone');
    const queue = `select count(*) from talon_one_request_waiter where endpoint = 'GET /up'`;
    await expect.poll(() => db().value(queue)).toBe('1');
    controller.abort();
    expect(await waits).toBe('gone');
    await expect.poll(() => db().value(queue)).toBe('0');
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

test('a live request queues up beside the back-fills of its process, of which only a few are in the queue', async () => {
  const budget = sharedBudget({ shape: { slots: 1, periodMs: 60_000 }, apiKey: 'crowded' });
  await budget.acquire('GET /crowded', signal);
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const fills = Array.from({ length: 31 }, () => budget.acquire('GET /crowded', controller.signal));
  const waiting = `select string_agg(is_live::text, ' ' order by is_live) from talon_one_request_waiter
    where endpoint = 'GET /crowded'`;
  await expect.poll(() => db().value(waiting), { timeout: 10_000 }).toBe('false false false');
  const live = budget.acquire('GET /crowded', controller.signal, 'live');
  await expect.poll(() => db().value(waiting), { timeout: 10_000 }).toBe('false false false true');
  controller.abort();
  const results = await Promise.allSettled([...fills, live]);
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
});
