import type { CodeTable } from './code-table.js';
import { firstCampaign } from './effect-text.js';
import { requireRfc3339 } from './timestamp.js';
import type { World } from './world.js';

export interface EmitCodesOptions {
  /** Default: the first one of the Application. */
  campaignId?: number;
  /** RFC 3339. All codes get this time. Default: the server's time, a microsecond apart. */
  createdAt?: string;
}

/** Coupons or referrals made by a test. Whatever else is given is the same for all of them. Returns first and last id. */
export function emitCodes(
  world: World,
  applicationId: number,
  kind: 'coupons' | 'referrals',
  count: number,
  { campaignId = firstCampaign(applicationId), createdAt, ...given }: EmitCodesOptions & object,
): [first: number, last: number] {
  const codes = world.codesOf(world.application(applicationId));
  const table: CodeTable<{ id: number }> = codes[kind] as CodeTable<{ id: number }>;
  const created = createdAt === undefined ? undefined : requireRfc3339(createdAt, 'createdAt');
  const now = world.now();
  const first = table.firstId + table.count;
  for (let index = 0; index < count; index += 1) table.append(created ?? now + index, campaignId, given);
  return [first, first + count - 1];
}
