import type { Dice } from './dice.js';
import { EFFECT_KINDS, type EffectKind, type EffectScene } from './effect-props.js';
import { RULES } from './vocabulary.js';

// Shares of events with 0 to 6 effects, in percent: 2.3 on average.
const EFFECTS_PER_EVENT = [14, 20, 24, 20, 12, 6, 4].flatMap((share, count) =>
  Array<number>(share).fill(count),
);
/** Campaigns of each Application before the simulator starts. */
export const CAMPAIGNS = 20;
const ORDINARY = EFFECT_KINDS.flatMap((kind) => Array<EffectKind>(kind.weight).fill(kind));
const ROLLBACKS = EFFECT_KINDS.flatMap((kind) => Array<EffectKind>(kind.rollbackWeight).fill(kind));

export function campaignName(campaignId: number): string {
  return `Campaign ${campaignId}`;
}

/** Each Application has a hundred ids for its campaigns. */
export function firstCampaign(applicationId: number): number {
  return 100 + applicationId * 100;
}

/** Ten million ids for the coupons of each Application. */
export function firstCoupon(applicationId: number): number {
  return (applicationId - 1) * 10_000_000 + 4000;
}

export function effectsText(scene: EffectScene, takesBack: boolean): string {
  const { dice } = scene;
  const kinds = takesBack ? ROLLBACKS : ORDINARY;
  let text = '[';
  for (let left = dice.pick(EFFECTS_PER_EVENT); left > 0; left -= 1) {
    text += effectText(scene, dice.pick(kinds));
    if (left > 1) text += ',';
  }
  return `${text}]`;
}

function effectText(scene: EffectScene, kind: EffectKind): string {
  const { dice } = scene;
  const campaignId = firstCampaign(scene.applicationId) + dice.below(CAMPAIGNS);
  const coupon = kind.type.includes('Coupon')
    ? `,"triggeredByCoupon":${firstCoupon(scene.applicationId) + dice.below(900)}`
    : '';
  return `{"campaignId":${campaignId},"rulesetId":${campaignId - 127},"ruleIndex":${dice.below(5)},"ruleName":"${dice.pick(RULES)}","effectType":"${kind.type}"${coupon}${extras(dice)},"props":${kind.props(scene)}}`;
}

function extras(dice: Dice): string {
  const throwOf = dice.below(10);
  if (throwOf < 5) return '';
  if (throwOf < 7) return `,"conditionIndex":${dice.below(5)}`;
  return `,"evaluationGroupID":3,"evaluationGroupMode":"stackable","campaignRevisionId":${1 + dice.below(4)},"campaignRevisionVersionId":${1 + dice.below(9)}`;
}

/** One event in ten explains why a rule failed. */
export function ruleFailuresText({ dice, applicationId }: EffectScene): string {
  if (dice.below(10) > 0) return '[]';
  const campaignId = firstCampaign(applicationId) + dice.below(CAMPAIGNS);
  return `[{"campaignID":${campaignId},"campaignName":"${campaignName(campaignId)}","rulesetID":${campaignId - 127},"couponID":4928,"couponValue":"COUP-XYZ789","ruleIndex":${dice.below(5)},"ruleName":"${dice.pick(RULES)}","conditionIndex":0,"details":"Condition not met"}]`;
}
