import { badParameter } from './refusal.js';
import type { Switches } from './switches.js';
import { type Micros, parseRfc3339 } from './timestamp.js';

/** `date` is a timestamp that may lack its time; `texts` may be given several times. */
export type ParameterType =
  | 'text'
  | 'texts'
  | 'integer'
  | 'date-time'
  | 'date'
  | 'boolean'
  | readonly string[];
export type Query = ReadonlyMap<string, string>;

export const PAGING: Record<string, ParameterType> = { pageSize: 'integer', skip: 'integer' };
const MAXIMUM_PAGE_SIZE = 1000;

/** Strict on purpose: a parameter that is unknown, doubled or of the wrong type is a mistake of the client. */
export function readQuery(search: URLSearchParams, declared: Record<string, ParameterType>): Query {
  const query = new Map<string, string>();
  for (const [name, value] of search) {
    const type = declared[name];
    if (type === undefined) throw badParameter(name, `unknown query parameter "${name}"`);
    if (query.has(name) && type !== 'texts')
      throw badParameter(name, `query parameter "${name}" given twice`);
    const expected = mismatch(type, value);
    if (expected !== undefined) throw badParameter(name, `expected ${expected}, got "${value}"`);
    query.set(name, value);
  }
  return query;
}

function mismatch(type: ParameterType, value: string): string | undefined {
  if (type === 'text' || type === 'texts') return undefined;
  if (type === 'integer') return /^-?\d{1,15}$/.test(value) ? undefined : 'an integer';
  if (type === 'boolean') return /^(true|false)$/.test(value) ? undefined : 'true or false';
  if (type === 'date-time') return parseRfc3339(value) === undefined ? 'an RFC 3339 timestamp' : undefined;
  if (type === 'date') return parseDate(value) === undefined ? 'an RFC 3339 timestamp or date' : undefined;
  return type.includes(value) ? undefined : `one of ${type.join(', ')}`;
}

export function requireParameters(query: Query, names: readonly string[]): void {
  const missing = names.find((name) => !query.has(name));
  if (missing !== undefined) throw badParameter(missing, `query parameter "${missing}" is required`);
}

export function requireLength(query: Query, name: string, minimum: number): void {
  const value = query.get(name);
  if (value !== undefined && value.length < minimum) {
    throw badParameter(name, `expected at least ${minimum} characters`);
  }
}

export interface Paging {
  pageSize: number;
  skip: number;
}

/** Most lists return 1000 rows by default and at most; some say otherwise. */
export function readPaging(
  query: Query,
  switches: Switches,
  { fallback = MAXIMUM_PAGE_SIZE, maximum = MAXIMUM_PAGE_SIZE } = {},
): Paging {
  const asked = Number(query.get('pageSize') ?? fallback);
  const skip = Number(query.get('skip') ?? 0);
  const isTooLarge = asked > maximum && switches.pageSizeAboveMaximum === 'refuse';
  if (asked < 1 || isTooLarge) throw badParameter('pageSize', `expected 1 to ${maximum}, got ${asked}`);
  if (skip < 0) throw badParameter('skip', `expected 0 or more, got ${skip}`);
  const limit = switches.silentPageLimit === 0 ? MAXIMUM_PAGE_SIZE : switches.silentPageLimit;
  return { pageSize: Math.min(asked, limit, maximum), skip };
}

export function readTime(query: Query, name: string): Micros | undefined {
  const value = query.get(name);
  return value === undefined ? undefined : parseDate(value);
}

/** Documented for ranges: a date without time is its midnight in UTC. */
function parseDate(text: string): Micros | undefined {
  return parseRfc3339(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
}

export type Order = Switches['defaultOrder'];

export function readOrder(query: Query, switches: Switches): Order {
  const sort = query.get('sort');
  if (sort === undefined) return switches.defaultOrder;
  if (switches.sort === 'refusedAll') throw badParameter('sort', 'sorting is not supported');
  if (!['id', '-id', 'created', '-created'].includes(sort))
    throw badParameter('sort', `cannot sort by "${sort}"`);
  if (switches.sort === 'refused' && sort.endsWith('created')) {
    throw badParameter('sort', 'cannot sort by "created"');
  }
  if (switches.sort === 'ignored') return 'id';
  if (switches.sort === 'descending') return sort.endsWith('created') ? '-created' : '-id';
  return sort as Order;
}
