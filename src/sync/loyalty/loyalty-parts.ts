import type { Config } from '../../config.js';
import type { CsvExports } from '../../talon-one/csv-exports.js';
import type { ManagementClient } from '../../talon-one/management.js';
import type { Warehouse } from '../../warehouse/warehouse.js';

/** What the loyalty jobs are made of. */
export interface LoyaltyParts {
  readonly config: Config;
  readonly client: ManagementClient;
  readonly exports: CsvExports;
  readonly warehouse: Warehouse;
}

/** Names of the jobs of one kind that the configuration wants, as patterns of LIKE. */
export function jobsOf(kind: string, { config: { loyalty } }: Pick<LoyaltyParts, 'config'>): string[] {
  const { programIds } = loyalty;
  return programIds === 'all' ? [`${kind}:%`] : programIds.map((id) => `${kind}:${id}`);
}

/** Programs that the API lists no more are looked at again in an hour: there is nothing to read. */
export const MISSING_PROGRAM = { next: { inMs: 3_600_000 }, figures: { program: 'missing' } } as const;
