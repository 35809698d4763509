import { expect, test } from 'vitest';
import {
  budgetShape,
  LocalBudget,
  type RequestBudget,
  unlimitedBudget,
} from '../src/talon-one/request-budget.js';
import { sparingBudget } from '../src/talon-one/sparing-budget.js';

const { signal } = new AbortController();

/** A shared budget that only counts. */
function counting(): { budget: RequestBudget; asked: string[]; released: number } {
  const seen = { asked: [] as string[], released: 0 };
  const budget: RequestBudget = {
    acquire: async (endpoint) => {
      seen.asked.push(endpoint);
      return () => {
        seen.released += 1;
      };
    },
  };
  return Object.assign(seen, { budget });
}

function halfOf(limit: number): RequestBudget | undefined {
  const shape = budgetShape(limit / 2);
  return shape && new LocalBudget(shape);
}

test.each([
  [3, 1],
  [4, 2],
  [10, 5],
])(
  'of %i requests a second no more than %i are under way at once, over all endpoints',
  async (limit, half) => {
    const shared = counting();
    const budget = sparingBudget(shared.budget, halfOf(limit));
    const controller = new AbortController();
    const all = Array.from({ length: limit }, (_, index) =>
      budget.acquire(`GET /${index}`, controller.signal).catch(() => {}),
    );
    await expect.poll(() => shared.asked.length).toBe(half);
    controller.abort();
    await Promise.all(all);
    expect(shared.asked).toHaveLength(half);
  },
);

test('the slot of the shared budget is given back with its own', async () => {
  const shared = counting();
  const release = await sparingBudget(shared.budget, halfOf(3)).acquire('GET /', signal);
  expect(shared.released).toBe(0);
  release();
  expect(shared.released).toBe(1);
});

test('without a limit nothing is halved', () => {
  expect(sparingBudget(unlimitedBudget, halfOf(0))).toBe(unlimitedBudget);
});

test('what is refused is passed on: work that can wait slows down, too', () => {
  const told: unknown[][] = [];
  const shared = { acquire: async () => () => {}, answered: (...answer: unknown[]) => told.push(answer) };
  sparingBudget(shared, halfOf(3)).answered?.('GET /', 429, 5000);
  expect(told).toEqual([['GET /', 429, 5000]]);
});
