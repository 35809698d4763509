import { type Instant, laterOf, seconds } from '../instant.js';
import { keysetPages, NotOrderedError } from './event-keyset.js';
import type { EventList } from './event-list.js';
import type { RequestContext } from './management.js';
import type { ReadPage } from './record-list.js';
import { windowPages } from './record-windows.js';

// Disorder is noticed some pages after it began; what was read shortly before is read again.
const STEP_BACK = seconds(60);

/**
 * All events from `from` to the newest, page by page, so that none can be missed whatever the server's habits. Reads
 * along the order of `created` as long as the server keeps it, otherwise in frozen windows from where the order broke.
 */
export async function* eventPages(
  list: EventList,
  from: Instant,
  context: RequestContext,
): AsyncGenerator<ReadPage, void> {
  let reached = from;
  try {
    for await (const page of keysetPages(list, from, context)) {
      if (page.lastSync !== undefined) reached = laterOf(reached, page.lastSync);
      yield page;
    }
  } catch (error) {
    if (!(error instanceof NotOrderedError)) throw error;
    list.isOrderProven = false;
    yield* windowPages(list, laterOf(from, reached - STEP_BACK), error.serverTime, context);
  }
}

/**
 * The same pages, each next one being fetched while the one before is in use.
 * @param isLast nothing after this page is wanted, so nothing is fetched for it
 */
export async function* oneAhead<T>(
  pages: AsyncGenerator<T, void>,
  isLast: (page: T) => boolean = () => false,
): AsyncGenerator<T, void> {
  let next = pages.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      if (isLast(value)) {
        yield value;
        return;
      }
      next = pages.next();
      // Looked at when its turn comes; without this a failure in the meantime would count as unhandled.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await pages.return().catch(() => {});
  }
}
