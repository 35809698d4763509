/**
 * A moment in microseconds since 1970-01-01T00:00:00Z: the full precision of the API's timestamps and of
 * `timestamptz`. A JavaScript `Date` would cut it to milliseconds and lose events between two of them.
 */
export type Instant = bigint;

export const SECOND: Instant = 1_000_000n;

// RFC 3339, plus what Talon.One's documents show: a missing offset means UTC, and the Go layout `Z07:00`
// appears where an offset is meant. More than six decimals are cut, never rounded: a cursor must not run ahead.
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|[Zz]?([+-])(\d\d):?(\d\d)|[Zz]\d\d:\d\d)?$/;

/** Reads an RFC 3339 timestamp; `undefined` when the text is not one (also for days that do not exist). */
export function parseInstant(text: string): Instant | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] = match;
  const ms = utcMilliseconds(
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (ms === undefined) return undefined;
  const offsetMinutes = sign ? (sign === '-' ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute)) : 0;
  const micros = BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return BigInt(ms) * 1000n + micros - BigInt(offsetMinutes) * 60n * SECOND;
}

function utcMilliseconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (hour > 24 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  return date.getTime();
}

/** Writes a moment as RFC 3339 in UTC: six decimals, or none when it is a whole second. */
export function formatInstant(instant: Instant): string {
  const micros = modulo(instant, SECOND);
  const whole = new Date(Number((instant - micros) / 1000n)).toISOString().slice(0, -5);
  return micros === 0n ? `${whole}Z` : `${whole}.${micros.toString().padStart(6, '0')}Z`;
}

/** The whole second at or below `instant`, also before 1970. */
export function floorToSecond(instant: Instant): Instant {
  return instant - modulo(instant, SECOND);
}

/** Seconds (fractions allowed) as a duration in microseconds. */
export function seconds(value: number): Instant {
  return BigInt(Math.round(value * 1e6));
}

/** Seconds from `earlier` to `later`, negative when the order is the other way round. */
export function secondsBetween(earlier: Instant, later: Instant): number {
  return Number(later - earlier) / 1e6;
}

/** Reads an HTTP `Date` header (RFC 9110, section 5.6.7); `undefined` when absent or unreadable. */
export function parseHttpDate(text: string | undefined): Instant | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n;
}

export function laterOf(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

export function earlierOf(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

function modulo(value: Instant, divisor: Instant): Instant {
  const rest = value % divisor;
  return rest < 0n ? rest + divisor : rest;
}
