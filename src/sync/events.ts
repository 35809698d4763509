import { monotonicMs } from '../clock.js';
import {
  earlierOf,
  floorToSecond,
  formatInstant,
  type Instant,
  laterOf,
  SECOND,
  secondsBetween,
} from '../instant.js';
import type { EventList } from '../talon-one/event-list.js';
import { eventPages, oneAhead } from '../talon-one/event-pages.js';
import type { ReadPage } from '../talon-one/record-list.js';
import type { CursorState } from '../warehouse/cursor.js';
import { writeEventPage } from '../warehouse/event-writer.js';
import type { Partitions } from '../warehouse/partitions.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { type CycleContext, noteQuarantined } from './cycle-context.js';

const PROGRESS_MS = 10_000;

export interface EventSyncOptions {
  readonly warehouse: Warehouse;
  readonly partitions: Partitions;
  readonly list: EventList;
  readonly lookback: Instant;
  readonly normalizeEffects: boolean;
}

/** Where the events were read. */
export interface EventWindow {
  readonly from: Instant;
  readonly to: Instant;
  /** The server's clock when the list was read to its end; `undefined` when it sends none. */
  readonly readUntil: Instant | undefined;
}

/**
 * Where a cycle begins to read: a look-back before the newest event, at the whole second below, and at least one second
 * before it. That is right for servers that take `createdAfter` as inclusive, as exclusive, or in whole seconds.
 */
export function startOfWindow({ lastSync }: Pick<CursorState, 'lastSync'>, lookback: Instant): Instant {
  return floorToSecond(lastSync - laterOf(lookback, SECOND));
}

/** Reads all events from the cursor to the newest and stores them page by page, each with the cursor in one transaction. */
export async function syncEvents(
  options: EventSyncOptions,
  cursor: CursorState,
  context: CycleContext,
): Promise<EventWindow> {
  const from = startOfWindow(cursor, options.lookback);
  let to = cursor.lastSync;
  let readUntil: Instant | undefined;
  const progress = progressLog(context);
  for await (const eventPage of oneAhead(eventPages(options.list, from, context.requests))) {
    context.signal.throwIfAborted();
    const lastSync = reachedBy(eventPage);
    await storeEventPage(options, eventPage, lastSync, context);
    if (lastSync !== undefined) to = laterOf(to, lastSync);
    if (eventPage.isCaughtUp) readUntil = eventPage.readUntil;
    else progress(to, eventPage.page.serverTime);
  }
  return { from, to, readUntil };
}

/**
 * How far a page moves the cursor. An event that says it comes from the future must not carry it past those that are
 * still to come. The Date header has whole seconds.
 */
export function reachedBy({ lastSync, page: { serverTime } }: ReadPage): Instant | undefined {
  return lastSync === undefined || serverTime === undefined
    ? lastSync
    : earlierOf(lastSync, serverTime + SECOND);
}

async function storeEventPage(
  options: EventSyncOptions,
  eventPage: ReadPage,
  lastSync: Instant | undefined,
  context: CycleContext,
): Promise<void> {
  const { page, readUntil, isCaughtUp } = eventPage;
  await options.partitions.ensure(page.rows.map((row) => row.created));
  const counts = await writeEventPage(options.warehouse, {
    lease: context.lease,
    page,
    advance: { lastSync, readUntil, status: isCaughtUp ? 'up-to-date' : 'back-filling' },
    normalizeEffects: options.normalizeEffects,
  });
  const { tally } = context;
  if (page.source !== '') tally.pages += 1;
  tally.eventsNew += counts.inserted;
  tally.eventsRepeated += page.data.length - counts.inserted - counts.quarantined;
  noteQuarantined(context, counts, page.source);
}

/** Says every ten seconds how far a long reading has come. */
function progressLog(context: CycleContext): (lastSync: Instant, serverTime: Instant | undefined) => void {
  let nextMs = monotonicMs() + PROGRESS_MS;
  return (lastSync, serverTime) => {
    if (monotonicMs() < nextMs) return;
    nextMs = monotonicMs() + PROGRESS_MS;
    const { pages, eventsNew, eventsRepeated } = context.tally;
    const lagSeconds = serverTime && Math.max(0, Math.round(secondsBetween(lastSync, serverTime)));
    context.log.info(
      { pages, eventsNew, eventsRepeated, lastSync: formatInstant(lastSync), lagSeconds },
      'back-filling',
    );
  };
}
