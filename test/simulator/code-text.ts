import type { Coupon, Referral } from './codes.js';
import { formatMicros, type Micros } from './timestamp.js';

/** The JSON of one coupon. Members that are not set are absent. */
export function couponText(coupon: Coupon): string {
  return JSON.stringify({
    id: coupon.id,
    created: formatMicros(coupon.created),
    campaignId: coupon.campaignId,
    value: coupon.value,
    usageLimit: coupon.usageLimit,
    ...(coupon.discountLimit === 0 ? {} : { discountLimit: coupon.discountLimit / 100 }),
    ...(coupon.reservationLimit === 0 ? {} : { reservationLimit: coupon.reservationLimit }),
    ...dates(coupon),
    limits: [],
    usageCounter: coupon.usageCounter,
    discountCounter: coupon.discountCounter / 100,
    reservationCounter: coupon.reservationCounter,
    attributes: coupon.attributes,
    ...(coupon.recipientIntegrationId === ''
      ? {}
      : { recipientIntegrationId: coupon.recipientIntegrationId }),
    ...(coupon.referralId === 0 ? {} : { referralId: coupon.referralId }),
    ...origin(coupon),
    reservation: coupon.reservation,
    isReservationMandatory: coupon.isReservationMandatory,
  });
}

export function referralText(referral: Referral): string {
  return JSON.stringify({
    id: referral.id,
    created: formatMicros(referral.created),
    ...dates(referral),
    usageLimit: referral.usageLimit,
    campaignId: referral.campaignId,
    advocateProfileIntegrationId: referral.advocate,
    ...(referral.friend === '' ? {} : { friendProfileIntegrationId: referral.friend }),
    attributes: referral.attributes,
    code: referral.code,
    usageCounter: referral.usageCounter,
    ...origin(referral),
  });
}

function dates({ startsAt, expiresAt }: { startsAt: Micros; expiresAt: Micros }): object {
  return {
    ...(startsAt === 0 ? {} : { startDate: formatMicros(startsAt, 'trimmed') }),
    ...(expiresAt === 0 ? {} : { expiryDate: formatMicros(expiresAt, 'trimmed') }),
  };
}

function origin({ importId, batchId }: { importId: number; batchId: string }): object {
  return { ...(importId === 0 ? {} : { importId }), ...(batchId === '' ? {} : { batchId }) };
}
