import { isTooMuch } from './api-error.js';
import type { RequestContext } from './management.js';

// How many records one answer may hold so that the server delivers it in time and it can be read. What is too much shows
// only by a request that fails, and a failure may cost a whole timeout. So:
//
// 1. What came too late (timeout, 408, 504) or was too large is asked for again at once with half the size, and while that
//    fails too with a quarter each time: from 1000 to 1 in five steps, as many requests as one size alone would be tried.
// 2. The size that failed is remembered, and pages stay below it. After some dozen full pages it is tried once more, with
//    a single attempt; after each trial that fails the next one is twice as far away.
// 3. A size that was delivered before gets a second attempt: one late answer may have other reasons.
// 4. When even a single record fails, it is not about the size: what was learnt on the way down is forgotten.

/** Full pages until a size that has failed is tried again. */
const FIRST_PATIENCE = 24;
const MOST_PATIENCE = 768;

interface Learnt {
  /** Records to ask for. */
  readonly size: number;
  /** The smallest size that has failed and was not delivered since. */
  readonly failedAt: number;
  /** The largest size of which a full page was delivered since the last failure. */
  readonly proven: number;
  readonly patience: number;
}

/** The page size that one list bears, as one server serves it. Kept for as long as the list is read, over all cycles. */
export class PageSize {
  private learnt: Learnt;
  private fullPages = 0;
  /** What was learnt before the first of the failures in a row; `undefined`: the last answer came. */
  private beforeTrouble: Learnt | undefined;
  /** Whoever reads the log believes it to be this. */
  private said: number;

  constructor(
    /** The most that is asked for. */
    private readonly full: number,
    /** Method and path template, for the log. */
    private readonly endpoint: string,
  ) {
    this.learnt = { size: full, failedAt: Infinity, proven: 0, patience: FIRST_PATIENCE };
    this.said = full;
  }

  /** Records to ask for now. */
  get now(): number {
    return this.learnt.size;
  }

  /**
   * One answer, with as many records as the server delivers at once. `fetch` gets the number to ask for, and the context
   * for its request.
   * @param mostFailures so many of them, and the last one is thrown
   * @throws ApiError when a single record fails as well
   */
  async ask<T extends { readonly data: readonly unknown[] }>(
    context: RequestContext,
    fetch: (pageSize: number, context: RequestContext) => Promise<T>,
    mostFailures = Infinity,
  ): Promise<{ page: T; pageSize: number }> {
    for (let failures = 1; ; failures += 1) {
      const pageSize = this.now;
      try {
        const page = await fetch(pageSize, this.contextFor(pageSize, context));
        this.delivered(pageSize, page.data.length, context);
        return { page, pageSize };
      } catch (error) {
        if (!this.failed(error, pageSize) || failures >= mostFailures) throw error;
      }
    }
  }

  /** For a request of so many records: no more attempts than are worth it while fewer can be asked for. */
  contextFor(pageSize: number, context: RequestContext): RequestContext {
    const attempts = pageSize <= this.learnt.proven ? 2 : 1;
    const isFinal = (error: unknown, attempt: number) => isAboutSize(error) && attempt >= attempts;
    return pageSize > 1 ? { ...context, isFinal } : context;
  }

  /** An answer of `rows` records came to a request for `pageSize`. One that is not full proves nothing of the size. */
  delivered(pageSize: number, rows: number, context: RequestContext): void {
    this.beforeTrouble = undefined;
    if (rows < pageSize) return;
    const { failedAt, proven, patience } = this.learnt;
    const isDisproved = pageSize >= failedAt;
    this.fullPages += 1;
    this.learnt = {
      size: pageSize,
      failedAt: isDisproved ? Infinity : failedAt,
      proven: Math.max(proven, pageSize),
      patience: isDisproved ? FIRST_PATIENCE : patience,
    };
    const larger = Math.min(pageSize * 2, this.full);
    const isTrial = larger >= this.learnt.failedAt;
    const grows = larger > pageSize && (!isTrial || this.fullPages >= patience);
    if (grows) {
      this.learnt = { ...this.learnt, size: Math.min(larger, this.learnt.failedAt) };
      this.fullPages = 0;
    } else if (this.said !== pageSize) {
      this.said = pageSize;
      context.onPageSize?.({ endpoint: this.endpoint, pageSize, isFull: pageSize === this.full });
    }
  }

  /**
   * A request for `pageSize` records failed with `error`.
   * @returns whether asking for `now` records at once can help
   */
  failed(error: unknown, pageSize: number): boolean {
    if (!isTooMuch(error)) return false;
    if (pageSize <= 1) {
      this.learnt = this.beforeTrouble ?? this.learnt;
      this.beforeTrouble = undefined;
      return false;
    }
    const { failedAt, patience } = this.learnt;
    const step = this.beforeTrouble === undefined ? 2 : 4;
    this.beforeTrouble ??= this.learnt;
    this.fullPages = 0;
    this.learnt = {
      size: Math.max(1, Math.floor(pageSize / step)),
      failedAt: pageSize,
      proven: 0,
      patience: pageSize === failedAt ? Math.min(patience * 2, MOST_PATIENCE) : FIRST_PATIENCE,
    };
    return isAboutSize(error);
  }
}

// A server that asks for a pause says itself what it lacks. Its pause is kept, and the smaller size is for the next cycle.
function isAboutSize(error: unknown): boolean {
  return isTooMuch(error) && error.retryAfterMs === undefined;
}
