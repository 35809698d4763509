import { expect, test } from 'vitest';
import { nextCycleInMs } from '../src/sync/next-cycle.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test.for([
  ['nobody waits', { othersWaitMs: 0, quietMs: 24 * HOUR }, MINUTE],
  ['others wait, but no longer than an interval', { othersWaitMs: MINUTE, quietMs: 24 * HOUR }, MINUTE],
  ['others wait, and this one is busy', { othersWaitMs: 2 * MINUTE, quietMs: 5_000 }, MINUTE],
  [
    'others wait, and this one has been quiet for an hour',
    { othersWaitMs: 2 * MINUTE, quietMs: HOUR },
    6 * MINUTE,
  ],
  [
    'others wait, and this one has been quiet for a year',
    { othersWaitMs: 2 * MINUTE, quietMs: 9_000 * HOUR },
    15 * MINUTE,
  ],
  ['nobody knows how quiet it is', { othersWaitMs: 2 * MINUTE, quietMs: undefined }, MINUTE],
] as const)('an Application is due again: %s', ([, situation, expected]) => {
  expect(nextCycleInMs({ intervalMs: MINUTE, ...situation })).toBe(expected);
});

test('a wait of seconds is no sign that requests are short, however short the interval', () => {
  expect(nextCycleInMs({ intervalMs: 200, othersWaitMs: 20_000, quietMs: HOUR })).toBe(200);
  expect(nextCycleInMs({ intervalMs: 200, othersWaitMs: 31_000, quietMs: HOUR })).toBe(6 * MINUTE);
});

test('an interval longer than the bound for quiet ones stays as it is', () => {
  expect(nextCycleInMs({ intervalMs: HOUR, othersWaitMs: 2 * HOUR, quietMs: 9_000 * HOUR })).toBe(HOUR);
});
