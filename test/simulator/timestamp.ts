/** Microseconds since 1970: exact in a double until the year 2255. A Date would stop at milliseconds. */
export type Micros = number;

export const MILLISECOND: Micros = 1_000;
export const SECOND: Micros = 1_000_000;
export const DAY: Micros = 86_400 * SECOND;

export type Digits = 'six' | 'trimmed';
export type Precision = 'microsecond' | 'millisecond' | 'second';

// Date.toISOString was half the cost of a page: days are remembered, the rest is looked up.
const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));
const dayTexts = new Map<number, string>();

function dayText(day: number): string {
  const known = dayTexts.get(day);
  if (known !== undefined) return known;
  if (dayTexts.size > 10_000) dayTexts.clear();
  const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
  dayTexts.set(day, text);
  return text;
}

function secondsText(seconds: number, separator: 'T' | ' '): string {
  const day = Math.floor(seconds / 86_400);
  const rest = seconds - day * 86_400;
  const hour = TWO_DIGITS[Math.floor(rest / 3600)];
  const minute = TWO_DIGITS[Math.floor(rest / 60) % 60];
  return `${dayText(day)}${separator}${hour}:${minute}:${TWO_DIGITS[rest % 60]}`;
}

/** RFC 3339 in UTC. `trimmed` drops trailing zeros of the fraction, as servers written in Go do. */
export function formatMicros(at: Micros, digits: Digits = 'six'): string {
  const seconds = Math.floor(at / SECOND);
  const fraction = String(at - seconds * SECOND).padStart(6, '0');
  const start = secondsText(seconds, 'T');
  if (digits === 'six') return `${start}.${fraction}Z`;
  const kept = fraction.replace(/0+$/, '');
  return kept === '' ? `${start}Z` : `${start}.${kept}Z`;
}

export function formatSeconds(at: Micros, style: 'ISO8601' | 'excel' = 'ISO8601'): string {
  const seconds = Math.floor(at / SECOND);
  return style === 'excel' ? secondsText(seconds, ' ') : `${secondsText(seconds, 'T')}Z`;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|([+-])(\d\d):(\d\d))$/;

/** Undefined when the text is not RFC 3339. Digits after the sixth are cut off. */
export function parseRfc3339(text: string): Micros | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index] ?? '0');
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  if (hour > 23 || minute > 59 || second > 59 || part(10) > 23 || part(11) > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  const offsetMs = (match[9] === '-' ? -1 : 1) * (part(10) * 60 + part(11)) * 60_000;
  const fraction = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0'));
  return (date.getTime() - offsetMs) * MILLISECOND + fraction;
}

export function requireRfc3339(text: string, what: string): Micros {
  const at = parseRfc3339(text);
  if (at === undefined) throw new TypeError(`${what} is not an RFC 3339 timestamp: ${text}`);
  return at;
}

export function truncateTo(precision: Precision, at: Micros): Micros {
  if (precision === 'microsecond') return at;
  const unit = precision === 'second' ? SECOND : MILLISECOND;
  return Math.floor(at / unit) * unit;
}
