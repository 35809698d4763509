import type { Config } from '../../config.js';
import type { CsvExports } from '../../talon-one/csv-exports.js';
import type { ManagementClient } from '../../talon-one/management.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import type { JobKind } from '../job.js';
import { readActiveRulesets } from './active-rulesets.js';
import { auditLogJob } from './audit-log-job.js';
import { codeJob } from './code-job.js';
import { entities } from './entities.js';
import { entityJob } from './entity-job.js';

/** What the jobs are made of. */
export interface ReferenceParts {
  readonly config: Config;
  readonly client: ManagementClient;
  readonly exports: CsvExports;
  readonly warehouse: Warehouse;
}

/**
 * The jobs that keep the reference data up to date. Each kind of data has one of its own, so that none holds up
 * another.
 */
export function referenceKinds({ config, ...parts }: ReferenceParts): JobKind[] {
  const { intervalMs, coupons } = config.reference;
  if (intervalMs === undefined) return [];
  const { applicationIds: wanted, pageSize } = config.talonOne;
  const options = { ...parts, wanted, pageSize, intervalMs, lookback: config.sync.lookback };
  const lists = entities.map((entity) =>
    entityJob(entity, options, entity.kind === 'campaign' ? readActiveRulesets : undefined),
  );
  const codes = coupons ? [codeJob('coupon', options), codeJob('referral', options)] : [];
  return [...lists, auditLogJob(options), ...codes];
}
