import { type Instant, SECOND } from '../instant.js';
import type { RequestContext } from './management.js';
import { ReadingPace } from './reading-pace.js';
import type { RecordList, RecordListPage, RecordRange } from './record-list.js';

// One request at a time brings a page per latency, less than the request budget allows. So, far behind the present, the
// next pages are asked for together with the one at hand: the same query with larger offsets. Where they begin is a guess,
// some events before the end that the page before is expected to have; what they hold then proves whether they join it:
//
//   a page that begins before the last moment of the one before leaves nothing out between the two. Each is a piece of a
//   list in the order of `created`: what is older than the later one's first event, or as old, stood before the last
//   event of the earlier one, and so on that page or before it; what is younger stands on the later one or behind it.
//
// A page that does not join (a tie at the seam that is longer than the overlap, pages that shift or are shorter, the end
// of the list) is thrown away with those behind it, and reading goes on one by one from the last page that did. Pages are
// handed over strictly in order, so whoever stores them notices nothing. Near the present nothing is read ahead: what
// becomes visible late could come in behind a page that was read too early.

export interface AheadOptions {
  /** Requests under way at a time, the first one included; less than 2: nothing is read ahead. */
  readonly parallel: number;
  /** Records may become visible so long after their creation (microseconds). */
  readonly lookback: Instant;
  /** Milliseconds on a clock that never steps back. */
  readonly now?: (() => number) | undefined;
  /** Pages that are read one by one after the first guess that was wrong; twice as many after each next one. */
  readonly pauseAfterMiss?: number;
}

/** A page that was read ahead and joins the one before, and the offset that it was asked for with. */
export interface JoiningPage {
  readonly page: RecordListPage;
  readonly skip: number;
}

interface Guess {
  readonly skip: number;
  /** `undefined`: the request failed. */
  readonly page: Promise<RecordListPage | undefined>;
}

/** Repeated between two pages. */
const OVERLAP_SHARE = 0.01;
const LEAST_OVERLAP = 5;
const PAUSE_AFTER_MISS = 16;
const MOST_PAUSE = 1024;
/** How far a Date header may run ahead of the clock that the records go by. */
const CLOCKS_APART = 3600n * SECOND;
/** The next pages may span this many times as long as the one before. */
const SPARE = 2n;

/** Reads the pages behind the one at hand, while that pays and the server keeps to the order. */
export class PagesAhead {
  private readonly pace: ReadingPace;
  private guesses: Guess[] = [];
  private controller: AbortController | undefined;
  private before: RecordListPage | undefined;
  private pause: number;
  private pausing = 0;

  constructor(
    private readonly list: RecordList,
    private readonly context: RequestContext,
    private readonly options: AheadOptions,
  ) {
    this.pace = new ReadingPace(options.now);
    this.pause = options.pauseAfterMiss ?? PAUSE_AFTER_MISS;
  }

  /** To be called when the page of `range` has been asked for: asks for those behind it, if that pays. */
  begin(range: RecordRange): void {
    this.end();
    const { before } = this;
    this.before = undefined;
    if (!this.pace.waitsForAnswers() || !before || this.pausing > 0 || !this.isFarBehind(before)) return;
    const { length } = before.data;
    // A page that is shorter than it was asked for says nothing of the next one.
    const step = length === this.list.rowsPerPage ? length - overlapOf(length) : 0;
    if (step === 0) return;
    const controller = new AbortController();
    const { signal } = this.context;
    const stop = () => controller.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    controller.signal.addEventListener('abort', () => signal.removeEventListener('abort', stop), {
      once: true,
    });
    this.controller = controller;
    const context = { ...this.context, signal: controller.signal };
    for (let ahead = 1; ahead < this.options.parallel; ahead += 1) {
      const skip = range.skip + ahead * step;
      // Whatever is wrong shows itself when the page is asked for in its turn.
      const page = this.list.page({ ...range, skip }, context).catch(() => undefined);
      this.guesses.push({ skip, page });
    }
  }

  /** The page behind `page`, if it has been asked for and joins it. */
  async following(page: RecordListPage): Promise<JoiningPage | undefined> {
    this.before = page;
    this.pace.note(page.tookMs);
    this.pausing = Math.max(0, this.pausing - 1);
    const guess = this.guesses.shift();
    if (!guess) return undefined;
    const next = await guess.page;
    if (next && this.joins(page, next)) return { page: next, skip: guess.skip };
    this.pausing = this.pause;
    this.pause = Math.min(MOST_PAUSE, this.pause * 2);
    this.end();
    return undefined;
  }

  /** Gives up what is under way. */
  end(): void {
    this.controller?.abort();
    this.controller = undefined;
    this.guesses = [];
  }

  private isFarBehind(before: RecordListPage): boolean {
    const [first] = before.rows;
    const last = before.rows.at(-1);
    const final = this.finalOn(before);
    // Without `hasMore` the server counts the list for each page, or tells its end by the length of a page.
    if (!first || !last || final === undefined || before.hasMore !== true) return false;
    return last.created + (last.created - first.created) * BigInt(this.options.parallel) * SPARE < final;
  }

  private joins(before: RecordListPage, page: RecordListPage): boolean {
    const [first] = page.rows;
    const last = page.rows.at(-1);
    const end = before.rows.at(-1);
    const final = this.finalOn(page);
    if (!first || !last || !end || final === undefined || page.hasMore !== true) return false;
    const isAscending = page.rows.every((row, at) => row.created >= (page.rows[at - 1] ?? row).created);
    return isAscending && first.created < end.created && end.created < last.created && last.created <= final;
  }

  /** Up to here nothing can become visible any more that the page does not show. */
  private finalOn({ serverTime }: RecordListPage): Instant | undefined {
    return serverTime === undefined ? undefined : serverTime - this.options.lookback - CLOCKS_APART;
  }
}

function overlapOf(length: number): number {
  return Math.max(1, Math.min(LEAST_OVERLAP, length >> 2), Math.floor(length * OVERLAP_SHARE));
}
