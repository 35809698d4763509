import { formatInstant } from '../../instant.js';
import type { Logger } from '../../logger.js';
import type { EventList } from '../../talon-one/event-list.js';
import type { RequestContext } from '../../talon-one/management.js';
import { writeEventPage } from '../../warehouse/event-writer.js';
import type { Partitions } from '../../warehouse/partitions.js';
import { Progress } from '../reading.js';
import { type Period, periodPages } from './period.js';
import { type ShortLeaseOptions, withShortLease } from './short-lease.js';

export interface BackfillOptions extends ShortLeaseOptions {
  readonly partitions: Partitions;
  readonly normalizeEffects: boolean;
  readonly log: Logger;
}

export interface BackfillFigures {
  pages: number;
  eventsNew: number;
  eventsRepeated: number;
  quarantined: number;
}

/**
 * Reads a period and stores what is not there yet, each page under the Application's lease for as long as it takes to
 * write: cycles go on in between. The cursor does not move; new events call for snapshots as always.
 */
export async function backfillEvents(
  list: EventList,
  applicationId: string,
  period: Period,
  options: BackfillOptions,
  context: RequestContext,
): Promise<BackfillFigures> {
  const { warehouse, partitions, normalizeEffects, log } = options;
  const figures: BackfillFigures = { pages: 0, eventsNew: 0, eventsRepeated: 0, quarantined: 0 };
  const progress = new Progress(log);
  for await (const { page, reached } of periodPages(list, period, context)) {
    context.signal.throwIfAborted();
    if (page.data.length > 0) {
      await partitions.ensure(page.rows.map((row) => row.created));
      await withShortLease(applicationId, options, context.signal, async (lease) => {
        const counts = await writeEventPage(warehouse, { lease, page, advance: {}, normalizeEffects });
        figures.eventsNew += counts.inserted;
        figures.eventsRepeated += page.data.length - counts.inserted - counts.quarantined;
        figures.quarantined += counts.quarantined;
        return counts.inserted > 0;
      });
    }
    if (page.source !== '') figures.pages += 1;
    if (reached !== undefined && progress.isDue())
      log.info({ reached: formatInstant(reached), ...figures }, 'reading a period again');
  }
  return figures;
}
