import { parseJson } from './parse.js';
import { tokensOf } from './tokens.js';

/** The raw text of each element of the array under `key` of the outermost object, in order. */
export function elementsOf(text: string, key: string): string[] {
  let depth = 0;
  let start = -1;
  let elements: string[] = [];
  let inArray = false;
  let lastString = '';
  let lastEnd = 0;
  for (const token of tokensOf(text)) {
    const char = token.kind === 'punctuation' ? text.charAt(token.start) : '';
    if (inArray && depth === 2 && (char === ',' || char === ']')) {
      if (start >= 0) elements.push(text.slice(start, lastEnd));
      start = -1;
    } else if (inArray && start < 0) start = token.start;
    if (depth === 1 && token.kind === 'string') lastString = stringOf(text.slice(token.start, token.end));
    if (char === '{' || char === '[') {
      if (depth === 1 && char === '[' && lastString === key) {
        inArray = true;
        elements = [];
        start = -1;
      }
      depth += 1;
    } else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 1) inArray = false;
    }
    lastEnd = token.end;
  }
  return elements;
}

function stringOf(raw: string): string {
  return raw.includes('\\') ? String(parseJson(raw)) : raw.slice(1, -1);
}
