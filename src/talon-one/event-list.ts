import { formatInstant, type Instant, parseInstant } from '../instant.js';
import { ApiError, hasStatus } from './api-error.js';
import type { EventQuery, ListPage, RequestContext } from './management.js';
import { eventSchema, firstProblem } from './schemas.js';

/** What paging needs to know of one event. */
export interface EventRow {
  readonly id: number;
  readonly created: Instant;
  /** Position in the page's `data`. */
  readonly index: number;
}

export interface EventListPage extends ListPage {
  /** The usable events, in the order of the page. */
  readonly rows: readonly EventRow[];
  /** Why an event is not usable, by its position. */
  readonly problems: ReadonlyMap<number, string>;
  /** Nothing follows this page. */
  readonly isLast: boolean;
}

/** One page of events, and how far the cursor may move once it is stored. */
export interface EventPage {
  readonly page: EventListPage;
  /** Every event up to here has been returned, by this page or one before. */
  readonly lastSync: Instant | undefined;
  /** Given with the last page: the server's clock when the list was read to its end. */
  readonly readUntil: Instant | undefined;
  readonly isCaughtUp: boolean;
}

/** A page to be stored that lets the cursor stay where it is. */
export function withoutProgress(page: EventListPage): EventPage {
  return { page, lastSync: undefined, readUntil: undefined, isCaughtUp: false };
}

export interface EventRange {
  readonly after: Instant;
  readonly before?: Instant | undefined;
  readonly skip: number;
}

/** Where a list comes from: the events of an Application, or anything else with `id`, `created` and the same query. */
export interface EventSource {
  events(applicationId: string, query: EventQuery, context: RequestContext): Promise<ListPage>;
  /** The older form, tried when the server does not know the current one. */
  eventsWithTotal(applicationId: string, query: EventQuery, context: RequestContext): Promise<ListPage>;
}

/** Values for `sort`, the best first; which fields a server accepts is not documented (talon-one-api section 2.3). */
const SORTS = ['created', 'id', undefined] as const;
const EMPTY_PAGE_REPEATS = 2;
/** More than one, for the newest may be a record that is no event. */
const NEWEST_ROWS = 10;

/**
 * The event list of one Application as one server serves it. Remembers what that server turned out to understand:
 * the form of the list, the sort, the page size it can deliver, whether its filter is as precise as its timestamps.
 */
export class EventList {
  private form: 'no-total' | 'with-total' = 'no-total';
  private sort = 0;
  private pageSize: number;
  /** The longest page so far: a server may deliver fewer rows than it is asked for. */
  private longestPage = 0;
  /** An empty page that promises more has been seen at the end of the list. */
  private emptyMeansEnd = false;
  /** `createdAfter` is compared in microseconds, until shown otherwise. */
  isFine = true;
  /** `sort=created` has been seen to order the list. */
  isOrderProven = false;

  constructor(
    private readonly client: EventSource,
    readonly applicationId: string,
    private readonly fullPageSize: number,
  ) {
    this.pageSize = fullPageSize;
  }

  /** The list is asked for in the order of `created`; otherwise pages can only be read as frozen windows. */
  get isSortedByCreated(): boolean {
    return SORTS[this.sort] === 'created';
  }

  /** One page. An empty page that promises more is asked for again before it is believed. */
  async page(range: EventRange, context: RequestContext): Promise<EventListPage> {
    for (let repeat = 0; ; repeat += 1) {
      const { page, pageSize } = await this.fetchShrinking(range, context);
      const isSuspicious = page.data.length === 0 && page.hasMore === true && !this.emptyMeansEnd;
      if (isSuspicious && repeat < EMPTY_PAGE_REPEATS) continue;
      const isLast = isLastPage(page, range.skip, Math.min(pageSize, this.longestPage));
      this.longestPage = Math.max(this.longestPage, page.data.length);
      return inspect(page, isLast);
    }
  }

  /** The newest usable event, to see whether sorting is honoured; `undefined` when the server does not tell. */
  async newest(after: Instant, context: RequestContext): Promise<EventRow | undefined> {
    const query = { createdAfter: formatInstant(after), pageSize: NEWEST_ROWS, skip: 0, sort: '-created' };
    try {
      const page = await this.fetch(query, context);
      return inspect(page, true).rows[0];
    } catch (error) {
      if (hasStatus(error, 400)) return undefined;
      throw error;
    }
  }

  /** From now on an empty page ends the list at once, even if it promises more. */
  trustEmptyPages(): void {
    this.emptyMeansEnd = true;
  }

  get doubtsEmptyPages(): boolean {
    return !this.emptyMeansEnd;
  }

  get rowsPerPage(): number {
    return this.pageSize;
  }

  // Large events make large answers: a page that is too large is halved at once; one that did not come in time makes
  // the next cycle begin with a smaller one. Pages grow again with every success.
  private async fetchShrinking(
    range: EventRange,
    context: RequestContext,
  ): Promise<{ page: ListPage; pageSize: number }> {
    for (;;) {
      const pageSize = this.pageSize;
      try {
        const page = await this.fetchSorted(range, pageSize, context);
        this.pageSize = Math.min(this.fullPageSize, pageSize * 2);
        return { page, pageSize };
      } catch (error) {
        const isSlow = error instanceof ApiError && (error.failure === 'timeout' || error.status === 504);
        const isLarge = error instanceof ApiError && error.failure === 'too-large';
        if (isSlow || isLarge) this.pageSize = Math.max(1, Math.floor(pageSize / 2));
        if (!isLarge || pageSize === 1) throw error;
      }
    }
  }

  // A refused sort is answered with 400; so is any other mistake, which then stays after the last fallback.
  private async fetchSorted(range: EventRange, pageSize: number, context: RequestContext): Promise<ListPage> {
    let refusal: unknown;
    for (let sort = this.sort; sort < SORTS.length; sort += 1) {
      try {
        const page = await this.fetch(
          {
            createdAfter: formatInstant(range.after),
            createdBefore: range.before === undefined ? undefined : formatInstant(range.before),
            pageSize,
            skip: range.skip,
            sort: SORTS[sort],
          },
          context,
        );
        this.sort = sort;
        return page;
      } catch (error) {
        if (!hasStatus(error, 400)) throw error;
        refusal ??= error;
      }
    }
    throw refusal;
  }

  private async fetch(query: EventQuery, context: RequestContext): Promise<ListPage> {
    if (this.form === 'with-total') return this.client.eventsWithTotal(this.applicationId, query, context);
    try {
      return await this.client.events(this.applicationId, query, context);
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      const page = await this.client
        .eventsWithTotal(this.applicationId, query, context)
        .catch((second: unknown) => {
          // Neither form exists: the Application is unknown, as the first answer says.
          throw hasStatus(second, 404, 405) ? error : second;
        });
      this.form = 'with-total';
      return page;
    }
  }
}

/** Largest `created` of some events; `undefined` when there are none. */
export function newestOf(rows: readonly EventRow[]): Instant | undefined {
  return rows.reduce<Instant | undefined>(
    (newest, row) => (newest === undefined || row.created > newest ? row.created : newest),
    undefined,
  );
}

function inspect(page: ListPage, isLast: boolean): EventListPage {
  const rows: EventRow[] = [];
  const problems = new Map<number, string>();
  for (const [index, record] of page.data.entries()) {
    const parsed = eventSchema.safeParse(record);
    const created = parsed.success ? parseInstant(parsed.data.created) : undefined;
    if (parsed.success && created !== undefined) rows.push({ id: parsed.data.id, created, index });
    else
      problems.set(index, parsed.success ? 'created: must be an RFC 3339 time' : firstProblem(parsed.error));
  }
  return { ...page, rows, problems, isLast };
}

// The envelopes of talon-one-api section 2.3. Without any hint a page ends the list when the server is known to deliver
// longer ones.
function isLastPage(page: ListPage, skip: number, fullLength: number): boolean {
  const length = page.data.length;
  if (page.hasMore !== undefined) return !page.hasMore;
  if (page.total !== undefined) return length === 0 || skip + length >= page.total;
  return length === 0 || length < fullLength;
}
