import { money } from './amounts.js';
import { hash32 } from './dice.js';
import type { ContentStyle } from './options.js';
import type { ProfileTable } from './profile-table.js';
import { formatMicros } from './timestamp.js';
import { COUNTRIES, FIRST_NAMES, LANGUAGES, LAST_NAMES } from './vocabulary.js';

export const ACCOUNT_ID = 3886;

/** The attributes one can search for. */
export function profileAttributes(
  profiles: ProfileTable,
  row: number,
  style: ContentStyle,
): Record<string, string> {
  const h = hash32(style.seed, row, profiles.sandbox ? 62 : 61);
  const first = FIRST_NAMES[h % FIRST_NAMES.length] ?? '';
  const last = LAST_NAMES[(h >>> 4) % LAST_NAMES.length] ?? '';
  return {
    Name: `${first} ${last}`,
    Email: `customer${row}@example.com`,
    Language: LANGUAGES[(h >>> 8) % LANGUAGES.length] ?? '',
    ShippingCountry: COUNTRIES[(h >>> 10) % COUNTRIES.length] ?? '',
  };
}

/** The profile as the visible events have left it. `loyaltyMemberships` is documented to be null at all times. */
export function profileText(profiles: ProfileTable, row: number, style: ContentStyle): string {
  const given = profiles.payloads.get(row);
  if (given !== undefined) return given;
  const h = hash32(style.seed, row, 63);
  const time = (column: { get(row: number): number }): string => formatMicros(column.get(row), style.digits);
  const attributes = JSON.stringify(profileAttributes(profiles, row, style)).slice(0, -1);
  const audiences = h % 3 === 0 ? '[{"id":2,"name":"Travel audience"}]' : '[]';
  const advocate = h % 5 === 0 ? `,"advocateIntegrationId":"cust-advocate-${h % 97}"` : '';
  return `{"id":${profiles.ids.idOf(row)},"created":"${time(profiles.created)}","integrationId":${JSON.stringify(profiles.integrationId(row))},"attributes":${attributes},"eventCount":${profiles.events.get(row)},"lastEventId":${profiles.lastEventId.get(row)}},"accountId":${ACCOUNT_ID},"closedSessions":${profiles.closedSessions.get(row)},"totalSales":${money(profiles.salesCents.get(row))},"loyaltyMemberships":null,"audienceMemberships":${audiences},"lastActivity":"${time(profiles.lastActivity)}","sandbox":${profiles.sandbox}${advocate}}`;
}
