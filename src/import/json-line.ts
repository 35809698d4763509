import { messageOf } from '../errors.js';
import type { Problems } from './problems.js';
import type { SourceRow } from './unit.js';

export interface JsonObject {
  readonly value: Readonly<Record<string, unknown>>;
  /** As it stands in the file. */
  readonly text: string;
}

/** The JSON object of an NDJSON line; tells what else it is otherwise. */
export function readObject(row: SourceRow, problems: Problems): JsonObject | undefined {
  const text = (row.cells[0] ?? '').trim();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    problems.add(row.firstLine, '', text, `is not JSON: ${messageOf(error)}`);
    return undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { value: value as Record<string, unknown>, text };
  problems.add(row.firstLine, '', text, 'must be a JSON object, one on each line');
  return undefined;
}
