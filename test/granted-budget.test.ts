import { describe, expect, test } from 'vitest';
import { GrantedBudget } from '../src/talon-one/granted-budget.js';
import { budgetShape, LocalBudget } from '../src/talon-one/request-budget.js';
import { startForTest } from './simulator/for-tests.js';
import { RateLimit } from './simulator/rate-limit.js';
import { Refusal } from './simulator/refusal.js';
import { switchesSchema } from './simulator/switches.js';
import { senderFor } from './support/management-client.js';
import { SimulatedTime } from './support/simulated-time.js';

const signal = new AbortController().signal;
const LIMIT = 3;

interface Answer {
  readonly atMs: number;
  readonly status: 200 | 429;
}

interface Run {
  readonly answers: Answer[];
  readonly changes: [isLess: boolean, endpoint: string][];
}

/** Asks for as long as it takes, as many at a time as the limit, while the server's own limit changes. */
async function ask(untilMs: number, grantedAt: (ms: number) => number): Promise<Run> {
  const time = new SimulatedTime();
  const server = new RateLimit();
  const switches = switchesSchema.parse({});
  const shape = budgetShape(LIMIT) ?? { slots: 0, periodMs: 0 };
  const run: Run = { answers: [], changes: [] };
  const budget = new GrantedBudget({
    budget: new LocalBudget(shape, time.now, time.sleep),
    limit: LIMIT,
    scope: 'endpoint',
    onChange: (isLess, endpoint) => run.changes.push([isLess, endpoint]),
    now: time.now,
  });
  const work = async () => {
    while (time.now() < untilMs) {
      const received = await budget.acquire('GET /x', signal);
      const status = admitted(() => {
        server.admit('x', time.now(), 0, { ...switches, requestsPerSecond: grantedAt(time.now()) });
      });
      received();
      budget.answered('GET /x', status);
      run.answers.push({ atMs: time.now(), status });
    }
  };
  await time.run(Promise.all([work(), work(), work()]));
  return run;
}

function admitted(admit: () => void): 200 | 429 {
  try {
    admit();
    return 200;
  } catch (error) {
    if (error instanceof Refusal) return 429;
    throw error;
  }
}

function count({ answers }: Run, status: number, fromMs = 0, toMs = Infinity): number {
  return answers.filter((one) => one.status === status && one.atMs >= fromMs && one.atMs < toMs).length;
}

test('while the server grants the limit, nothing is held back and nothing is said', async () => {
  const run = await ask(60_000, () => LIMIT);
  expect(run.changes).toEqual([]);
  expect(count(run, 200)).toBeGreaterThanOrEqual(180);
});

test('what the server grants less is found out with few refusals, used, and said once', async () => {
  const run = await ask(300_000, () => 1);
  expect(run.changes).toEqual([[true, 'GET /x']]);
  // Without giving way two of three would be refused: 600.
  expect(count(run, 429)).toBeLessThan(60);
  expect(count(run, 200)).toBeGreaterThan(200);
});

test('when the server grants the limit again, all of it is used again, and that is said once', async () => {
  const run = await ask(400_000, (ms) => (ms < 100_000 ? 1 : LIMIT));
  expect(run.changes).toEqual([
    [true, 'GET /x'],
    [false, 'GET /x'],
  ]);
  expect(count(run, 200, 300_000, 360_000)).toBeGreaterThanOrEqual(175);
});

test('the client tells its budget what was refused, and for how long', async () => {
  const sim = await startForTest({ history: { events: 1 } });
  sim.addFault({
    path: '/v1/applications',
    times: 1,
    action: { type: 'status', status: 429, headers: { 'retry-after': '7' } },
  });
  const told: unknown[][] = [];
  const budget = {
    acquire: async () => () => {},
    answered: (...answer: unknown[]) => told.push(answer),
  };
  const send = senderFor(sim, { budget });
  const request = { method: 'GET', path: '/v1/applications', template: '/v1/applications' } as const;
  await expect(send(request, signal)).rejects.toMatchObject({ status: 429 });
  await send(request, signal);
  expect(told).toEqual([
    ['GET /v1/applications', 429, 7000],
    ['GET /v1/applications', 200, undefined],
  ]);
});

describe('on a clock of its own', () => {
  function budgetOn(time: SimulatedTime, scope: 'endpoint' | 'key' = 'endpoint') {
    const changes: [isLess: boolean, endpoint: string][] = [];
    const shape = budgetShape(LIMIT) ?? { slots: 0, periodMs: 0 };
    const budget = new GrantedBudget({
      budget: new LocalBudget(shape, time.now, time.sleep),
      limit: LIMIT,
      scope,
      onChange: (isLess, endpoint) => changes.push([isLess, endpoint]),
      now: time.now,
    });
    return { budget, changes };
  }

  test('an endpoint that is refused does not slow down another one', async () => {
    const time = new SimulatedTime();
    const perEndpoint = budgetOn(time).budget;
    const perKey = budgetOn(time, 'key').budget;
    for (const budget of [perEndpoint, perKey]) budget.answered('GET /a', 429);
    await time.run(perEndpoint.acquire('GET /b', signal));
    expect(time.now()).toBe(0);
    await time.run(perKey.acquire('GET /b', signal));
    expect(time.now()).toBeGreaterThan(0);
  });

  test('a Retry-After pauses the endpoint for everybody, up to a minute', async () => {
    const time = new SimulatedTime();
    const { budget } = budgetOn(time);
    budget.answered('GET /a', 429, 7_000);
    budget.answered('GET /b', 429, 86_400_000);
    await time.run(budget.acquire('GET /a', signal, 'live'));
    expect(time.now()).toBe(7_000);
    await time.run(budget.acquire('GET /b', signal, 'live'));
    expect(time.now()).toBe(60_000);
  });

  test('it ends with time, whichever endpoint is used, and a refusal hours later is said again', async () => {
    const time = new SimulatedTime();
    const { budget, changes } = budgetOn(time);
    budget.answered('GET /export', 429);
    expect(budget.granted).toEqual([{ endpoint: 'GET /export', requestsPerSecond: 2.25 }]);
    await time.run(time.sleep(60_000));
    budget.answered('GET /events', 200);
    expect(changes).toEqual([[true, 'GET /export']]);
    await time.run(time.sleep(60_000));
    budget.answered('GET /events', 200);
    expect(budget.granted).toEqual([]);
    await time.run(time.sleep(3_600_000));
    for (let times = 0; times < 10; times += 1) {
      budget.answered('GET /events', 429);
      await time.run(time.sleep(2_000));
    }
    expect(changes).toEqual([
      [true, 'GET /export'],
      [false, 'GET /export'],
      [true, 'GET /events'],
    ]);
  });

  test('live requests hardly wait for back-fills while the server grants less', async () => {
    const time = new SimulatedTime();
    const { budget } = budgetOn(time);
    budget.answered('GET /a', 429);
    const fill = async () => {
      while (time.now() < 100_000) (await budget.acquire('GET /a', signal))();
    };
    const waits: number[] = [];
    const live = async () => {
      while (time.now() < 100_000) {
        const sinceMs = time.now();
        (await budget.acquire('GET /a', signal, 'live'))();
        waits.push(time.now() - sinceMs);
        await time.sleep(5_000);
      }
    };
    await time.run(Promise.all([...Array.from({ length: 31 }, fill), live(), live(), live()]));
    expect(waits.length).toBeGreaterThan(40);
    expect(Math.max(...waits.slice(3))).toBeLessThan(3_000);
  });
});

test('what is granted is told while it is less than the limit, and of that endpoint alone', async () => {
  const time = new SimulatedTime();
  const shape = budgetShape(LIMIT) ?? { slots: 0, periodMs: 0 };
  const budget = new GrantedBudget({
    budget: new LocalBudget(shape, time.now, time.sleep),
    limit: LIMIT,
    scope: 'endpoint',
    onChange: () => {},
    now: time.now,
  });
  expect(budget.granted).toEqual([]);
  budget.answered('GET /x', 429);
  budget.answered('GET /y', 200);
  expect(budget.granted).toEqual([{ endpoint: 'GET /x', requestsPerSecond: 2.25 }]);
  for (let step = 0; step < 10; step += 1) {
    await time.run(time.sleep(6_000));
    budget.answered('GET /x', 200);
  }
  expect(budget.granted).toEqual([]);
});
