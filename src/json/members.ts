import { parseJson } from './parse.js';
import { tokensOf } from './tokens.js';

/** Name and raw text of each member of the outermost object, in order. The text has been parsed before. */
export function membersOf(text: string): (readonly [name: string, raw: string])[] {
  const members: (readonly [string, string])[] = [];
  let depth = 0;
  let name: string | undefined;
  let start = -1;
  let end = 0;
  const close = () => {
    if (name !== undefined && start >= 0) members.push([name, text.slice(start, end)]);
    name = undefined;
    start = -1;
  };
  for (const token of tokensOf(text)) {
    const raw = text.slice(token.start, token.end);
    const opens = raw === '{' || raw === '[';
    if (raw === '}' || raw === ']') depth -= 1;
    if (depth === 0 || (depth === 1 && raw === ',')) close();
    else if (name === undefined) name = String(parseJson(raw));
    else if (start < 0 && raw !== ':') start = token.start;
    if (opens) depth += 1;
    end = token.end;
  }
  return members;
}
