import { floorToSecond, type Instant, laterOf, SECOND } from '../instant.js';
import { hasStatus } from './api-error.js';
import {
  type EventList,
  type EventListPage,
  type EventPage,
  type EventRow,
  newestOf,
  withoutProgress,
} from './event-list.js';
import type { RequestContext } from './management.js';

// Reading along the order of `created`:
//
// 1. Ask for events after A, skipping S of them; at first S = 0.
// 2. Store the page. Its last event is the anchor: the next page must contain it, which proves that nothing was passed
//    over, because whatever filter or offset let the anchor through also lets through what comes after it.
// 3. Go on just below the anchor's time (A moves, S = 0) when that repeats only a few events. When many events share
//    that time, stay and raise S, with a small overlap so that the anchor is seen again.
// 4. If the anchor is missing (pages shifted, or the filter is coarser than microseconds) go back to a place that is
//    certain: the second before the anchor, which every documented meaning of createdAfter includes.
//
// Cost: one request per page, repeated events about one in a hundred at the worst. If the order is broken, or the
// anchor keeps missing, NotOrderedError hands over to frozen windows.

const OVERLAP_SHARE = 0.01;
/** Moving may repeat this share of a page. */
const SMALL_SHARE = 0.1;
/** From this many pages on, an offset costs the server more than repeating a part of a page costs us. */
const DEEP_SKIP_PAGES = 10;
const MOST_RESTARTS = 3;
const MOST_EMPTY_PAGES = 3;

/** The list does not come in the order of `created`. */
export class NotOrderedError extends Error {
  override name = 'NotOrderedError';
  constructor(readonly serverTime: Instant | undefined) {
    super('the events are not ordered by created');
  }
}

interface Position {
  readonly after: Instant;
  readonly skip: number;
  /** The event that must appear on the page; none at a place that is certain. */
  readonly anchor: EventRow | undefined;
}

export async function* keysetPages(
  list: EventList,
  from: Instant,
  context: RequestContext,
): AsyncGenerator<EventPage, void> {
  let position: Position = { after: from, skip: 0, anchor: undefined };
  let restarts = 0;
  let emptyPages = 0;
  for (;;) {
    const page = await pageAt(list, position, context);
    if (page === undefined) {
      list.isFine = false;
      position = certainPlace(position);
      continue;
    }
    const isAlone = page.isLast && position.skip === 0 && position.anchor === undefined;
    // A list that fits on one page may have any order.
    if (!isAlone && !(await isOrdered(list, page, position, context))) {
      yield withoutProgress(page);
      throw new NotOrderedError(page.serverTime);
    }
    if (!containsAnchor(page, position)) {
      yield withoutProgress(page);
      restarts += 1;
      if (restarts > MOST_RESTARTS) throw new NotOrderedError(page.serverTime);
      if (position.skip === 0) list.isFine = false;
      position = certainPlace(position);
      continue;
    }
    emptyPages = page.data.length === 0 ? emptyPages + 1 : 0;
    if (emptyPages > MOST_EMPTY_PAGES) list.trustEmptyPages();
    if (page.isLast || (emptyPages > 0 && !list.doubtsEmptyPages)) {
      yield { page, lastSync: newestOf(page.rows), readUntil: page.serverTime, isCaughtUp: true };
      return;
    }
    const last = page.rows.at(-1);
    if (last && !isSame(last, position.anchor)) restarts = 0;
    if (repeatsMuch(page, position)) list.isFine = false;
    // More events may share the last one's time: complete is what lies before it.
    yield { ...withoutProgress(page), lastSync: list.isOrderProven && last ? last.created - 1n : undefined };
    position = nextPosition(list, page, position);
  }
}

// Whether a query may have fractions of a second is not documented: `undefined` when the server refuses them.
async function pageAt(
  list: EventList,
  position: Position,
  context: RequestContext,
): Promise<EventListPage | undefined> {
  try {
    return await list.page(position, context);
  } catch (error) {
    if (hasStatus(error, 400) && position.after !== floorToSecond(position.after)) return undefined;
    throw error;
  }
}

function containsAnchor(page: EventListPage, { anchor }: Position): boolean {
  return anchor === undefined || page.rows.some((row) => isSame(row, anchor));
}

// More came again than share the anchor's time: the filter is coarser than the time it was given.
function repeatsMuch(page: EventListPage, { anchor, skip }: Position): boolean {
  if (anchor === undefined || skip > 0) return false;
  const anchorAt = page.rows.findIndex((row) => isSame(row, anchor));
  const isEarlier = page.rows.filter((row) => row.created < anchor.created).length;
  return isEarlier > 0 && anchorAt > page.data.length * SMALL_SHARE;
}

function isSame(row: EventRow, anchor: EventRow | undefined): boolean {
  return anchor !== undefined && row.id === anchor.id && row.created === anchor.created;
}

// A server that ignores `sort` can return pages that look ordered by chance, so the order is proved once by asking for
// the newest event: only a server that sorts can answer with one from the other end of the list.
async function isOrdered(
  list: EventList,
  page: EventListPage,
  position: Position,
  context: RequestContext,
): Promise<boolean> {
  const { rows } = page;
  const isAscending = rows.every((row, index) => row.created >= (rows[index - 1]?.created ?? row.created));
  if (!list.isSortedByCreated || !isAscending) return false;
  const [first] = rows;
  const last = rows.at(-1);
  if (list.isOrderProven || !first || !last || first.created === last.created) return true;
  const newest = await list.newest(position.after, context);
  list.isOrderProven = newest !== undefined && newest.created >= last.created;
  return list.isOrderProven;
}

function certainPlace(position: Position): Position {
  const before = position.anchor ? floorToSecond(position.anchor.created) - SECOND : position.after;
  return {
    after: position.skip === 0 ? before : laterOf(position.after, before),
    skip: 0,
    anchor: undefined,
  };
}

function nextPosition(list: EventList, page: EventListPage, position: Position): Position {
  const last = page.rows.at(-1);
  if (!last)
    return { ...position, skip: position.skip + (page.data.length || list.rowsPerPage), anchor: undefined };
  const below = list.isFine ? last.created - 1n : floorToSecond(last.created) - SECOND;
  const repeated = page.rows.filter((row) => row.created > below).length;
  const isCheap = repeated <= Math.max(1, page.data.length * SMALL_SHARE);
  const isDeep = position.skip >= list.rowsPerPage * DEEP_SKIP_PAGES && repeated < page.data.length;
  if (list.isOrderProven && below > position.after && (isCheap || isDeep)) {
    return { after: below, skip: 0, anchor: list.isFine ? last : undefined };
  }
  const overlap = Math.max(1, Math.floor(page.data.length * OVERLAP_SHARE));
  const step = Math.max(1, last.index + 1 - overlap);
  return { after: position.after, skip: position.skip + step, anchor: step > last.index ? undefined : last };
}
