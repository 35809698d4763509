import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDays, dayOf, daysUpTo, knownTimeZone, startOfDay } from '../src/export/days.js';
import { formatInstant, parseInstant } from '../src/instant.js';

const at = (text: string) => parseInstant(text) ?? 0n;

test.each([
  ['2026-11-22T22:59:59Z', 'Europe/Berlin', '2026-11-22'],
  ['2026-11-22T23:00:00Z', 'Europe/Berlin', '2026-11-23'],
  ['2026-11-22T04:59:59.999999Z', 'America/New_York', '2026-11-21'],
  ['2026-11-22T12:00:00Z', 'Pacific/Kiritimati', '2026-11-23'],
])('%s is in %s on %s', (instant, zone, day) => {
  expect(dayOf(at(instant), zone)).toBe(day);
});

test.each([
  ['2026-11-22', 'UTC', '2026-11-22T00:00:00Z'],
  ['2026-11-22', 'Europe/Berlin', '2026-11-21T23:00:00Z'],
  ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00Z'],
  ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00Z'],
  ['2026-11-22', 'America/New_York', '2026-11-22T05:00:00Z'],
])('%s begins in %s at %s', (day, zone, instant) => {
  expect(formatInstant(startOfDay(day, zone))).toBe(instant);
});

test('a day begins in the day, and the moment before belongs to the one before: in every zone and year', () => {
  const zones = ['UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Africa/Cairo', 'Asia/Kolkata', 'Pacific/Apia'];
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5000 }), fc.constantFrom(...zones), (offset, zone) => {
      const day = addDays('2015-01-01', offset);
      const start = startOfDay(day, zone);
      expect(dayOf(start, zone)).toBe(day);
      expect(dayOf(start - 1_000_000n, zone) < day).toBe(true);
    }),
  );
});

test.each([
  ['7d', '2026-03-24'],
  ['30d', '2026-03-01'],
  ['2w', '2026-03-17'],
  ['1m', '2026-02-28'],
  ['3m', '2025-12-31'],
  ['1y', '2025-03-31'],
])('the frame %s of 31 March begins on %s and ends yesterday', (frame, first) => {
  expect(daysUpTo('2026-03-31', frame)).toEqual({ first, last: '2026-03-30' });
});

test('a zone that this Node does not know is UTC', () => {
  expect(knownTimeZone('Mars/Olympus')).toBe('UTC');
  expect(knownTimeZone(undefined)).toBe('UTC');
  expect(knownTimeZone('Europe/Berlin')).toBe('Europe/Berlin');
});
