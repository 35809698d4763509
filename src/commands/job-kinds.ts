import type { Config } from '../config.js';
import type { JobKind } from '../sync/job.js';
import type { ManagementClient } from '../talon-one/management.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** What the jobs of every kind are made of. */
export interface JobParts {
  readonly config: Config;
  readonly client: ManagementClient;
  readonly warehouse: Warehouse;
}

/** Everything that is done beside the events, as the configuration wants it. */
export function jobKinds(_parts: JobParts): JobKind[] {
  return [];
}
