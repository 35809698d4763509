import { parseJson } from './parse.js';
import { tokensOf } from './tokens.js';

/**
 * The raw text of each member of a JSON object by its key, in order: numbers stay digit for digit. Of a key that is
 * there twice the last one counts, as in every JSON parser.
 */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let depth = 0;
  let key: string | undefined;
  let start = -1;
  let lastEnd = 0;
  let lastString = '';
  for (const token of tokensOf(text)) {
    const char = token.kind === 'punctuation' ? text.charAt(token.start) : '';
    if (depth === 1 && (char === ',' || char === '}')) {
      if (key !== undefined && start >= 0) members.set(key, text.slice(start, lastEnd));
      key = undefined;
      start = -1;
    } else if (depth === 1 && char === ':' && key === undefined) key = stringOf(lastString);
    else if (depth === 1 && key !== undefined && start < 0) start = token.start;
    if (depth === 1 && token.kind === 'string') lastString = text.slice(token.start, token.end);
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    lastEnd = token.end;
  }
  return members;
}

/** A JSON value as the text of a CSV cell: texts without quotes, null as nothing, all else as it was written. */
export function cellText(raw: string | undefined): string {
  if (raw === undefined || raw === 'null') return '';
  return raw.startsWith('"') ? stringOf(raw) : raw;
}

function stringOf(raw: string): string {
  return raw.includes('\\') ? String(parseJson(raw)) : raw.slice(1, -1);
}
