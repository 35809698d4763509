import { earlierOf, floorToSecond, type Instant, SECOND } from '../../instant.js';
import type { EventList } from '../../talon-one/event-list.js';
import { eventPages } from '../../talon-one/event-pages.js';
import type { RequestContext } from '../../talon-one/management.js';
import type { RecordListPage } from '../../talon-one/record-list.js';

/** Events created from `from` on and before `to`. */
export interface Period {
  readonly from: Instant;
  readonly to: Instant;
}

export interface PeriodPage {
  readonly page: RecordListPage;
  /** Every event of the period created before has been on this page or an earlier one; `undefined`: no further than before. */
  readonly reached: Instant | undefined;
}

/**
 * All events of a period, page by page, read like those of a cycle. The pages also hold some from before and behind it:
 * whether a bound of the API is inclusive is not documented. Nothing is fetched ahead: a period may end with each page.
 */
export async function* periodPages(
  list: EventList,
  { from, to }: Period,
  context: RequestContext,
): AsyncGenerator<PeriodPage, void> {
  for await (const { page, lastSync, isCaughtUp } of eventPages(
    list,
    floorToSecond(from) - SECOND,
    context,
  )) {
    const through = isCaughtUp ? to : lastSync === undefined ? undefined : earlierOf(to, lastSync + 1n);
    yield { page, reached: through };
    if (through === to) return;
  }
}
