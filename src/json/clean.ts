import { escapeControlCharacters } from './parse.js';
import { tokensOf } from './tokens.js';

/** JSON text that `jsonb` accepts, and what had to be changed or cannot be kept by it. */
export interface CleanJson {
  readonly text: string;
  /** Why the original text must be kept beside it; empty when `jsonb` holds it as it came. */
  readonly reasons: readonly string[];
}

const REPLACEMENT = '\\ufffd';
// numeric holds 131072 digits before and 16383 after the point (PostgreSQL documentation, section 8.1.2), and its
// parser gives up on exponents of ten digits, even those of zero.
const MOST_WHOLE_DIGITS = 131_072;
const MOST_DECIMALS = 16_383;
const LARGEST_EXPONENT = 1_000_000_000;

/**
 * Makes one JSON value fit for `jsonb`. Replaced visibly: NUL and lone surrogates by U+FFFD, numbers outside the range
 * of `numeric` by their text as a string. Only reported, because jsonb stores an equal value: minus zero (kept as 0)
 * and duplicate keys (the last one wins, as in every JSON parser).
 */
export function cleanJson(original: string): CleanJson {
  const reasons = new Set<string>();
  const text = escapeControlCharacters(original);
  if (text !== original) reasons.add('raw control character');
  const keys: (Set<string> | undefined)[] = [];
  let cleaned = '';
  let copied = 0;
  let previous: { start: number; end: number } | undefined;
  for (const token of tokensOf(text)) {
    const raw = text.slice(token.start, token.end);
    let replacement = raw;
    if (token.kind === 'string') {
      replacement = cleanString(raw, reasons);
      previous = token;
    } else if (token.kind === 'number') replacement = cleanNumber(raw, reasons);
    else if (raw === '{') keys.push(new Set());
    else if (raw === '[') keys.push(undefined);
    else if (raw === '}' || raw === ']') keys.pop();
    else if (raw === ':' && previous) noteKey(text.slice(previous.start, previous.end), keys.at(-1), reasons);
    if (replacement === raw) continue;
    cleaned += text.slice(copied, token.start) + replacement;
    copied = token.end;
  }
  return { text: cleaned + text.slice(copied), reasons: [...reasons] };
}

function noteKey(raw: string, keys: Set<string> | undefined, reasons: Set<string>): void {
  const key = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
  if (keys?.has(key)) reasons.add('duplicate key');
  keys?.add(key);
}

// Escapes are looked at in order, so that the `\\` of an escaped backslash is never taken for the start of one.
const ESCAPE = /\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\[\s\S]/g;

function cleanString(raw: string, reasons: Set<string>): string {
  if (!raw.includes('\\u')) return raw;
  return raw.replace(ESCAPE, (sequence, high: string | undefined, _low, single: string | undefined) => {
    if (high !== undefined || single === undefined) return sequence;
    const code = Number.parseInt(single, 16);
    if (code === 0) reasons.add('NUL character');
    else if (code >= 0xd800 && code <= 0xdfff) reasons.add('lone surrogate');
    else return sequence;
    return REPLACEMENT;
  });
}

function cleanNumber(raw: string, reasons: Set<string>): string {
  if (/^-0(?:\.0*)?(?:[eE].*)?$/.test(raw)) reasons.add('minus zero');
  if (fitsNumeric(raw)) return raw;
  reasons.add('number out of range');
  return `"${raw}"`;
}

function fitsNumeric(raw: string): boolean {
  const [mantissa = '', exponentText = '0'] = raw.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const exponent = Number(exponentText);
  const leadingZeros = (whole + fraction).search(/[1-9]/);
  const wholeDigits = leadingZeros < 0 ? 0 : whole.length - leadingZeros + exponent;
  return (
    Math.abs(exponent) < LARGEST_EXPONENT &&
    wholeDigits <= MOST_WHOLE_DIGITS &&
    fraction.length - exponent <= MOST_DECIMALS
  );
}
