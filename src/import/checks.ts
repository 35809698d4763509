import { wallClockMs } from '../clock.js';
import { parseInstant } from '../instant.js';

/** Says what is wrong with the text of a cell; `undefined` when it is good. Empty cells are not asked about. */
export type Check = (text: string) => string | undefined;

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
// Rounding down exists for days only, rounding up for days and longer (docs/api-facts.md, Imports).
const DURATION = /^\d+(?:[smhDWMY]|D_D|[DWMY]_U)$/;

export const isRfc3339 = (text: string): boolean => RFC3339.test(text) && parseInstant(text) !== undefined;

/** A number as JSON writes it: its digits can be passed on as they are. */
export const isDecimal = (text: string): boolean => DECIMAL.test(text) && Number.isFinite(Number(text));

export const time: Check = (text) =>
  isRfc3339(text) ? undefined : 'must be an RFC 3339 time with an offset, such as 2026-01-31T00:00:00Z';

export const futureTime: Check = (text) => {
  if (!isRfc3339(text)) return time(text);
  return (parseInstant(text) ?? 0n) > BigInt(wallClockMs()) * 1000n ? undefined : 'must be in the future';
};

/** A time, or one of the given words. */
export const timeOr =
  (...words: string[]): Check =>
  (text) =>
    isRfc3339(text) || words.includes(text)
      ? undefined
      : `must be ${words.join(', ')} or an RFC 3339 time with an offset, such as 2026-01-31T00:00:00Z`;

export const numberAbove =
  (limit: number): Check =>
  (text) =>
    isDecimal(text) && Number(text) > limit
      ? undefined
      : `must be a number above ${limit}, with a point and no thousands separators`;

export const numberFrom =
  (limit: number): Check =>
  (text) =>
    isDecimal(text) && Number(text) >= limit
      ? undefined
      : `must be a number from ${limit}, with a point and no thousands separators`;

export const wholeNumberFrom =
  (limit: number): Check =>
  (text) =>
    /^\d{1,15}$/.test(text) && Number(text) >= limit ? undefined : `must be a whole number from ${limit}`;

export const duration: Check = (text) =>
  DURATION.test(text)
    ? undefined
    : 'must be a whole number and a unit (s m h D W M Y), rounded with _D or _U if wanted: 30D, 7W_U';

export const oneOf =
  (...words: string[]): Check =>
  (text) =>
    words.includes(text) ? undefined : `must be ${words.join(' or ')}`;

export const lengthBetween =
  (least: number, most: number): Check =>
  (text) =>
    text.length >= least && text.length <= most ? undefined : `must have ${least} to ${most} characters`;

export const matching =
  (pattern: RegExp, what: string): Check =>
  (text) =>
    pattern.test(text) ? undefined : `must be ${what}`;

export const jsonObject: Check = (text) => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined;
  } catch {
    // Reported below.
  }
  return 'must be a JSON object, such as {"name":"value"} (in CSV its quotes are doubled)';
};
