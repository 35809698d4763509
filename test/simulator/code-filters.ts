import type { Coupon, Referral } from './codes.js';
import { type ParameterType, type Query, readTime } from './query.js';
import { isInState } from './reference-endpoints.js';
import type { Switches } from './switches.js';
import { DAY, type Micros } from './timestamp.js';
import { isWithin } from './window.js';
import type { World } from './world.js';

// What lists and exports of coupons and referrals can be filtered by.

const COMMON: Record<string, ParameterType> = {
  createdBefore: 'date-time',
  createdAfter: 'date-time',
  valid: ['expired', 'validNow', 'validFuture'],
  usable: ['true', 'false'],
};
export const COUPON_FILTERS: Record<string, ParameterType> = {
  ...COMMON,
  value: 'text',
  referralId: 'integer',
  recipientIntegrationId: 'text',
  batchId: 'text',
  exactMatch: 'boolean',
};
export const REFERRAL_FILTERS = COMMON;

const DELETED_KEPT = 7 * DAY;

export function couponMatches(world: World, query: Query, switches: Switches): (coupon: Coupon) => boolean {
  const isCommon = commonFilter(world, query, switches);
  const value = folded(query.get('value') ?? '');
  const isExact = query.get('exactMatch') === 'true';
  const state = query.get('campaignState');
  const isWanted = deletionFilter(world, query, switches);
  return (coupon) => {
    const code = folded(coupon.value);
    if (isExact ? value !== '' && code !== value : !code.includes(value)) return false;
    if (!agrees(query, 'referralId', coupon.referralId)) return false;
    if (!agrees(query, 'recipientIntegrationId', coupon.recipientIntegrationId)) return false;
    if (state !== undefined) {
      const campaign = world.reference.find('campaign', coupon.campaignId);
      if (campaign === undefined || !isInState(campaign.values, state)) return false;
    }
    return isCommon(coupon) && isWanted(coupon.deletedAt);
  };
}

export function referralMatches(
  world: World,
  query: Query,
  switches: Switches,
): (referral: Referral) => boolean {
  const isCommon = commonFilter(world, query, switches);
  return (referral) =>
    isCommon(referral) &&
    agrees(query, 'code', referral.code) &&
    agrees(query, 'advocate', referral.advocate);
}

/** Documented: both are folded to lower-case letters and digits. */
function folded(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function agrees(query: Query, name: string, value: string | number): boolean {
  return !query.has(name) || query.get(name) === String(value);
}

type Common = Pick<
  Coupon,
  'created' | 'campaignId' | 'batchId' | 'startsAt' | 'expiresAt' | 'usageCounter' | 'usageLimit'
>;

function commonFilter(world: World, query: Query, switches: Switches): (code: Common) => boolean {
  const [after, before] = [readTime(query, 'createdAfter'), readTime(query, 'createdBefore')];
  const [valid, usable] = [query.get('valid'), query.get('usable')];
  const now = world.now();
  return (code) => {
    if (!isWithin(code.created, after, before, switches)) return false;
    if (!agrees(query, 'campaignId', code.campaignId) || !agrees(query, 'batchId', code.batchId))
      return false;
    const isUsable = code.usageLimit === 0 || code.usageCounter < code.usageLimit;
    if (usable !== undefined && isUsable !== (usable === 'true')) return false;
    return valid === undefined || validity(code, now).includes(valid);
  };
}

function validity({ startsAt, expiresAt }: Common, now: Micros): string[] {
  const isExpired = expiresAt !== 0 && expiresAt <= now;
  const isFuture = startsAt > now;
  return [
    ...(isExpired ? ['expired'] : []),
    ...(isFuture ? ['validFuture'] : []),
    ...(!isExpired && !isFuture ? ['validNow'] : []),
  ];
}

/** Documented: deleted ones for seven days, with these filters. Whether also without them is a switch. */
function deletionFilter(world: World, query: Query, switches: Switches): (deletedAt: Micros) => boolean {
  const [after, before] = [readTime(query, 'deletedAfter'), readTime(query, 'deletedBefore')];
  const isAsked = after !== undefined || before !== undefined;
  return (deletedAt) => {
    if (deletedAt === 0) return !isAsked;
    if (deletedAt < world.now() - DELETED_KEPT) return false;
    return isAsked ? isWithin(deletedAt, after, before, switches) : switches.exportDeleted === 'always';
  };
}
