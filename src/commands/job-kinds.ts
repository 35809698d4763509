import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import type { JobKind } from '../sync/job.js';
import { referenceJobs } from '../sync/reference/jobs.js';
import type { ManagementClient } from '../talon-one/management.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { createApiStream } from './context.js';

/** What the jobs of every kind are made of. */
export interface JobParts {
  readonly config: Config;
  readonly client: ManagementClient;
  readonly warehouse: Warehouse;
  readonly log: Logger;
}

/** Everything that is done beside the events, as the configuration wants it. */
export function jobKinds(parts: JobParts): JobKind[] {
  return [...referenceKinds(parts)];
}

function referenceKinds({ config, client, warehouse, log }: JobParts): JobKind[] {
  const { intervalMs, coupons } = config.reference;
  if (intervalMs === undefined) return [];
  const { applicationIds: wanted, pageSize } = config.talonOne;
  const { lookback } = config.sync;
  const open = coupons ? createApiStream(config, log, warehouse) : undefined;
  return referenceJobs({ warehouse, client, wanted, pageSize, intervalMs, lookback, open });
}
