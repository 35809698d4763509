import type { Instant } from '../instant.js';

// Calendar days, written 2026-01-31, in the time zone of a loyalty program.

const DAY_MS = 86_400_000;

/** The zone, or UTC when this Node does not know it. */
export function knownTimeZone(name: string | undefined): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name ?? 'UTC' }).resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
}

/** The day that `instant` belongs to in that zone. */
export function dayOf(instant: Instant, timeZone: string): string {
  return localTime(Number(instant / 1000n), timeZone).slice(0, 10);
}

/** The moment at which a day begins there. Where clocks are put forward at midnight, it is the first that exists. */
export function startOfDay(day: string, timeZone: string): Instant {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const offsets = [midnight - DAY_MS, midnight + DAY_MS].map((at) => offsetAt(at, timeZone));
  const candidates = offsets.map((offset) => midnight - offset).sort((a, b) => a - b);
  const start = candidates.find((at) => localTime(at, timeZone).startsWith(day));
  return BigInt(start ?? midnight) * 1000n;
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The last day before `today` and the first of the frame that ends there: `7d`, `2w`, `3m`, `1y`. */
export function daysUpTo(today: string, frame: string): { readonly first: string; readonly last: string } {
  const count = Number(frame.slice(0, -1));
  const last = addDays(today, -1);
  switch (frame.at(-1)) {
    case 'd':
      return { first: addDays(today, -count), last };
    case 'w':
      return { first: addDays(today, -count * 7), last };
    case 'm':
      return { first: addMonths(today, -count), last };
    default:
      return { first: addMonths(today, -count * 12), last };
  }
}

// 31 March less a month is the last day of February.
function addMonths(day: string, months: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const lastOfMonth = new Date(Date.UTC(year, month + months, 0));
  return new Date(Math.min(Date.UTC(year, month - 1 + months, date), lastOfMonth.getTime()))
    .toISOString()
    .slice(0, 10);
}

function offsetAt(ms: number, timeZone: string): number {
  return Date.parse(`${localTime(ms, timeZone)}Z`) - Math.floor(ms / 1000) * 1000;
}

/** The wall clock there, `2026-01-31T23:59:59`. */
function localTime(ms: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return format.format(new Date(ms)).replace(' ', 'T');
}
