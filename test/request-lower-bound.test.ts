import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fewestSessionRequests, lowerBound, recipe } from './bench/requests/lower-bound.js';

/** Tries every way to begin the pages. */
function fewestByTrying(ranks: readonly number[], pageSize: number): number {
  const [first, ...rest] = ranks;
  if (first === undefined) return 0;
  const ways: number[] = [];
  // The page that brings the first one may begin anywhere before it, or be a request by ID.
  for (let begin = first - pageSize + 1; begin <= first; begin += 1) {
    const left = rest.filter((rank) => rank < begin || rank >= begin + pageSize);
    ways.push(1 + fewestByTrying(left, pageSize));
  }
  return Math.min(...ways);
}

describe('the bound of the sessions', () => {
  test('is what the best of all plans spends', () => {
    const ranks = fc
      .uniqueArray(fc.nat({ max: 25 }), { maxLength: 7 })
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(ranks, fc.integer({ min: 1, max: 4 }), (points, pageSize) => {
        expect(fewestSessionRequests(points, pageSize)).toBe(fewestByTrying(points, pageSize));
      }),
    );
  });

  test('is one for each page where all are owed, and one for each session where they are far apart', () => {
    const neighbours = Array.from({ length: 2500 }, (_, index) => index);
    expect(fewestSessionRequests(neighbours, 1000)).toBe(3);
    expect(fewestSessionRequests([0, 1000, 2000], 1000)).toBe(3);
  });
});

test('a cycle without events costs one request, one with events what its parts cost', () => {
  const idle = { events: 0, profiles: 0, sessionRanks: [] };
  const busy = { events: 1001, profiles: 3, sessionRanks: [1, 2, 5000] };
  expect(lowerBound([idle])).toEqual({ events: 1, profiles: 0, sessions: 0, total: 1 });
  expect(lowerBound([idle, busy])).toEqual({ events: 3, profiles: 1, sessions: 2, total: 6 });
  expect(recipe([idle, busy])).toBe(1 + 2 + 3 + 3);
});
