import type { JobKind } from '../sync/job.js';
import { loyaltyKinds } from '../sync/loyalty/kinds.js';
import type { LoyaltyParts } from '../sync/loyalty/loyalty-parts.js';

/** Everything that is done beside the events, as the configuration wants it. */
export function jobKinds(parts: LoyaltyParts): JobKind[] {
  return parts.config.loyalty.isOn ? loyaltyKinds(parts) : [];
}
