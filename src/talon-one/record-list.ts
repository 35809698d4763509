import type { Instant } from '../instant.js';
import { ApiError } from './api-error.js';
import type { ListPage, RequestContext } from './management.js';
import { PageSize } from './page-size.js';

/** What reading needs to know of one record. */
export interface RecordRow {
  /** Events have numbers, loyalty transactions UUIDs. */
  readonly id: number | string;
  readonly created: Instant;
  /** Position in the page's `data`. */
  readonly index: number;
}

export interface RecordListPage extends ListPage {
  /** The usable records, in the order of the page. */
  readonly rows: readonly RecordRow[];
  /** Why a record is not usable, by its position. */
  readonly problems: ReadonlyMap<number, string>;
  /** Nothing follows this page. */
  readonly isLast: boolean;
}

/** One page of records, and how far the cursor may move once it is stored. */
export interface ReadPage {
  readonly page: RecordListPage;
  /** Every record up to here has been returned, by this page or one before. */
  readonly lastSync: Instant | undefined;
  /** Given with the last page: the server's clock when the list was read to its end. */
  readonly readUntil: Instant | undefined;
  readonly isCaughtUp: boolean;
}

/** A page to be stored that lets the cursor stay where it is. */
export function withoutProgress(page: RecordListPage): ReadPage {
  return { page, lastSync: undefined, readUntil: undefined, isCaughtUp: false };
}

export interface RecordRange {
  readonly after: Instant;
  readonly before?: Instant | undefined;
  readonly skip: number;
}

const EMPTY_PAGE_REPEATS = 2;

/**
 * A list of records with a time of creation, as one server serves it. Remembers what that server turned out to be able
 * to do: the page size it can deliver, whether an empty page that promises more is the end.
 */
export abstract class RecordList {
  protected readonly size: PageSize;
  /** The longest page so far: a server may deliver fewer rows than it is asked for. */
  private longestPage = 0;
  /** An empty page that promises more has been seen at the end of the list. */
  private emptyMeansEnd = false;

  constructor(
    /** Method and path template, for messages. */
    readonly endpoint: string,
    fullPageSize: number,
  ) {
    this.size = new PageSize(fullPageSize, endpoint);
  }

  protected abstract fetch(range: RecordRange, pageSize: number, context: RequestContext): Promise<ListPage>;

  /** Identity and time of a record, or why it is not usable. */
  protected abstract read(record: unknown): { id: number | string; created: Instant } | string;

  /** One page. An empty page that promises more is asked for again before it is believed. */
  async page(range: RecordRange, context: RequestContext): Promise<RecordListPage> {
    for (let repeat = 0; ; repeat += 1) {
      const { page, pageSize } = await this.size.ask(context, (size, asking) =>
        this.fetch(range, size, asking),
      );
      // A server that tells the end needs no trust: what was empty before was a fault.
      if (page.hasMore === false) this.emptyMeansEnd = false;
      const isSuspicious = page.data.length === 0 && page.hasMore === true && !this.emptyMeansEnd;
      if (isSuspicious && repeat < EMPTY_PAGE_REPEATS) continue;
      const isLast = isLastPage(page, range.skip, Math.min(pageSize, this.longestPage));
      this.longestPage = Math.max(this.longestPage, page.data.length);
      return this.inspect(page, isLast);
    }
  }

  /** From now on an empty page ends the list at once, even if it promises more. */
  trustEmptyPages(): void {
    this.emptyMeansEnd = true;
  }

  get doubtsEmptyPages(): boolean {
    return !this.emptyMeansEnd;
  }

  /** Rows that the next page is asked for. */
  get rowsPerPage(): number {
    return this.size.now;
  }

  protected inspect(page: ListPage, isLast: boolean): RecordListPage {
    const rows: RecordRow[] = [];
    const problems = new Map<number, string>();
    for (const [index, record] of page.data.entries()) {
      const read = this.read(record);
      if (typeof read === 'string') problems.set(index, read);
      else rows.push({ ...read, index });
    }
    return { ...page, rows, problems, isLast };
  }
}

/** For readings that must be whole: an empty page has promised more, again and again. */
export function emptyButMore(endpoint: string): ApiError {
  const message = `${endpoint} answers with empty pages although it says that more follows: try again later`;
  return new ApiError(message, { failure: 'body', endpoint });
}

/** Largest `created` of some records; `undefined` when there are none. */
export function newestOf(rows: readonly RecordRow[]): Instant | undefined {
  return rows.reduce<Instant | undefined>(
    (newest, row) => (newest === undefined || row.created > newest ? row.created : newest),
    undefined,
  );
}

// The envelopes: docs/api-facts.md, Lists. Without any hint a page ends the list when the server is known to deliver
// longer ones.
function isLastPage(page: ListPage, skip: number, fullLength: number): boolean {
  const length = page.data.length;
  if (page.hasMore !== undefined) return !page.hasMore;
  if (page.total !== undefined) return length === 0 || skip + length >= page.total;
  return length === 0 || length < fullLength;
}
