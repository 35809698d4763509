import { earlierOf, type Instant, laterOf, SECOND } from '../instant.js';
import type { EventList } from '../talon-one/event-list.js';
import { eventPages, oneAhead } from '../talon-one/event-pages.js';
import type { ReadPage } from '../talon-one/record-list.js';
import type { CursorState } from '../warehouse/cursor.js';
import { writeEventPage } from '../warehouse/event-writer.js';
import type { Partitions } from '../warehouse/partitions.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { type CycleContext, noteQuarantined } from './cycle-context.js';
import type { QuietTail } from './quiet-tail.js';
import { Progress, Reach } from './reading.js';

export interface EventSyncOptions {
  readonly warehouse: Warehouse;
  readonly partitions: Partitions;
  readonly list: EventList;
  readonly lookback: Instant;
  /** Between two cycles. */
  readonly intervalMs: number;
  readonly tail: QuietTail;
  readonly normalizeEffects: boolean;
  /** The reading is to end although there is more. */
  readonly isTimeUp?: () => boolean;
  /** Requests for events under way at a time, where the reading is far behind and waits for answers. */
  readonly parallel: number;
}

/** Where the events were read. */
export interface EventWindow {
  readonly from: Instant;
  readonly to: Instant;
  /** The list was read to its end. */
  readonly isCaughtUp: boolean;
  /** The server's clock when the list was read to its end; `undefined` when it sends none. */
  readonly readUntil: Instant | undefined;
  /**
   * The server's clock when the reading first came within a look-back of it: from there on events may still have become
   * visible behind the reading. `undefined` when it did not come so close, or the server sends no clock.
   */
  readonly closeAt: Instant | undefined;
}

/** Later ones are imports, if anything. */
const MOST_LATE = 86_400n * SECOND;

/**
 * Reads all events from the cursor to the newest, or until the time is up, and stores them page by page, each with the
 * cursor in one transaction. However short the time, the cursor moves.
 */
export async function syncEvents(
  options: EventSyncOptions,
  cursor: CursorState,
  context: CycleContext,
): Promise<EventWindow> {
  const beganMs = options.tail.nowMs();
  const from = options.tail.startAfter(cursor.lastSync);
  let to = cursor.lastSync;
  let readUntil: Instant | undefined;
  let isCaughtUp = false;
  const reach = new Reach(options.lookback);
  const progress = new Progress(context.log);
  const lateness = new Lateness(options, cursor.readUntil);
  const isLast = ({ lastSync }: ReadPage) =>
    lastSync !== undefined && lastSync > cursor.lastSync && options.isTimeUp?.() === true;
  const { parallel, lookback } = options;
  const ahead = { parallel, lookback, now: () => options.tail.nowMs() };
  for await (const eventPage of oneAhead(eventPages(options.list, from, context.requests, ahead), isLast)) {
    context.signal.throwIfAborted();
    const lastSync = reach.of(eventPage);
    await storeEventPage(
      options,
      eventPage,
      lastSync,
      lateness.timedAfter(eventPage.page.serverTime),
      context,
    );
    if (lastSync !== undefined) to = laterOf(to, lastSync);
    if (eventPage.isCaughtUp) {
      isCaughtUp = true;
      readUntil = eventPage.readUntil;
      options.tail.noteCaughtUp(to, beganMs);
    } else {
      options.tail.noteBehind(to, eventPage.page.serverTime);
      progress.note(to, eventPage.page.serverTime, eventFigures(context));
    }
  }
  return { from: earlierOf(from, to), to, isCaughtUp, readUntil, closeAt: reach.closeAt };
}

/**
 * Whether the lateness of new events says something about the API: only if the cycle before read the list to its end
 * just now. After a first sync, an outage or a quiet time it was we who were late.
 */
class Lateness {
  private isTold: boolean | undefined;

  constructor(
    private readonly options: Pick<EventSyncOptions, 'lookback' | 'intervalMs'>,
    private readonly readUntil: Instant | undefined,
  ) {}

  /** Events created after this moment are timed; `undefined`: none are. */
  timedAfter(serverTime: Instant | undefined): Instant | undefined {
    if (serverTime === undefined) return undefined;
    const usual = this.options.lookback + BigInt(Math.round(this.options.intervalMs * 1_000));
    this.isTold ??= this.readUntil !== undefined && serverTime - this.readUntil <= usual;
    return this.isTold ? serverTime - MOST_LATE : undefined;
  }
}

async function storeEventPage(
  options: EventSyncOptions,
  eventPage: ReadPage,
  lastSync: Instant | undefined,
  timedAfter: Instant | undefined,
  context: CycleContext,
): Promise<void> {
  const { page, readUntil, isCaughtUp } = eventPage;
  await options.partitions.ensure(page.rows.map((row) => row.created));
  const counts = await writeEventPage(options.warehouse, {
    lease: context.lease,
    page,
    advance: { lastSync, readUntil, status: isCaughtUp ? undefined : 'back-filling' },
    normalizeEffects: options.normalizeEffects,
    timedAfter,
  });
  const { tally } = context;
  if (page.source !== '') tally.pages += 1;
  const repeated = page.data.length - counts.inserted - counts.quarantined;
  tally.eventsNew += counts.inserted;
  tally.eventsRepeated += repeated;
  noteQuarantined(context, counts, page.source);
  if (page.source !== '')
    observeEvents(context, { fresh: counts.inserted, repeated }, counts.timed ?? [], page);
}

function observeEvents(
  { observer, lease: { applicationId } }: CycleContext,
  events: { fresh: number; repeated: number },
  timed: readonly number[],
  { serverTime }: { serverTime: Instant | undefined },
): void {
  observer.pageStored(applicationId, events);
  if (serverTime === undefined) return;
  const now = Number(serverTime) / Number(SECOND);
  for (const created of timed) observer.eventSeen(applicationId, Math.max(0, now - created));
}

function eventFigures({ tally: { pages, eventsNew, eventsRepeated } }: CycleContext) {
  return { pages, eventsNew, eventsRepeated };
}
