import { expect, test } from 'vitest';
import { seconds } from '../src/instant.js';
import { QuietTail } from '../src/sync/quiet-tail.js';

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

test('as long as an event may become visible behind the newest one, the look-back is read again', () => {
  expect(tailAfter().lookbackFor(7n)).toBe(LOOKBACK);
  expect(tailAfter({ lastSync: 7n, atSeconds: 0 }).lookbackFor(7n)).toBe(LOOKBACK);
  expect(tailAfter({ lastSync: 7n, atSeconds: 0 }, { lastSync: 7n, atSeconds: 240 }).lookbackFor(7n)).toBe(
    LOOKBACK,
  );
});

test('a reading that began more than two look-backs after the newest event was seen was the last to need it', () => {
  const tail = tailAfter({ lastSync: 7n, atSeconds: 0 }, { lastSync: 7n, atSeconds: 242 });
  expect(tail.lookbackFor(7n)).toBe(0n);
});

test('where a reading stopped far in the past, the next one goes on without a look-back', () => {
  const day = 86_400n * 1_000_000n;
  const behind = (serverTime: bigint | undefined) => {
    const tail = new QuietTail(LOOKBACK, () => 0);
    tail.noteBehind(7n, serverTime);
    return [tail.lookbackFor(7n), tail.lookbackFor(8n)];
  };
  expect(behind(7n + day + LOOKBACK + 1n)).toEqual([0n, LOOKBACK]);
  // The Date header may be wrong by hours, or absent.
  expect(behind(7n + day + LOOKBACK)).toEqual([LOOKBACK, LOOKBACK]);
  expect(behind(undefined)).toEqual([LOOKBACK, LOOKBACK]);
});

test('a new event brings the look-back back, also when another process has seen it first', () => {
  const quiet = [
    { lastSync: 7n, atSeconds: 0 },
    { lastSync: 7n, atSeconds: 300 },
  ];
  expect(tailAfter(...quiet).lookbackFor(8n)).toBe(LOOKBACK);
  const again = tailAfter(...quiet, { lastSync: 8n, atSeconds: 360 });
  expect([again.lookbackFor(8n), again.lookbackFor(7n)]).toEqual([LOOKBACK, LOOKBACK]);
});
