import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  earlierOf,
  floorToSecond,
  formatInstant,
  laterOf,
  parseHttpDate,
  parseInstant,
  SECOND,
  seconds,
  secondsBetween,
} from '../src/instant.js';

const YEAR_1 = parseInstant('0001-01-01T00:00:00Z') ?? 0n;
const YEAR_9999 = parseInstant('9999-12-31T23:59:59.999999Z') ?? 0n;
const anyInstant = fc.bigInt({ min: YEAR_1, max: YEAR_9999 });

function micros(text: string): bigint | undefined {
  const at = parseInstant(text);
  return at === undefined ? undefined : at - BigInt(Date.UTC(2026, 2, 1)) * 1000n;
}

describe('reading and writing', () => {
  test('what is written is read back to the microsecond', () => {
    fc.assert(
      fc.property(anyInstant, (at) => {
        expect(parseInstant(formatInstant(at))).toBe(at);
      }),
    );
  });

  test('later moments have later texts, so that texts can be compared', () => {
    const later = (a: bigint, b: bigint) => {
      expect(formatInstant(a) < formatInstant(b)).toBe(a < b);
    };
    // Within one form: with a fraction or without.
    const withFraction = anyInstant.filter((at) => at % SECOND !== 0n);
    fc.assert(fc.property(withFraction, withFraction, later));
  });

  test('a moment is written with six decimals, or with none at a whole second', () => {
    expect(formatInstant(1n)).toBe('1970-01-01T00:00:00.000001Z');
    expect(formatInstant(SECOND)).toBe('1970-01-01T00:00:01Z');
    expect(formatInstant(-1n)).toBe('1969-12-31T23:59:59.999999Z');
  });

  test.each([
    ['2026-03-01T00:00:00Z', 0n],
    ['2026-03-01T00:00:00.1Z', 100_000n],
    ['2026-03-01T00:00:00.000001Z', 1n],
    ['2026-03-01T00:00:00,25Z', 250_000n],
    ['2026-03-01t00:00:01z', SECOND],
    ['2026-03-01 00:00:01Z', SECOND],
    ['2026-03-01T00:00:01', SECOND],
    ['2026-03-01T02:30:00+02:30', 0n],
    ['2026-02-28T23:00:00-01:00', 0n],
    ['2026-03-01T02:30:00+0230', 0n],
    ['2026-02-28T24:00:00Z', 0n],
    ['2026-02-28T23:59:60Z', 0n],
  ])('%s is understood', (text, expected) => {
    expect(micros(text)).toBe(expected);
  });

  test('decimals after the sixth are cut, never rounded: a cursor must not run ahead', () => {
    expect(micros('2026-03-01T00:00:00.0000019Z')).toBe(1n);
    expect(micros('2026-03-01T00:00:00.999999999Z')).toBe(999_999n);
  });

  test('an offset moves the moment, not its precision', () => {
    const offset = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(anyInstant, offset, (at, minutes) => {
        const local = at + BigInt(minutes) * 60n * SECOND;
        fc.pre(local >= YEAR_1 && local <= YEAR_9999);
        const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
        const sign = minutes < 0 ? '-' : '+';
        const zone = `${sign}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
        expect(parseInstant(formatInstant(local).replace('Z', zone))).toBe(at);
      }),
    );
  });

  test.each([
    '',
    'yesterday',
    '2026-03-01',
    '2026-02-29T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-03-00T00:00:00Z',
    '2026-03-01T25:00:00Z',
    '2026-03-01T00:60:00Z',
    '2026-03-01T00:00:61Z',
    '2026-03-01T00:00:00.Z',
    '2026-03-01T00:00:00Z ',
    ' 2026-03-01T00:00:00Z',
    '26-03-01T00:00:00Z',
    '1772323200',
  ])('%j is no time', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  test('the 29th of February exists in leap years only', () => {
    expect(parseInstant('2024-02-29T00:00:00Z')).toBeDefined();
    expect(parseInstant('2000-02-29T00:00:00Z')).toBeDefined();
    expect(parseInstant('1900-02-29T00:00:00Z')).toBeUndefined();
  });
});

describe('arithmetic', () => {
  test('the floor is a whole second, at most a second below, also before 1970', () => {
    fc.assert(
      fc.property(anyInstant, (at) => {
        const floor = floorToSecond(at);
        expect(floor % SECOND).toBe(0n);
        expect(floor <= at && at < floor + SECOND).toBe(true);
      }),
    );
    expect(floorToSecond(-1n)).toBe(-SECOND);
  });

  test('seconds may have fractions, to the microsecond', () => {
    expect(seconds(0.1)).toBe(100_000n);
    expect(seconds(1.000001)).toBe(1_000_001n);
    expect(seconds(120)).toBe(120n * SECOND);
    expect(secondsBetween(1n, 1_500_001n)).toBe(1.5);
    expect(secondsBetween(SECOND, 0n)).toBe(-1);
  });

  test('of two moments the later and the earlier one', () => {
    expect([laterOf(1n, 2n), laterOf(2n, 1n), earlierOf(1n, 2n), earlierOf(2n, 1n)]).toEqual([
      2n,
      2n,
      1n,
      1n,
    ]);
  });
});

describe('the Date header', () => {
  test('is read to the second', () => {
    expect(parseHttpDate('Sun, 01 Mar 2026 00:00:07 GMT')).toBe(parseInstant('2026-03-01T00:00:07Z'));
  });

  test('is nothing when it is absent or unreadable', () => {
    expect(parseHttpDate(undefined)).toBeUndefined();
    expect(parseHttpDate('soon')).toBeUndefined();
  });
});
