import { describe, expect, test } from 'vitest';
import { type Instant, seconds } from '../src/instant.js';
import { intervalOf } from '../src/sync/session-landmarks.js';

/** Sessions by ID and the second when they were created. */
function known(...pairs: [id: number, second: number][]): { id: number; created: Instant }[] {
  return pairs.map(([id, second]) => ({ id, created: seconds(second) }));
}

const straight = known([100, 1000], [200, 2000], [300, 3000], [400, 4000]);

test('where IDs and times run straight, the moment is known as well as the line', () => {
  const interval = intervalOf(250, straight);
  expect(interval?.likely).toBe(seconds(2500));
  expect([interval?.earliest, interval?.latest]).toEqual([seconds(2499), seconds(2501)]);
  expect([interval?.lowest, interval?.highest]).toEqual([expect.closeTo(249.9), expect.closeTo(250.1)]);
});

test('where they bend, no moment is left out at which the next neighbours let it be created', () => {
  // Twice as many a second from the second one on: by the line through 200 and 300 it would be 2250.
  const interval = intervalOf(250, known([100, 1000], [200, 2000], [300, 2500], [400, 3000]));
  expect(interval?.earliest).toBeLessThan(seconds(2150));
  expect(interval?.latest).toBeGreaterThan(seconds(2350));
});

test('however they bend, it was created between its neighbours', () => {
  const interval = intervalOf(201, known([100, 0], [200, 2000], [300, 2001], [400, 9000]));
  expect(interval?.earliest).toBeGreaterThanOrEqual(seconds(2000));
  expect(interval?.latest).toBeLessThanOrEqual(seconds(2001));
});

test('with one neighbour on each side nothing is known but that it is between them', () => {
  expect(intervalOf(250, known([200, 2000], [300, 3000]))).toMatchObject({
    earliest: seconds(2000),
    latest: seconds(3000),
    lowest: 200,
    highest: 300,
  });
});

describe('nothing is told', () => {
  test('without a neighbour on both sides', () => {
    expect([intervalOf(50, straight), intervalOf(450, straight), intervalOf(50, [])]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('where a higher ID was created earlier', () => {
    expect(intervalOf(250, known([100, 1000], [200, 3000], [300, 2000], [400, 4000]))).toBeUndefined();
    expect(intervalOf(250, known([100, 5000], [200, 2000], [300, 3000], [400, 4000]))).toBeUndefined();
  });
});
