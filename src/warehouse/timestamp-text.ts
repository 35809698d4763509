/**
 * SQL that writes a `timestamptz` as RFC 3339 in UTC with all six decimals; pg's own text form depends on DateStyle and
 * TimeZone. `expression` is SQL of ours, never a value.
 */
export function rfc3339(expression: string): string {
  return `to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
