import { earlierOf, floorToSecond, type Instant, laterOf, SECOND, seconds } from '../instant.js';
import { ApiError } from './api-error.js';
import type { RequestContext } from './management.js';
import {
  newestOf,
  type ReadPage,
  type RecordList,
  type RecordListPage,
  type RecordRow,
  withoutProgress,
} from './record-list.js';

// Reading without order, in frozen windows: ask for the records created between two moments, page by page, and move the
// cursor only when the whole window has been read. The windows lie in the server's past, so nothing new comes into
// them but late records, which the look-back catches. They overlap by a second, because whether the two bounds are
// inclusive is not documented. If the pages of a window shift, repeat or leave gaps while it is read, it is read again
// until a reading brings nothing new and none is missing among those that were counted.

const FIRST_WIDTH = seconds(3600);
const LEAST_WIDTH = seconds(1);
const MOST_WIDTH = seconds(30 * 86_400);
/** A window that needs more pages is divided. */
const MOST_PAGES = 20;
const MOST_READINGS = 10;
const MOST_EMPTY_PAGES = 3;

export async function* windowPages(
  list: RecordList,
  from: Instant,
  serverTime: Instant | undefined,
  context: RequestContext,
): AsyncGenerator<ReadPage, void> {
  // Without a Date header the end of the past is not known: one window without an upper bound.
  const end =
    serverTime === undefined ? undefined : laterOf(floorToSecond(serverTime), floorToSecond(from) + SECOND);
  let start = floorToSecond(from);
  let width = FIRST_WIDTH;
  let newest: Instant | undefined;
  for (;;) {
    // Whole seconds: a server may compare no finer.
    const before =
      end === undefined ? undefined : earlierOf(floorToSecond(start + laterOf(width, 2n * SECOND)), end);
    const canDivide = before !== undefined && width > LEAST_WIDTH;
    const found = yield* readWindow(list, { after: start, before }, canDivide, context);
    if (found === undefined) {
      width = laterOf(width / 4n, LEAST_WIDTH);
      continue;
    }
    newest = laterDefined(newest, found.newest);
    const isCaughtUp = before === end;
    yield {
      page: emptyPage,
      // Never past the newest record: the Date header may run ahead of the clock that the records go by. And whether one
      // of exactly `before` belongs to the window is not documented.
      lastSync: before === undefined || newest === undefined ? newest : earlierOf(newest, before - 1n),
      readUntil: isCaughtUp ? serverTime : undefined,
      isCaughtUp,
    };
    if (isCaughtUp || before === undefined) return;
    start = before - SECOND;
    width = nextWidth(width, found.count, list.rowsPerPage);
  }
}

interface Window {
  readonly after: Instant;
  readonly before: Instant | undefined;
}

interface WindowRecords {
  readonly count: number;
  readonly newest: Instant | undefined;
}

/** Yields the pages of one window; `undefined` when it turned out to be too large. */
async function* readWindow(
  list: RecordList,
  window: Window,
  canDivide: boolean,
  context: RequestContext,
): AsyncGenerator<ReadPage, WindowRecords | undefined> {
  const seen = new Set<string>();
  let newest: Instant | undefined;
  for (let reading = 1; ; reading += 1) {
    const before = seen.size;
    let isSteady = true;
    let skip = 0;
    let anchor: RecordRow['id'] | undefined;
    let emptyPages = 0;
    let counted = 0;
    for (let pages = 1; ; pages += 1) {
      const page = await list.page({ ...window, skip }, context);
      if (anchor !== undefined && page.rows[0]?.id !== anchor) isSteady = false;
      for (const row of page.rows) seen.add(`${row.id} ${row.created}`);
      for (const index of page.problems.keys()) seen.add(`unusable at ${skip + index}`);
      if (page.data.length > 0) {
        counted += page.data.length - (anchor === undefined ? 0 : 1);
        if (emptyPages > 0) isSteady = false;
      }
      const newestOnPage = newestOf(page.rows);
      newest = laterDefined(newest, newestOnPage);
      yield withoutProgress(page);
      emptyPages = page.data.length === 0 ? emptyPages + 1 : 0;
      if (page.isLast || emptyPages > MOST_EMPTY_PAGES || (emptyPages > 0 && !list.doubtsEmptyPages)) break;
      if (canDivide && pages >= MOST_PAGES) return undefined;
      ({ skip, anchor } = following(page, skip, list.rowsPerPage));
    }
    // Fewer than counted: the order among equal times has changed between two pages, and one record came twice.
    const isComplete = seen.size >= counted && (isSteady || (reading > 1 && seen.size === before));
    if (isComplete) return { count: seen.size, newest };
    if (reading === MOST_READINGS) {
      if (canDivide) return undefined;
      throw new ApiError(`${list.endpoint} does not stand still long enough to be read completely`, {
        failure: 'body',
        endpoint: list.endpoint,
      });
    }
  }
}

// The next page begins with the last record of this one: if it does not, the pages have moved.
function following(
  page: RecordListPage,
  skip: number,
  pageSize: number,
): { skip: number; anchor: RecordRow['id'] | undefined } {
  const last = page.rows.at(-1);
  if (last && last.index === page.data.length - 1 && page.data.length > 1) {
    return { skip: skip + page.data.length - 1, anchor: last.id };
  }
  return { skip: skip + (page.data.length || pageSize), anchor: undefined };
}

// Wide enough for some full pages, narrow enough to be read in one go.
function nextWidth(width: Instant, records: number, pageSize: number): Instant {
  if (records === 0) return earlierOf(width * 8n, MOST_WIDTH);
  if (records < 2 * pageSize) return earlierOf(width * 2n, MOST_WIDTH);
  if (records > 8 * pageSize) return laterOf(width / 2n, LEAST_WIDTH);
  return width;
}

function laterDefined(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return laterOf(a, b);
}

/** Carries the progress of a finished window; there is nothing to store. */
const emptyPage: RecordListPage = {
  text: '{"data":[]}',
  data: [],
  rows: [],
  problems: new Map(),
  hasMore: false,
  total: undefined,
  serverTime: undefined,
  source: '',
  mayChange: false,
  isLast: true,
};
