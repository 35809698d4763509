import type { Config } from '../config.js';
import { formatInstant, type Instant } from '../instant.js';
import type { Logger } from '../logger.js';
import { requestContext } from '../sync/cycle-context.js';
import { backfillEvents } from '../sync/verify/backfill-events.js';
import type { Period } from '../sync/verify/period.js';
import { EventList } from '../talon-one/event-list.js';
import { chosenApplications } from './chosen-applications.js';
import { createApi, createPartitions, processName } from './context.js';
import { withWarehouse } from './with-warehouse.js';

export interface BackfillRequest {
  readonly application?: string;
  readonly from: Instant;
  readonly to?: Instant;
}

/** Reads a period again and stores what is not there yet. The cursors stay where they are. */
export async function backfillCommand(
  request: BackfillRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  await withWarehouse(config, log, signal, async (warehouse) => {
    const { client } = createApi(config, log, warehouse);
    for (const cursor of await chosenApplications(warehouse, request.application, config)) {
      const { applicationId } = cursor;
      const period: Period = { from: request.from, to: request.to ?? cursor.lastSync + 1n };
      const child = log.child({ applicationId: Number(applicationId) });
      const list = new EventList(client, applicationId, config.talonOne.pageSize);
      const figures = await backfillEvents(
        list,
        applicationId,
        period,
        {
          warehouse,
          partitions: createPartitions(warehouse, child),
          normalizeEffects: config.sync.normalizeEffects,
          owner: processName(),
          leaseMs: config.sync.leaseMs,
          log: child,
        },
        requestContext({ requests: 0, retries: 0, quarantined: 0 }, signal, child),
      );
      const { from, to } = period;
      child.info({ from: formatInstant(from), to: formatInstant(to), ...figures }, 'period read again');
    }
  });
}
