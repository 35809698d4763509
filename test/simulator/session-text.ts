import { money } from './amounts.js';
import type { SimulatedApplication } from './application.js';
import { cartItemsText, cartTotalCents, shippingText } from './cart.js';
import { hash32 } from './dice.js';
import { idMember } from './missing-ids.js';
import { formatMicros } from './timestamp.js';
import { SESSION_STATES, STORES } from './vocabulary.js';

/** What the visible events have made of a session. */
export interface SessionFacts {
  state: string;
  totalCents: number;
  discountCents: number;
  referral: string;
  store: string;
}

export function sessionFacts(application: SimulatedApplication, row: number): SessionFacts {
  const { sessions } = application;
  const cart = sessions.cart(row);
  const totalCents = cartTotalCents(cart, sessions.viewStep.get(row));
  return {
    state: SESSION_STATES[sessions.viewState.get(row)] ?? 'open',
    totalCents,
    discountCents: Math.floor((totalCents * (cart % 21)) / 100),
    referral: cart % 16 === 0 ? `REF-${cart % 1000}` : '',
    store: cart % 4 === 0 ? `STORE-${String(1 + ((cart >>> 4) % STORES)).padStart(3, '0')}` : '',
  };
}

/**
 * The session as it is now. `attributes` say how many events it has seen and which was the newest, so that a test can
 * tell an old snapshot from a current one. Lists do not compute `totalDiscounts`: documented, and 0 there.
 */
export function sessionText(application: SimulatedApplication, row: number, inList: boolean): string {
  const { sessions, profiles, style } = application;
  const given = sessions.payloads.get(row);
  if (given !== undefined) return given;
  const facts = sessionFacts(application, row);
  const profile = sessions.profile.get(row);
  const profileId = profile < 0 ? null : profiles.ids.idOf(profile);
  const members =
    (facts.store === '' ? '' : `,"storeIntegrationId":"${facts.store}"`) +
    idMember('profileId', profileId, style.missingIds, hash32(style.seed, row, 51)) +
    (profile < 0 ? '' : `,"profileintegrationid":${JSON.stringify(profiles.integrationId(profile))}`);
  const cartItems = cartItemsText(sessions.cart(row), sessions.viewStep.get(row));
  const discounts = facts.discountCents === 0 ? '{}' : `{"20% discount":${money(facts.discountCents)}}`;
  const totalDiscounts = inList ? '0' : money(facts.discountCents);
  return `{"id":${sessions.ids.idOf(row)},"created":"${formatMicros(sessions.created.get(row), style.digits)}","integrationId":"${sessions.integrationId(row)}","applicationId":${application.id}${members},"coupon":"${sessions.coupon(row)}","referral":"${facts.referral}","state":"${facts.state}","cartItems":${cartItems},"discounts":${discounts},"totalDiscounts":${totalDiscounts},"total":${money(facts.totalCents)},"attributes":${sessionAttributes(application, row)}}`;
}

export function sessionAttributes(application: SimulatedApplication, row: number): string {
  const { sessions } = application;
  return `{"updateCount":${sessions.updates.get(row)},"lastEventId":${sessions.lastEventId.get(row)},"additionalCosts":${shippingText(sessions.cart(row))}}`;
}
