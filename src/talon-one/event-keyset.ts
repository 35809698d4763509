import { floorToSecond, type Instant, laterOf, SECOND } from '../instant.js';
import { hasStatus } from './api-error.js';
import type { EventList } from './event-list.js';
import type { RequestContext } from './management.js';
import { type AheadOptions, PagesAhead } from './pages-ahead.js';
import {
  newestOf,
  type ReadPage,
  type RecordListPage,
  type RecordRow,
  withoutProgress,
} from './record-list.js';

// Reading along the order of `created`:
//
// 1. Ask for events after A, skipping S of them; at first S = 0.
// 2. Store the page. The next page must begin at its last event's time or before (the anchor), which proves that nothing
//    was passed over: whatever filter or offset let a moment through also lets through what comes after it.
// 3. Go on just below that time (A moves, S = 0) when that repeats only a few events. Otherwise stay and raise S so that
//    the page begins before the events that share the last one's time: their order may differ from request to request.
//    Only when they fill the page, the next one begins among them, with the very events that are expected there.
// 4. If the anchor is missing (pages shifted, or the filter is coarser than microseconds) go back to a place that is
//    certain: the second before the anchor, which every documented meaning of createdAfter includes.
//
// Far behind the present, pages-ahead.ts reads the pages of rule 3 together with the one before; what they hold says
// whether they join it.
//
// Cost: one request per page, repeated events about one in a hundred at the worst. If the order is broken, or the
// anchor keeps missing, NotOrderedError hands over to frozen windows.

const OVERLAP_SHARE = 0.01;
/** Where a page is long enough: an order that changes must not look the same by chance. */
const LEAST_OVERLAP = 5;
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

/** What proves that a page joins the one before: it begins at this moment or earlier. */
interface Anchor {
  readonly created: Instant;
  /** If it begins at this very moment, then with these events. */
  readonly ids?: readonly RecordRow['id'][];
}

interface Position {
  readonly after: Instant;
  readonly skip: number;
  /** None at a place that is certain. */
  readonly anchor: Anchor | undefined;
  /** The page before was empty: without an anchor nobody knows what it hid. */
  readonly isAfterGap?: boolean;
}

/** @param ahead default: one page after the other */
export async function* keysetPages(
  list: EventList,
  from: Instant,
  context: RequestContext,
  ahead?: AheadOptions,
): AsyncGenerator<ReadPage, void> {
  const pagesAhead = ahead && new PagesAhead(list, context, ahead);
  try {
    yield* pagesFrom(list, from, context, pagesAhead);
  } finally {
    pagesAhead?.end();
  }
}

async function* pagesFrom(
  list: EventList,
  from: Instant,
  context: RequestContext,
  ahead: PagesAhead | undefined,
): AsyncGenerator<ReadPage, void> {
  let position: Position = { after: from, skip: 0, anchor: undefined };
  let joining: RecordListPage | undefined;
  let restarts = 0;
  let missedAt = from;
  let emptyPages = 0;
  for (;;) {
    const page: RecordListPage | undefined = joining ?? (await pageAt(list, position, context, ahead));
    joining = undefined;
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
    if (!beginsAtAnchor(list, page, position)) {
      yield withoutProgress(page);
      restarts += 1;
      missedAt = laterOf(missedAt, position.anchor?.created ?? from);
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
    if (position.anchor && last && last.created > missedAt) restarts = 0;
    if (repeatsMuch(page, position)) list.isFine = false;
    // More events may share the last one's time: complete is what lies before it.
    yield { ...withoutProgress(page), lastSync: list.isOrderProven && last ? last.created - 1n : undefined };
    const following = last && list.isOrderProven ? await ahead?.following(page) : undefined;
    if (following && last) {
      joining = following.page;
      position = { after: position.after, skip: following.skip, anchor: { created: last.created - 1n } };
    } else position = nextPosition(list, page, position);
  }
}

// Whether a query may have fractions of a second is not documented: `undefined` when the server refuses them.
async function pageAt(
  list: EventList,
  position: Position,
  context: RequestContext,
  ahead: PagesAhead | undefined,
): Promise<RecordListPage | undefined> {
  try {
    const page = list.page(position, context);
    ahead?.begin(position);
    return await page;
  } catch (error) {
    const hasFraction = position.skip === 0 && position.after !== floorToSecond(position.after);
    if (hasStatus(error, 400) && hasFraction) return undefined;
    throw error;
  }
}

function beginsAtAnchor(list: EventList, page: RecordListPage, { anchor, isAfterGap }: Position): boolean {
  const [first] = page.rows;
  const isGap = page.data.length === 0 && !page.isLast && list.doubtsEmptyPages;
  if (!first) return anchor === undefined || isGap;
  if (!anchor) return !isAfterGap;
  if (first.created !== anchor.created) return first.created < anchor.created;
  return (anchor.ids ?? []).every((id, index) => page.rows[index]?.id === id);
}

// More came again than share the anchor's time: the filter is coarser than the time it was given.
function repeatsMuch(page: RecordListPage, { anchor, skip }: Position): boolean {
  if (anchor === undefined || skip > 0) return false;
  const earlier = page.rows.filter((row) => row.created < anchor.created).length;
  return earlier > page.data.length * SMALL_SHARE;
}

// A server that ignores `sort` can return pages that look ordered by chance, so the order is proved once by asking for
// the newest event: only a server that sorts can answer with one from the other end of the list.
async function isOrdered(
  list: EventList,
  page: RecordListPage,
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

function certainPlace({ after, skip, anchor }: Position): Position {
  const before = anchor ? floorToSecond(anchor.created) - SECOND : floorToSecond(after);
  return { after: skip === 0 ? before : laterOf(after, before), skip: 0, anchor: undefined };
}

function nextPosition(list: EventList, page: RecordListPage, position: Position): Position {
  const { after, skip } = position;
  const { length } = page.data;
  const last = page.rows.at(-1);
  if (!last) return { ...position, skip: skip + (length || list.rowsPerPage), isAfterGap: true };
  const below = list.isFine ? last.created - 1n : floorToSecond(last.created) - SECOND;
  const repeated = page.rows.filter((row) => row.created > below).length;
  const isCheap = repeated <= Math.max(1, length * SMALL_SHARE);
  const isDeep = skip >= list.rowsPerPage * DEEP_SKIP_PAGES && repeated < length;
  if (list.isOrderProven && below > after && (isCheap || isDeep)) {
    return { after: below, skip: 0, anchor: list.isFine ? { created: last.created } : undefined };
  }
  const overlap = Math.max(1, Math.min(LEAST_OVERLAP, length >> 2), Math.floor(length * OVERLAP_SHARE));
  const stepTo = (row: RecordRow) => Math.max(1, row.index + 1 - overlap);
  const beforeTie = page.rows.findLast((row) => row.created < last.created);
  if (beforeTie && beforeTie.index > 0 && stepTo(beforeTie) > length * SMALL_SHARE) {
    return { after, skip: skip + stepTo(beforeTie), anchor: { created: beforeTie.created } };
  }
  const again = page.rows.filter((row) => row.index >= stepTo(last));
  const [first] = again;
  if (!first) return { after, skip: skip + last.index + 1, anchor: undefined };
  const anchor = { created: first.created, ids: again.map((row) => row.id) };
  return { after, skip: skip + first.index, anchor };
}
