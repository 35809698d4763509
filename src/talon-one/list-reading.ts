import { hasStatus } from './api-error.js';
import type { HttpRequest } from './http.js';
import type { ListPage, ManagementClient, RequestContext } from './management.js';
import { PageSize } from './page-size.js';
import { firstProblem, recordSchema } from './schemas.js';

// Reads a list that has no useful filter, from its beginning to its end, page by page. Such a list can shift while it is
// read (rows before the offset come or go), and without `sort` its order is not documented. So a reading says whether
// it can be complete: the list ended as its envelope promised, and as many different records came as it counts.

/** Further filters of a list. */
export type ListQuery = NonNullable<HttpRequest['query']>;

/** One list of the API, with the values of the placeholders in its path. */
export interface ListAddress {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly pageSize: number;
  readonly query?: ListQuery;
  /** The path leads to a single record instead of a list. */
  readonly isOne?: boolean;
  /** The list takes no paging: one answer has all records. */
  readonly isUnpaged?: boolean;
}

export interface ReferencePage extends ListPage {
  /** Why a record is not usable, by its position. */
  readonly problems: ReadonlyMap<number, string>;
}

export interface ListReading {
  readonly pages: number;
  readonly rows: number;
  /** Every record that the list has was on one of the pages, as far as its envelope tells. */
  readonly isComplete: boolean;
}

/** Values for `sort`; which fields a server accepts is not documented (docs/api-facts.md, Lists). */
const SORTS = ['id', undefined] as const;

/**
 * Hands every page of the list to `take`.
 * @throws ApiError when a page cannot be had; what was taken before stays taken
 */
export async function readList(
  client: ManagementClient,
  list: ListAddress,
  context: RequestContext,
  take: (page: ReferencePage) => Promise<void>,
): Promise<ListReading> {
  if (list.isOne) return readOne(client, list, context, take);
  const seen = new Set<unknown>();
  const size = new PageSize(list.pageSize, `GET ${list.path}`);
  let sort = 0;
  let rows = 0;
  for (let pages = 1; ; pages += 1) {
    const { page, sort: accepted } = list.isUnpaged
      ? { page: await client.list(list.path, list.parameters, { ...list.query }, context), sort }
      : await fetchSorted(client, list, size, rows, sort, context);
    sort = accepted;
    const before = seen.size;
    const problems = new Map<number, string>();
    for (const [index, record] of page.data.entries()) {
      const parsed = recordSchema.safeParse(record);
      seen.add(parsed.success ? parsed.data.id : `unusable at ${rows + index}`);
      if (!parsed.success) problems.set(index, firstProblem(parsed.error));
    }
    rows += page.data.length;
    await take({ ...page, problems });
    if (list.isUnpaged) return { pages, rows, isComplete: isWhole(page, seen.size) };
    const isExhausted = page.data.length === 0 || seen.size === before;
    if (!isExhausted && !isLast(page, rows)) continue;
    return { pages, rows, isComplete: endsAsPromised(page, rows, seen.size) };
  }
}

// A record that is unknown is a list without rows.
async function readOne(
  client: ManagementClient,
  { path, parameters }: ListAddress,
  context: RequestContext,
  take: (page: ReferencePage) => Promise<void>,
): Promise<ListReading> {
  try {
    await take({ ...(await client.one(path, parameters, {}, context)), problems: new Map() });
    return { pages: 1, rows: 1, isComplete: true };
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    return { pages: 1, rows: 0, isComplete: true };
  }
}

// A refused sort is answered with 400; so is any other mistake, which then stays after the last fallback.
async function fetchSorted(
  client: ManagementClient,
  { path, parameters, query = {} }: ListAddress,
  size: PageSize,
  skip: number,
  first: number,
  context: RequestContext,
): Promise<{ page: ListPage; sort: number }> {
  let refusal: unknown;
  for (let sort = first; sort < SORTS.length; sort += 1) {
    try {
      const asked = { ...query, skip, sort: SORTS[sort] };
      const { page } = await size.ask(context, (pageSize, asking) =>
        client.list(path, parameters, { ...asked, pageSize }, asking),
      );
      return { page, sort };
    } catch (error) {
      if (!hasStatus(error, 400)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

// The envelopes: docs/api-facts.md, Lists. Without any hint only an empty page ends the list: a server may deliver
// fewer rows than it is asked for.
function isLast(page: ListPage, rows: number): boolean {
  if (page.hasMore !== undefined) return !page.hasMore;
  return page.total !== undefined && rows >= page.total;
}

function isWhole(page: ListPage, different: number): boolean {
  return page.hasMore !== true && different === (page.total ?? page.data.length);
}

function endsAsPromised(page: ListPage, rows: number, different: number): boolean {
  if (page.total !== undefined) return different === page.total && page.hasMore !== true;
  return page.hasMore === undefined ? page.data.length === 0 : !page.hasMore && different === rows;
}
