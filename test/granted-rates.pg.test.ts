import { expect, test } from 'vitest';
import { isOver, type Refused, rateAt, refusedAgain } from '../src/granted-rate.js';
import { SharedBudget } from '../src/sync/shared-budget.js';
import { forgetRefusals, noteRefusal } from '../src/warehouse/granted-rates.js';
import { releaseSlot, type SlotAnswer, type SlotRequest, takeSlot } from '../src/warehouse/request-slots.js';
import { testLog } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const { signal } = new AbortController();
const LIMIT = 3;

let budgets = 0;

function slotRequest(): SlotRequest {
  budgets += 1;
  return { budget: `budget-${budgets}`, endpoint: 'GET /a', slots: LIMIT, holdMs: 60_000 };
}

let asked = 0;

async function ask(request: SlotRequest): Promise<SlotAnswer> {
  asked += 1;
  return takeSlot(db().warehouse, request, { name: `request-${asked}`, isLive: true, queues: false });
}

/** How many slots are free. */
async function free(request: SlotRequest): Promise<number> {
  let count = 0;
  for (let times = 0; times < LIMIT + 2; times += 1) if ('slot' in (await ask(request))) count += 1;
  await db().rows(
    `update talon_one_request_slot set free_at = '-infinity', holder = null where budget = $1`,
    request.budget,
  );
  return count;
}

/** Moves what is remembered of refusals, instead of waiting. */
async function pass(seconds: number, budget: string): Promise<void> {
  await db().rows(
    `update talon_one_granted_rate set refused_at = refused_at - $2 * interval '1 second',
       paused_until = paused_until - $2 * interval '1 second' where budget = $1`,
    budget,
    seconds,
  );
}

async function refuse({ budget, endpoint }: SlotRequest, retryAfterMs = 0) {
  return noteRefusal(db().warehouse, { budget, endpoint, limit: LIMIT, retryAfterMs });
}

test('a refusal slows every process down, and all of the limit is used again when it has grown back', async () => {
  const request = slotRequest();
  await ask(request);
  expect(await free(request)).toBe(3);
  for (let times = 0; times < 4; times += 1) {
    await refuse(request);
    await pass(2, request.budget);
  }
  // 3 × 0.75⁴
  expect(await ask(request)).toMatchObject({ rate: expect.closeTo(0.949, 3) as unknown });
  // That one has the only slot.
  expect(await free(request)).toBe(0);
  expect(await free(request)).toBe(1);
  await pass(10, request.budget);
  expect(await free(request)).toBe(2);
  await pass(60, request.budget);
  expect(await free(request)).toBe(3);
});

test('at a lower rate a slot stays closed for longer', async () => {
  const request = { ...slotRequest(), slots: 1 };
  await ask(request);
  for (let times = 0; times < 4; times += 1) {
    await refuse(request);
    await pass(2, request.budget);
  }
  const taken = await ask(request);
  if (!('slot' in taken)) throw new Error('the slot is free');
  await releaseSlot(db().warehouse, request, taken, 1000);
  const closed = `select extract(epoch from free_at - clock_timestamp()) from talon_one_request_slot where budget = $1`;
  const seconds = Number(await db().value(closed, request.budget));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(1.054);
  await db().rows('update talon_one_granted_rate set rate = 0.1 where budget = $1', request.budget);
  await db().rows(
    'update talon_one_request_slot set holder = $2 where budget = $1',
    request.budget,
    taken.holder,
  );
  await releaseSlot(db().warehouse, request, taken, 1000);
  expect(Number(await db().value(closed, request.budget))).toBeGreaterThan(5);
});

test('a Retry-After pauses the endpoint for every process, up to a minute', async () => {
  const request = slotRequest();
  await ask(request);
  await refuse(request, 3_600_000);
  expect(await ask(request)).toMatchObject({ waitMs: 1000 });
  await pass(59, request.budget);
  const [left] = await db().rows<{ seconds: number }>(
    `select extract(epoch from paused_until - clock_timestamp())::float8 as seconds from talon_one_granted_rate where budget = $1`,
    request.budget,
  );
  expect(left?.seconds).toBeLessThanOrEqual(1);
});

test('requests that were refused together count as one refusal', async () => {
  const request = slotRequest();
  expect(await refuse(request)).toEqual({ rate: 2.25, isFirst: true });
  await db().rows(`update talon_one_granted_rate set refused_at = clock_timestamp() + interval '1 hour'`);
  expect(await refuse(request)).toEqual({ rate: 2.25, isFirst: false });
});

test('Postgres and a process alone come to the same rates', async () => {
  const request = slotRequest();
  let known: Refused | undefined;
  let nowMs = 0;
  for (const seconds of [2, 7, 2, 33, 90, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3000]) {
    const { rate } = await refuse(request);
    known = refusedAgain(known, LIMIT, nowMs);
    expect(rate).toBeCloseTo(rateAt(known, nowMs), 9);
    await pass(seconds, request.budget);
    nowMs += seconds * 1000;
    const { over } = await forgetRefusals(db().warehouse, request.budget, LIMIT);
    expect(over).toEqual(isOver(known, LIMIT, nowMs) ? ['GET /a'] : []);
  }
});

test('of all processes one says when it begins and one when it ends; the others know as well', async () => {
  const said: [isLess: boolean, endpoint: string][] = [];
  const rates: [process: number, endpoint: string, rate: number | undefined][] = [];
  const [one, two] = [1, 2].map(
    (number) =>
      new SharedBudget({
        warehouse: number === 1 ? db().warehouse : db().open(),
        shape: { slots: LIMIT, periodMs: 1000 },
        scope: 'endpoint',
        baseUrl: 'https://example.invalid',
        apiKey: 'a-key',
        requestTimeoutMs: 30_000,
        log: testLog().log,
        onChange: (isLess, endpoint) => said.push([isLess, endpoint]),
        onRate: (endpoint, rate) => rates.push([number, endpoint, rate]),
      }),
  );
  if (!one || !two) throw new Error('two processes');
  const passAll = async (seconds: number) => {
    const [row] = await db().rows<{ budget: string }>(
      `select budget from talon_one_granted_rate where endpoint = 'GET /shared'`,
    );
    await pass(seconds, row?.budget ?? '');
  };
  (await one.acquire('GET /shared', signal))();
  one.answered('GET /shared', 429);
  await expect.poll(() => rates).toEqual([[1, 'GET /shared', 2.25]]);
  await passAll(2);
  (await two.acquire('GET /shared', signal))();
  expect(rates.slice(1)).toEqual([[2, 'GET /shared', 2.25]]);
  two.answered('GET /shared', 429);
  await expect.poll(() => rates.length).toBe(3);
  expect(said).toEqual([[true, 'GET /shared']]);
  await passAll(3600);
  // Another endpoint is enough to notice, and a new refusal is said again.
  two.answered('GET /other', 429);
  await expect.poll(() => said.length).toBe(3);
  expect(said.slice(1)).toEqual([
    [false, 'GET /shared'],
    [true, 'GET /other'],
  ]);
  (await one.acquire('GET /shared', signal))();
  expect(rates.at(-1)).toEqual([1, 'GET /shared', undefined]);
});

test('what all processes spend on work that can wait is half of the limit', async () => {
  const processes = [db().warehouse, db().open()].map(
    (warehouse) =>
      new SharedBudget({
        warehouse,
        shape: { slots: 1, periodMs: 60_000 },
        scope: 'endpoint',
        baseUrl: 'https://example.invalid',
        apiKey: 'half',
        requestTimeoutMs: 30_000,
        log: testLog().log,
      }),
  );
  const controller = new AbortController();
  let granted = 0;
  const all = processes.map((budget) =>
    budget.acquire('work that can wait', controller.signal).then(
      () => {
        granted += 1;
      },
      () => {},
    ),
  );
  await expect.poll(() => granted).toBe(1);
  controller.abort();
  await Promise.all(all);
  expect(granted).toBe(1);
});
