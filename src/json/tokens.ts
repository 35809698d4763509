/** A piece of JSON text; `end` is exclusive. */
export interface Token {
  readonly kind: 'string' | 'number' | 'word' | 'punctuation';
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const PUNCTUATION = new Set([...'{}[],:'].map((char) => char.charCodeAt(0)));

/**
 * Splits JSON text into tokens without judging it: the text has been parsed before. Written by hand because a regular
 * expression overflows its stack on a string of some megabytes. Raw control characters inside strings are let through.
 */
export function* tokensOf(text: string): Generator<Token, void> {
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === 0xfeff) {
      at += 1;
      continue;
    }
    const start = at;
    if (code === QUOTE) {
      at = endOfString(text, at);
      yield { kind: 'string', start, end: at };
    } else if (PUNCTUATION.has(code)) {
      at += 1;
      yield { kind: 'punctuation', start, end: at };
    } else {
      at = endOfWord(text, at);
      yield { kind: isNumberStart(code) ? 'number' : 'word', start, end: at };
    }
  }
}

function endOfString(text: string, quoteAt: number): number {
  let at = quoteAt + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    if (!isEscaped(text, quote)) return quote + 1;
    at = quote + 1;
  }
}

// An odd number of backslashes before a quote makes it part of the string.
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

function endOfWord(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === QUOTE || PUNCTUATION.has(code)) break;
    at += 1;
  }
  return at;
}

function isNumberStart(code: number): boolean {
  return code === 0x2d || (code >= 0x30 && code <= 0x39);
}
