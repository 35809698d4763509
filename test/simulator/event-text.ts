import { exactAmount } from './amounts.js';
import type { SimulatedApplication } from './application.js';
import { cartItemsText, shippingText } from './cart.js';
import { Dice, hash32 } from './dice.js';
import { effectsText, ruleFailuresText } from './effect-text.js';
import { idMember } from './missing-ids.js';
import { stateAfter } from './session-table.js';
import { DAY, formatMicros, formatSeconds } from './timestamp.js';
import { EVENT_TYPES, KIND, SESSION_STATES, STORES } from './vocabulary.js';

/** The JSON of one event: the given text, byte for byte, or one that follows from the seed and the row. */
export function eventText(application: SimulatedApplication, row: number): string {
  const { events } = application;
  const given = events.given.get(row);
  return given === undefined ? generatedText(application, row) : given.text;
}

function generatedText(application: SimulatedApplication, row: number): string {
  const { events, sessions, profiles, style } = application;
  const kind = events.kind.get(row);
  const created = events.created.get(row);
  const session = events.session.get(row);
  const profile = events.profile.get(row);
  const h = hash32(style.seed, application.id, row);
  const dice = new Dice(h);
  const profileId = profile < 0 ? null : profiles.ids.idOf(profile);
  const profileName = profile < 0 ? 'anonymous' : escaped(profiles.integrationId(profile));
  const scene = {
    dice,
    applicationId: application.id,
    profile: profileName,
    profileId,
    coupon: session < 0 ? 'SUMMER10' : sessions.coupon(session),
    earlier: formatSeconds(created - DAY),
    later: formatSeconds(created + 30 * DAY),
  };
  const takesBack = kind >= KIND.sessionCancelled && kind <= KIND.sessionReopened;
  const ids =
    idMember('profileId', profileId, style.missingIds, h >>> 8) +
    storeMembers(application.id, h) +
    (isAdvanced(kind, h) ? `,"integrationId":"evt-${row}-${h % 9973}"` : '') +
    idMember('sessionId', session < 0 ? null : sessions.ids.idOf(session), style.missingIds, h >>> 16);
  return `{"id":${events.ids.idOf(row)},"created":"${formatMicros(created, style.digits)}","applicationId":${application.id}${ids},"type":"${EVENT_TYPES[kind]}","attributes":${attributesText(application, row, dice, profileName)},"effects":${effectsText(scene, takesBack)},"ruleFailureReasons":${ruleFailuresText(scene)}}`;
}

function storeMembers(applicationId: number, h: number): string {
  if (h % 4 > 0) return '';
  const store = 1 + ((h >>> 4) % STORES);
  return `,"storeId":${storeId(applicationId, store)},"storeIntegrationId":"STORE-${String(store).padStart(3, '0')}"`;
}

/** Each Application has a hundred ids for its stores; those of the first one are their numbers. */
export function storeId(applicationId: number, store: number): number {
  return (applicationId - 1) * 100 + store;
}

/** A test may have named a profile in any way. */
function escaped(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}

/** Advanced (v3) custom events carry the caller's own id. */
function isAdvanced(kind: number, h: number): boolean {
  return kind >= KIND.firstCustom && h % 2 === 0;
}

function attributesText(
  application: SimulatedApplication,
  row: number,
  dice: Dice,
  profileName: string,
): string {
  const { events, sessions } = application;
  const kind = events.kind.get(row);
  const session = events.session.get(row);
  if (kind > KIND.sessionReopened) return customAttributes(dice, profileName);
  const step = events.step.get(row);
  const cart = sessions.cart(session);
  const state = SESSION_STATES[stateAfter(kind, 0)];
  const profile = events.profile.get(row) < 0 ? '' : `"profileId":"${profileName}",`;
  return `{"integrationId":"${sessions.integrationId(session)}","params":{${profile}"state":"${state}","couponCodes":["${sessions.coupon(session)}"],"referralCode":"","loyaltyCards":[],"identifiers":["device-${cart % 997}"],"additionalCosts":${shippingText(cart)},"cartItems":${cartItemsText(cart, step)},"attributes":{"exchangeRate":${exactAmount(dice, 100 + dice.below(40))},"shippingMethod":"Standard","paymentMethod":"creditcard"}}}`;
}

function customAttributes(dice: Dice, profileName: string): string {
  const rating = 1 + dice.below(5);
  return `{"profile":"${profileName}","channel":"${dice.pick(['web', 'app', 'store'])}","rating":${rating},"score":${exactAmount(dice, dice.below(9_999))},"tags":["a","b \\u00e9"],"first":${rating === 1},"comment":null}`;
}
