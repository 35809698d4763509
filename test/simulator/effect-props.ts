import { exactAmount, uuid } from './amounts.js';
import type { Dice } from './dice.js';

/** What an effect may refer to. Texts are already escaped for JSON. */
export interface EffectScene {
  dice: Dice;
  /** Whose campaigns and coupons they are. */
  applicationId: number;
  profile: string;
  profileId: string | null;
  coupon: string;
  /** RFC 3339 times before and after the event. */
  earlier: string;
  later: string;
}

export interface EffectKind {
  type: string;
  /** Relative frequency in events of ordinary sessions and in those that take something back. */
  weight: number;
  rollbackWeight: number;
  props: (scene: EffectScene) => string;
}

const cents = (scene: EffectScene): string => exactAmount(scene.dice, scene.dice.below(20_000));
const points = (scene: EffectScene): string => `${1 + scene.dice.below(500)}`;
const account = (scene: EffectScene): string =>
  `"programId":${1 + scene.dice.below(3)},"subLedgerId":"${scene.dice.pick(['', 'main', 'spring'])}"`;
const achievement = (scene: EffectScene): string =>
  `"achievementId":${1 + scene.dice.below(9)},"achievementName":"FreeCoffee10Orders","progressTrackerId":${1 + scene.dice.below(900)}`;
const audience = (scene: EffectScene): string =>
  `"audienceId":${1 + scene.dice.below(5)},"audienceName":"Travel audience","profileIntegrationId":"${scene.profile}"${scene.profileId === null ? '' : `,"profileId":${scene.profileId}`}`;
const recipient = (scene: EffectScene): string => `"recipientIntegrationId":"${scene.profile}"`;
const expiryChanges = (scene: EffectScene): string =>
  `"affectedTransactions":[{"transactionUUID":"${uuid(scene.dice)}","previousExpiryDate":"${scene.earlier}","newExpiryDate":"${scene.later}"}]`;

/** All documented effect types, each with at least the properties that are always present. */
export const EFFECT_KINDS: readonly EffectKind[] = [
  kind('setDiscount', 30, 0, (s) => {
    const value = cents(s);
    return `{"name":"20% discount","value":${value},"scope":"sessionTotal","desiredValue":${value}}`;
  }),
  kind('setDiscountPerItem', 30, 0, (s) => {
    const value = cents(s);
    return `{"name":"Item discount","value":${value},"position":${s.dice.below(3)},"subPosition":0,"desiredValue":${value},"scope":"price","totalDiscount":${value},"desiredTotalDiscount":${value},"targetedItemPosition":0,"targetedItemSubPosition":0,"excludedFromPriceHistory":false}`;
  }),
  kind('addLoyaltyPoints', 30, 0, (s) => {
    const value = points(s);
    return `{"name":"Points for purchase",${account(s)},"value":${value},"desiredValue":${value},${recipient(s)},"startDate":"${s.earlier}","expiryDate":"${s.later}","transactionUUID":"${uuid(s.dice)}","awaitsActivation":false}`;
  }),
  kind('acceptCoupon', 16, 0, (s) => `{"value":"${s.coupon}"}`),
  kind(
    'rejectCoupon',
    14,
    2,
    (s) =>
      `{"value":"${s.coupon}","rejectionReason":"${s.dice.pick(['CouponNotFound', 'CouponExpired', 'CouponRejectedByCondition'])}","conditionIndex":${s.dice.below(4)},"effectIndex":0,"details":"usage limit reached","campaignExclusionReason":"CampaignGaveLowerDiscount"}`,
  ),
  kind('triggerWebhook', 14, 6, (s) => `{"webhookId":${1 + s.dice.below(20)},"webhookName":"My webhook"}`),
  kind(
    'updateAttribute',
    14,
    4,
    (s) =>
      `{"path":"Session.Attributes.loyaltyTier","value":${s.dice.pick(['"Gold"', 'null', '1.10', 'true', '["a","b"]', '{"n":9007199254740993}'])}}`,
  ),
  kind(
    'showNotification',
    14,
    4,
    () =>
      '{"notificationType":"info","title":"Discount applied","body":"You have received a 10% discount on your order."}',
  ),
  kind('couponCreated', 8, 0, (s) => `{"value":"${s.coupon}","profileId":"${s.profile}"}`),
  kind(
    'customEffect',
    8,
    3,
    (s) =>
      `{"effectId":${1 + s.dice.below(50)},"name":"my_effect","payload":{"exact":0.1000000000000000000${1 + s.dice.below(9)},"nested":{"list":[1,2.50,null]}}}`,
  ),
  kind(
    'setDiscountPerAdditionalCost',
    6,
    0,
    (s) =>
      `{"name":"Shipping discount","additionalCostId":1,"additionalCost":"shipping","value":${cents(s)}}`,
  ),
  kind(
    'setDiscountPerAdditionalCostPerItem',
    3,
    0,
    (s) =>
      `{"name":"Item shipping","additionalCostId":1,"value":${cents(s)},"position":0,"additionalCost":"shipping"}`,
  ),
  kind('addFreeItem', 5, 0, () => '{"sku":"SKU1241028","name":"Free gift","desiredQuantity":1}'),
  kind(
    'deductLoyaltyPoints',
    5,
    2,
    (s) =>
      `{"ruleTitle":"Pay with points",${account(s)},"value":${points(s)},"transactionUUID":"${uuid(s.dice)}","name":"Points spent","cardIdentifier":"loyalty-card-${100 + s.dice.below(900)}"}`,
  ),
  kind(
    'changeLoyaltyTierLevel',
    3,
    1,
    (s) =>
      `{"ruleTitle":"Tier upgrade",${account(s)},"previousTierName":"Silver","newTierName":"Gold","expiryDate":"${s.later}"}`,
  ),
  kind(
    'increaseAchievementProgress',
    6,
    0,
    (s) => `{${achievement(s)},"delta":1,"value":${1 + s.dice.below(9)},"target":10,"isJustCompleted":false}`,
  ),
  kind(
    'startAchievementProgress',
    2,
    0,
    (s) => `{${achievement(s)},"target":10,"startDate":"${s.earlier}","endDate":"${s.later}"}`,
  ),
  kind(
    'reserveCoupon',
    3,
    0,
    (s) => `{"couponValue":"${s.coupon}","profileIntegrationId":"${s.profile}","isNewReservation":true}`,
  ),
  kind(
    'awardGiveaway',
    2,
    0,
    (s) =>
      `{"poolId":7,"poolName":"My pool",${recipient(s)},"giveawayId":${1 + s.dice.below(900)},"code":"GIFT-${s.dice.below(9999)}"}`,
  ),
  kind('willAwardGiveaway', 2, 0, (s) => `{"poolId":7,"poolName":"My pool",${recipient(s)}}`),
  kind('acceptReferral', 2, 0, () => '{"value":"REF-ABC123"}'),
  kind(
    'rejectReferral',
    2,
    0,
    () => '{"value":"REF-ABC123","rejectionReason":"ReferralExpired","conditionIndex":1,"effectIndex":0}',
  ),
  kind('redeemReferral', 1, 0, (s) => `{"id":${1 + s.dice.below(900)},"value":"REF-ABC123"}`),
  kind('referralCreated', 2, 0, (s) => `{"value":"REF-${s.dice.below(99999)}"}`),
  kind('addToAudience', 3, 1, (s) => `{${audience(s)}}`),
  kind('removeFromAudience', 1, 1, (s) => `{${audience(s)}}`),
  kind(
    'showBundleMetadata',
    1,
    0,
    () => '{"description":"A bundle","bundleAttributes":["category","brand"],"itemsIndices":[0,1,2]}',
  ),
  kind(
    'extendLoyaltyPointsExpiryDate',
    1,
    0,
    (s) =>
      `{${account(s)},"extensionDuration":"30D","previousExpirationDate":"${s.earlier}",${expiryChanges(s)}}`,
  ),
  kind(
    'setLoyaltyPointsExpiryDate',
    1,
    0,
    (s) => `{${account(s)},"newExpiryDate":"${s.later}",${expiryChanges(s)}}`,
  ),
  kind('error', 1, 1, () => '{"message":"The rule could not be evaluated: division by zero"}'),
  kind('rollbackCoupon', 0, 12, (s) => `{"value":"${s.coupon}"}`),
  kind('rollbackReferral', 0, 3, () => '{"value":"REF-ABC123"}'),
  kind(
    'rollbackDiscount',
    0,
    20,
    (s) => `{"name":"20% discount","value":${cents(s)},"cartItemPosition":0,"scope":"sessionTotal"}`,
  ),
  kind(
    'rollbackAddedLoyaltyPoints',
    0,
    16,
    (s) => `{${account(s)},"value":${points(s)},${recipient(s)},"transactionUUID":"${uuid(s.dice)}"}`,
  ),
  kind(
    'rollbackDeductedLoyaltyPoints',
    0,
    6,
    (s) =>
      `{${account(s)},"value":${points(s)},${recipient(s)},"startDate":"${s.earlier}","expiryDate":"${s.later}","transactionUUID":"${uuid(s.dice)}"}`,
  ),
  kind(
    'rollbackIncreasedAchievementProgress',
    0,
    5,
    (s) => `{${achievement(s)},"decreaseProgressBy":1,"currentProgress":${s.dice.below(9)},"target":10}`,
  ),
];

function kind(
  type: string,
  weight: number,
  rollbackWeight: number,
  props: (scene: EffectScene) => string,
): EffectKind {
  return { type, weight, rollbackWeight, props };
}
