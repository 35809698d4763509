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

test('a new event brings the look-back back, also when another process has seen it first', () => {
  const quiet = [
    { lastSync: 7n, atSeconds: 0 },
    { lastSync: 7n, atSeconds: 300 },
  ];
  expect(tailAfter(...quiet).lookbackFor(8n)).toBe(LOOKBACK);
  const again = tailAfter(...quiet, { lastSync: 8n, atSeconds: 360 });
  expect([again.lookbackFor(8n), again.lookbackFor(7n)]).toEqual([LOOKBACK, LOOKBACK]);
});
