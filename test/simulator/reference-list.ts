import type { ApiRequest, Endpoint } from './endpoint.js';
import { switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { type Envelope, makePage } from './page.js';
import {
  PAGING,
  type ParameterType,
  type Query,
  readOrder,
  readPaging,
  readQuery,
  readTime,
} from './query.js';
import type { ReferenceRow } from './reference.js';
import type { ReferenceKind, ReferenceValues } from './reference-kinds.js';
import { notFound } from './refusal.js';
import { json } from './reply.js';
import type { Switches } from './switches.js';
import { parseRfc3339 } from './timestamp.js';
import { isWithin } from './window.js';

// Lists that differ in paths, filters and envelopes are entries of one table.

export interface Filter {
  type: ParameterType;
  matches: (values: ReferenceValues, wanted: string, context: FilterContext) => boolean;
}

export interface FilterContext {
  request: ApiRequest;
  query: Query;
  switches: Switches;
}

export interface ReferenceList {
  template: string;
  kind: ReferenceKind;
  /** `either`: as the request says with withTotalResultSize. */
  envelope: 'total' | 'hasMore' | 'either';
  defaultPageSize?: number;
  maximumPageSize?: number;
  isUnsorted?: true;
  filters?: Record<string, Filter>;
  /** Which rows stand under this path. Refuses a path that does not exist. */
  scope?: (request: ApiRequest) => (values: ReferenceValues) => boolean;
  /** The members that this list leaves out. */
  without?: readonly string[];
}

export function referenceList(list: ReferenceList): Endpoint {
  const { template, kind, filters = {}, isUnsorted, envelope } = list;
  const declared = Object.fromEntries(Object.entries(filters).map(([name, { type }]) => [name, type]));
  const parameters: Record<string, ParameterType> = {
    ...PAGING,
    ...(isUnsorted === true ? {} : { sort: 'text' }),
    ...(envelope === 'either' ? { withTotalResultSize: 'boolean' } : {}),
    ...declared,
  };
  return {
    method: 'GET',
    template,
    answer: (request) => {
      const switches = switchesFor(request);
      const query = readQuery(request.search, parameters);
      const isInScope = list.scope?.(request) ?? (() => true);
      const paging = readPaging(query, switches, {
        ...(list.defaultPageSize === undefined ? {} : { fallback: list.defaultPageSize }),
        ...(list.maximumPageSize === undefined ? {} : { maximum: list.maximumPageSize }),
      });
      const context = { request, query, switches };
      const found = request.world.reference
        .rows(kind)
        .filter(({ values }) => isInScope(values) && isWanted(values, filters, context));
      const rows = inOrder(found, query, switches)
        .slice(paging.skip, paging.skip + paging.pageSize)
        .map((row) => rowText(row, list.without));
      return json(makePage(rows, found.length, paging, switches, envelopeOf(envelope, query)));
    },
  };
}

export function envelopeOf(envelope: ReferenceList['envelope'], query: Query): Envelope {
  const hasTotal = envelope === 'either' ? query.get('withTotalResultSize') === 'true' : envelope === 'total';
  return { hasMore: !hasTotal, totalResultSize: hasTotal };
}

function isWanted(values: ReferenceValues, filters: Record<string, Filter>, context: FilterContext): boolean {
  return Object.entries(filters).every(([name, { matches }]) => {
    const wanted = context.query.get(name);
    return wanted === undefined || matches(values, wanted, context);
  });
}

function inOrder(found: readonly ReferenceRow[], query: Query, switches: Switches): ReferenceRow[] {
  const order = readOrder(query, switches);
  const keyOf = ({ values }: ReferenceRow): number =>
    order.endsWith('created') ? (parseRfc3339(values.created) ?? 0) : values.id;
  const sorted = [...found].sort((a, b) => keyOf(a) - keyOf(b) || a.values.id - b.values.id);
  return positionsOf(sorted.length, order, { skip: 0, pageSize: sorted.length }).map(
    (position) => sorted[position] as ReferenceRow,
  );
}

export function rowText(row: ReferenceRow, without: readonly string[] = []): string {
  if (row.payload !== undefined) return row.payload;
  const shown = Object.entries(row.values).filter(([name]) => !without.includes(name));
  return JSON.stringify(Object.fromEntries(shown));
}

export interface ReferenceItem {
  template: string;
  kind: ReferenceKind;
  /** Name of the placeholder that has the id. */
  placeholder: string;
  scope?: ReferenceList['scope'];
  without?: readonly string[];
}

export function referenceItem({ template, kind, placeholder, scope, without }: ReferenceItem): Endpoint {
  return {
    method: 'GET',
    template,
    answer: (request) => {
      readQuery(request.search, {});
      const isInScope = scope?.(request) ?? (() => true);
      const row = request.world.reference.find(kind, Number(request.path[placeholder]));
      if (row === undefined || !isInScope(row.values)) throw notFound(kind);
      return json(rowText(row, without));
    },
  };
}

// ---- Filters

export function equals(member: string, type: ParameterType = 'text'): Filter {
  return { type, matches: (values, wanted) => String(values[member]) === wanted };
}

export function contains(...members: string[]): Filter {
  return {
    type: 'text',
    matches: (values, wanted) =>
      members.some((member) => String(values[member]).toLowerCase().includes(wanted.toLowerCase())),
  };
}

/** `value` is one of a list that the row has. */
export function includes(member: string, type: ParameterType = 'integer'): Filter {
  return {
    type,
    matches: (values, wanted) =>
      ((values[member] as unknown[] | undefined) ?? []).map(String).includes(wanted),
  };
}

export function times(name: string, member: string): Record<string, Filter> {
  const filter: Filter = {
    type: 'date-time',
    matches: (values, _, { query, switches }) => {
      const at = parseRfc3339(String(values[member] ?? ''));
      const [after, before] = [readTime(query, `${name}After`), readTime(query, `${name}Before`)];
      return at !== undefined && isWithin(at, after, before, switches);
    },
  };
  return { [`${name}After`]: filter, [`${name}Before`]: filter };
}
