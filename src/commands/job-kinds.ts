import type { Observer } from '../observer.js';
import type { JobKind } from '../sync/job.js';
import { loyaltyKinds } from '../sync/loyalty/kinds.js';
import type { LoyaltyParts } from '../sync/loyalty/loyalty-parts.js';
import { referenceKinds } from '../sync/reference/kinds.js';
import { refreshJobs } from '../sync/refresh/refresh-job.js';
import { retentionJob } from '../sync/retention-job.js';
import { auditJob } from '../sync/verify/audit-job.js';
import type { Api } from './context.js';

/** Everything that is done beside the events, as the configuration wants it. */
export function jobKinds(
  parts: LoyaltyParts & Pick<Api, 'sparing'> & { readonly observer?: Observer },
): JobKind[] {
  const { loyalty, audit, refresh, retentionMonths: months, sync } = parts.config;
  const { delay } = audit;
  const { period } = refresh;
  return [
    ...(loyalty.isOn ? loyaltyKinds(parts) : []),
    ...referenceKinds(parts),
    ...(delay === undefined ? [] : [auditJob({ ...parts, delay })]),
    ...(period === undefined ? [] : refreshJobs({ ...parts, period })),
    ...(months === undefined ? [] : [retentionJob({ ...parts, months, lookback: sync.lookback })]),
  ];
}
