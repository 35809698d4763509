import { membersOf } from './members.js';
import { parseJson } from './parse.js';

/** The members of a JSON object by name, as raw texts; of a name that is there twice the last one counts. */
export function memberMap(object: string): ReadonlyMap<string, string> {
  return new Map(membersOf(object));
}

/** A JSON value as the text of a CSV cell: texts without quotes, null as nothing, all else as it was written. */
export function cellText(raw: string | undefined): string {
  if (raw === undefined || raw === 'null') return '';
  return raw.startsWith('"') ? String(parseJson(raw)) : raw;
}
