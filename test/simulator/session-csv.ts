import { money } from './amounts.js';
import type { SimulatedApplication } from './application.js';
import { cartItemsText, shippingText } from './cart.js';
import { sessionAttributes, sessionFacts } from './session-text.js';
import { formatSeconds, type Micros } from './timestamp.js';

export const SESSION_CSV_HEADER =
  'id,firstsession,integrationid,applicationid,profileid,profileintegrationid,created,state,cartitems,discounts,total,attributes,closedat,cancelledat,referral,identifiers,additional_costs,updated,store_integration_id,coupons';

/** One row of the export: whole seconds, JSON in quoted fields, year 1 for times that are not set. */
export function sessionCsvRow(
  application: SimulatedApplication,
  row: number,
  dateFormat: 'ISO8601' | 'excel',
): string {
  const { sessions, profiles } = application;
  const facts = sessionFacts(application, row);
  const cart = sessions.cart(row);
  const profile = sessions.profile.get(row);
  const time = (at: Micros): string => (at === 0 ? zeroTime(dateFormat) : formatSeconds(at, dateFormat));
  return [
    sessions.ids.idOf(row) ?? '',
    String(profile < 0 || cart % 3 === 0),
    quoted(sessions.integrationId(row)),
    String(application.id),
    profile < 0 ? '0' : (profiles.ids.idOf(profile) ?? ''),
    profile < 0 ? '' : quoted(profiles.integrationId(profile)),
    time(sessions.created.get(row)),
    facts.state,
    quoted(cartItemsText(cart, sessions.viewStep.get(row))),
    quoted(facts.discountCents === 0 ? '{}' : `{"20% discount":${money(facts.discountCents)}}`),
    money(facts.totalCents),
    quoted(sessionAttributes(application, row)),
    time(sessions.closedAt.get(row)),
    time(sessions.cancelledAt.get(row)),
    facts.referral,
    quoted('null'),
    quoted(shippingText(cart)),
    time(sessions.lastActivity.get(row)),
    quoted(facts.store),
    quoted(`["${sessions.coupon(row)}"]`),
  ].join(',');
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function zeroTime(dateFormat: 'ISO8601' | 'excel'): string {
  return dateFormat === 'excel' ? '0001-01-01 00:00:00' : '0001-01-01T00:00:00Z';
}
