import type { ManagementClient } from '../../talon-one/management.js';
import { allApplications } from '../../warehouse/reference-reads.js';
import type { Warehouse } from '../../warehouse/warehouse.js';

/** What every job of the reference data needs. */
export interface ReferenceOptions {
  readonly warehouse: Warehouse;
  readonly client: ManagementClient;
  /** Applications to copy. */
  readonly wanted: 'all' | readonly string[];
  readonly pageSize: number;
  /** From the end of one run to the start of the next. */
  readonly intervalMs: number;
}

/** When no Application has been found yet: the event sync is about to. */
export const SOON_MS = 5_000;

export async function applicationsOf({ warehouse, wanted }: ReferenceOptions): Promise<readonly string[]> {
  return wanted === 'all' ? allApplications(warehouse) : wanted;
}
