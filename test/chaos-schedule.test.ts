import { expect, test } from 'vitest';
import { planOf } from './chaos/campaign.js';
import { catalogue } from './chaos/catalogue.js';
import { latencyOf } from './chaos/latency.js';
import { LANES } from './chaos/schedule.js';

test('the same seed gives the same plan, another seed another one', () => {
  expect(planOf({ seed: 7, minutes: 10 })).toEqual(planOf({ seed: 7, minutes: 10 }));
  expect(planOf({ seed: 7, minutes: 10 })).not.toEqual(planOf({ seed: 8, minutes: 10 }));
});

test('a long campaign meets every kind of fault of every lane, and faults of one lane never overlap', () => {
  const plan = planOf({ seed: 7, minutes: 20 });
  for (const lane of LANES) {
    const faults = plan.filter((fault) => fault.lane === lane);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(Object.keys(catalogue[lane])));
    for (const [index, { atMs }] of faults.entries()) {
      const before = faults[index - 1];
      if (before) expect(atMs).toBeGreaterThan(before.atMs + before.forMs);
    }
  }
});

test('a fault that is repeated alone is the very same', () => {
  const all = planOf({ seed: 7, minutes: 5 });
  expect(planOf({ seed: 7, minutes: 5, only: [12] })).toEqual([all[11]]);
});

test('a stall is the time in which somebody waits and nobody is stored', () => {
  const second = 1_000_000;
  const passages = [
    { visible: 0, stored: second },
    { visible: 2 * second, stored: 10 * second },
    { visible: 9 * second, stored: 10 * second },
    { visible: 8 * second, stored: 11 * second },
  ];
  expect(latencyOf([passages])).toMatchObject({ longestStallMs: 8_000, maxMs: 8_000, p50Ms: 1_000 });
});
