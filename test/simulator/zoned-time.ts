import { DAY, formatMicros, MILLISECOND, type Micros, SECOND } from './timestamp.js';

// Loyalty programs keep some of their dates in a time zone of their own, as an offset from UTC.

const HOUR: Micros = 3600 * SECOND;
const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, Micros>();

/** How far a zone's clocks are ahead of UTC at a moment. Remembered by the hour: no zone changes more often. */
export function zoneOffset(zone: string, at: Micros): Micros {
  const key = `${zone} ${Math.floor(at / HOUR)}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  if (offsets.size > 10_000) offsets.clear();
  const parts = formatOf(zone).formatToParts(new Date(at / MILLISECOND));
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  const offset = (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 * SECOND;
  offsets.set(key, offset);
  return offset;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  formats.set(zone, format);
  return format;
}

export type ZonedStyle = 'utc' | 'offset' | 'goLayout';

/**
 * RFC 3339 in UTC, with the zone's offset, or as examples of the documentation have it: `2023-08-02T15:04:05Z07:00`, a
 * Z where the sign belongs. Zones behind UTC have an ordinary minus there.
 */
export function formatZoned(
  at: Micros,
  zone: string,
  style: ZonedStyle,
  digits: 'none' | 'six' | 'trimmed',
): string {
  const offset = style === 'utc' ? 0 : zoneOffset(zone, at);
  const local = digits === 'none' ? Math.floor((at + offset) / SECOND) * SECOND : at + offset;
  const text = formatMicros(local, digits === 'none' ? 'trimmed' : digits);
  if (style === 'utc') return text;
  const minutes = Math.abs(offset) / (60 * SECOND);
  const clock = `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
  const plus = style === 'goLayout' ? 'Z' : '+';
  return `${text.slice(0, -1)}${offset < 0 ? '-' : plus}${clock}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** The last midnight of the zone's clocks. */
export function startOfDay(at: Micros, zone: string): Micros {
  const local = at + zoneOffset(zone, at);
  const midnight = Math.floor(local / DAY) * DAY;
  const guess = midnight - zoneOffset(zone, at);
  // The clocks may have been changed since.
  return midnight - zoneOffset(zone, guess);
}
