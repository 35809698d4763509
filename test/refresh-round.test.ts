import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SECOND, seconds } from '../src/instant.js';
import { beginRound, dueAt, type Round, roundOf, roundState, untilDueMs } from '../src/sync/refresh/round.js';

const PERIOD = seconds(1000);
const START = seconds(1_700_000_000);
const round = (below?: bigint): Round => ({ startedAt: START, highest: 1000n, lowest: 1n, below });

test.each([
  ['the first chunk at once', 1001n, 0],
  ['a quarter of the way after a quarter of the period', 751n, 250],
  ['the lowest ID shortly before its end', 2n, 999],
  ['after the last one, the next round when the period is over', undefined, 1000],
])('%s', (_name, below, after) => {
  expect(dueAt(round(below), PERIOD)).toBe(START + seconds(after));
});

test('what is overdue is due now, also after days of absence', () => {
  expect(untilDueMs(round(751n), PERIOD, START + seconds(249))).toBe(1000);
  expect(untilDueMs(round(751n), PERIOD, START + seconds(250))).toBe(0);
  expect(untilDueMs(round(), PERIOD, START + seconds(86_400))).toBe(0);
});

test('whatever the IDs are, a walk down is due later and later, and never after the period', () => {
  const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(fc.array(id, { minLength: 1, maxLength: 30 }), (ids) => {
      const down = [...ids].sort((a, b) => (a > b ? -1 : Number(a < b)));
      const range = { highest: String(down[0]), lowest: String(down.at(-1)) };
      let last = beginRound(START, range);
      expect(dueAt(last, PERIOD)).toBe(START);
      for (const below of down) {
        const next = { ...last, below };
        expect(dueAt(next, PERIOD)).toBeGreaterThanOrEqual(dueAt(last, PERIOD));
        expect(dueAt(next, PERIOD)).toBeLessThan(START + PERIOD + SECOND);
        last = next;
      }
    }),
  );
});

test('a round comes back from the state of its job as it was, and none from another state', () => {
  for (const one of [
    round(17n),
    round(),
    beginRound(START, { lowest: '-5', highest: '9223372036854775807' }),
  ])
    expect(roundOf(JSON.parse(JSON.stringify(roundState(one))))).toEqual(one);
  expect(roundOf({})).toBeUndefined();
  expect(roundOf({ roundStartedAt: 'yesterday', highest: '1', lowest: '1', below: '1' })).toBeUndefined();
});
