import { expect, test } from 'vitest';
import { seconds } from '../src/instant.js';
import { QuietTail } from '../src/sync/quiet-tail.js';
import { startOfWindow } from '../src/sync/reading.js';

const LOOKBACK = seconds(120);

/** Readings to the end of a list whose newest event is `lastSync`, each beginning at `atSeconds`. */
function tailAfter(...readings: { lastSync: bigint; atSeconds: number }[]): QuietTail {
  let nowMs = 0;
  const tail = new QuietTail(LOOKBACK, () => nowMs);
  for (const { lastSync, atSeconds } of readings) {
    nowMs = atSeconds * 1000 + 500;
    tail.noteCaughtUp(lastSync, atSeconds * 1000);
  }
  return tail;
}

const NEWEST = seconds(1000) + 700_000n;
const WITH_LOOKBACK = seconds(1000 - 120);

test('as long as an event may become visible behind the newest one, the look-back is read again', () => {
  const seen = { lastSync: NEWEST, atSeconds: 0 };
  expect(tailAfter().startAfter(NEWEST)).toBe(WITH_LOOKBACK);
  expect(tailAfter(seen).startAfter(NEWEST)).toBe(WITH_LOOKBACK);
  // A tenth of the look-back for clocks that run at another speed, and three seconds.
  expect(tailAfter(seen, { ...seen, atSeconds: 135 }).startAfter(NEWEST)).toBe(WITH_LOOKBACK);
});

test('a reading that began more than a look-back after the newest event was seen was the last to need it', () => {
  const tail = tailAfter({ lastSync: NEWEST, atSeconds: 0 }, { lastSync: NEWEST, atSeconds: 136 });
  // Not even the last second is read again: it may hold a burst.
  expect(tail.startAfter(NEWEST)).toBe(seconds(1001));
});

test('where a reading stopped far in the past, the next one goes on without a look-back, but not behind its last event', () => {
  const day = seconds(86_400);
  const startAfter = (serverTime: bigint | undefined) => {
    const tail = new QuietTail(LOOKBACK, () => 0);
    tail.noteBehind(NEWEST, serverTime);
    return tail.startAfter(NEWEST);
  };
  expect(startAfter(NEWEST + day + LOOKBACK + 1n)).toBe(startOfWindow({ lastSync: NEWEST }, 0n));
  // The Date header may be wrong by hours, or absent.
  const whole = startOfWindow({ lastSync: NEWEST }, LOOKBACK);
  expect(startAfter(NEWEST + day + LOOKBACK)).toBe(whole);
  expect(startAfter(undefined)).toBe(whole);
});

test('a new event brings the look-back back, also when another process has seen it first', () => {
  const quiet = [
    { lastSync: NEWEST, atSeconds: 0 },
    { lastSync: NEWEST, atSeconds: 300 },
  ];
  const next = NEWEST + seconds(1);
  const withLookback = WITH_LOOKBACK + seconds(1);
  expect(tailAfter(...quiet).startAfter(next)).toBe(withLookback);
  const again = tailAfter(...quiet, { lastSync: next, atSeconds: 360 });
  expect([again.startAfter(next), again.startAfter(NEWEST)]).toEqual([withLookback, WITH_LOOKBACK]);
});
