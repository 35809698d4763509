import type { Instant } from '../../instant.js';
import type { OpenStream } from '../../talon-one/http.js';
import { defaultRetry } from '../../talon-one/retry.js';
import type { JobKind } from '../job.js';
import { readActiveRulesets } from './active-rulesets.js';
import { auditLogJob } from './audit-log-job.js';
import { codeJob } from './code-job.js';
import { entities } from './entities.js';
import { entityJob } from './entity-job.js';
import type { ReferenceOptions } from './options.js';

export interface ReferenceJobOptions extends ReferenceOptions {
  readonly lookback: Instant;
  /** Given when coupons and referrals are copied too. */
  readonly open: OpenStream | undefined;
}

/** Everything that keeps the reference data up to date; each kind has a job of its own, so that none holds up another. */
export function referenceJobs(options: ReferenceJobOptions): JobKind[] {
  const { open } = options;
  const codes = open && { ...options, open, retry: defaultRetry };
  return [
    ...entities.map((entity) =>
      entityJob(entity, options, entity.kind === 'campaign' ? readActiveRulesets : undefined),
    ),
    auditLogJob(options),
    ...(codes ? [codeJob('coupon', codes), codeJob('referral', codes)] : []),
  ];
}
