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
  parentLog: Logger,
  signal: AbortSignal,
): Promise<void> {
  await withWarehouse(config, parentLog, signal, async (warehouse) => {
    const { client } = createApi(config, parentLog, warehouse);
    for (const cursor of await chosenApplications(warehouse, request.application, config)) {
      const { applicationId } = cursor;
      const period: Period = { from: request.from, to: request.to ?? cursor.lastSync + 1n };
      const log = parentLog.child({ applicationId: Number(applicationId) });
      const list = new EventList(client, applicationId, config.talonOne.pageSize);
      const figures = await backfillEvents(
        list,
        applicationId,
        period,
        {
          warehouse,
          partitions: createPartitions(warehouse, log),
          normalizeEffects: config.sync.normalizeEffects,
          owner: processName(),
          leaseMs: config.sync.leaseMs,
          log,
        },
        requestContext({ requests: 0, retries: 0, quarantined: 0 }, signal, log),
      );
      const { from, to } = period;
      log.info({ from: formatInstant(from), to: formatInstant(to), ...figures }, 'period read again');
    }
  });
}
