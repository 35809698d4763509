import { money } from './amounts.js';
import { hash32 } from './dice.js';
import { CAMPAIGNS, firstCampaign } from './effect-text.js';
import type { LoyaltyTransaction } from './loyalty-ledger.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { rulesetOf } from './reference-kinds.js';
import type { Switches } from './switches.js';
import type { Micros } from './timestamp.js';
import { RULES } from './vocabulary.js';
import type { World } from './world.js';
import { formatZoned } from './zoned-time.js';

/** The four answers that show a transaction, and which members each of them has, in this order. */
const MEMBERS = {
  program: [
    ...['id', 'transactionUUID', 'programId', 'campaignId', 'created', 'type', 'amount', 'name', 'startDate'],
    ...['expiryDate', 'customerProfileId', 'cardIdentifier', 'subledgerId', 'customerSessionId', 'importId'],
    ...['userId', 'userEmail', 'rulesetId', 'ruleName', 'flags', 'validityDuration'],
  ],
  profile: [
    ...['transactionUUID', 'created', 'programId', 'customerSessionId', 'storeIntegrationId', 'type', 'name'],
    ...['startDate', 'expiryDate', 'subledgerId', 'amount', 'id', 'rulesetId', 'ruleName', 'flags'],
    'validityDuration',
  ],
  cardLog: [
    ...['transactionUUID', 'created', 'programId', 'cardIdentifier', 'applicationId', 'sessionId'],
    ...['customerSessionId', 'type', 'name', 'startDate', 'expiryDate', 'subledgerId', 'amount', 'id'],
  ],
  card: [
    ...['transactionUUID', 'created', 'programId', 'cardIdentifier', 'customerSessionId', 'type', 'name'],
    ...[
      'startDate',
      'expiryDate',
      'subledgerId',
      'amount',
      'id',
      'rulesetId',
      'ruleName',
      'validityDuration',
    ],
  ],
} as const;

export type TransactionView = keyof typeof MEMBERS;

export function transactionText(
  world: World,
  program: LoyaltyProgram,
  transaction: LoyaltyTransaction,
  view: TransactionView,
  style: Switches['loyaltyTimestamps'],
): string {
  const facts = transactionFacts(world, program, transaction, style);
  const own = MEMBERS[view].flatMap((name) => {
    const text = transaction.given?.[name] ?? facts[name];
    return text === undefined ? [] : [`"${name}":${text}`];
  });
  // What the API does not know, a test may still have given: new fields appear every two weeks.
  const further = Object.entries(transaction.given ?? {}).flatMap(([name, text]) =>
    name in facts || own.some((member) => member.startsWith(`"${name}":`))
      ? []
      : [`${JSON.stringify(name)}:${text}`],
  );
  return `{${[...own, ...further].join(',')}}`;
}

/** Every member that any view could show, as JSON; undefined where the transaction has none. */
export function transactionFacts(
  world: World,
  program: LoyaltyProgram,
  transaction: LoyaltyTransaction,
  style: Switches['loyaltyTimestamps'],
): Record<string, string | undefined> {
  const { origin, session, startsAt, expiresAt } = transaction;
  const h = hash32(program.seed, Number(transaction.id) % 4_294_967_296, 81);
  const applicationId = session?.applicationId ?? program.applications[0]?.id ?? 1;
  const campaignId = firstCampaign(applicationId) + (h % CAMPAIGNS);
  const isManual = origin === 'manual';
  const hasRule = origin === 'session';
  const owner = JSON.stringify(program.ownerName(transaction.owner));
  const time = (at: Micros): string => `"${formatZoned(at, program.timezone, style, 'none')}"`;
  return {
    id: transaction.id,
    transactionUUID: `"${transaction.uuid}"`,
    programId: String(program.id),
    campaignId: hasRule ? String(campaignId) : undefined,
    created: `"${formatZoned(transaction.created, program.timezone, style, world.style.digits)}"`,
    type: `"${transaction.type}"`,
    amount: money(transaction.points),
    name: JSON.stringify(transaction.name),
    startDate: typeof startsAt === 'string' ? `"${startsAt}"` : time(startsAt),
    expiryDate: typeof expiresAt === 'string' ? `"${expiresAt}"` : time(expiresAt),
    customerProfileId: program.cardBased ? undefined : owner,
    cardIdentifier: program.cardBased ? owner : undefined,
    subledgerId: JSON.stringify(transaction.subledgerId),
    customerSessionId: session === undefined ? undefined : sessionName(world, session),
    applicationId: session === undefined ? undefined : String(session.applicationId),
    sessionId: session === undefined ? undefined : sessionId(world, session),
    storeIntegrationId: hasRule && h % 4 === 0 ? `"STORE-00${1 + (h % 9)}"` : undefined,
    importId: origin === 'import' ? String(1 + (h % 50)) : undefined,
    userId: isManual ? '388' : undefined,
    userEmail: isManual ? '"john.doe@example.com"' : undefined,
    rulesetId: hasRule ? String(rulesetOf(campaignId)) : undefined,
    ruleName: hasRule ? `"${RULES[h % RULES.length]}"` : undefined,
    flags: transaction.createsNegativeBalance ? '{"createsNegativeBalance":true}' : undefined,
    validityDuration:
      transaction.validityDuration === undefined ? undefined : `"${transaction.validityDuration}"`,
  };
}

type SessionPlace = NonNullable<LoyaltyTransaction['session']>;

function sessionName(world: World, { applicationId, row }: SessionPlace): string | undefined {
  const sessions = world.applications.get(applicationId)?.sessions;
  return sessions === undefined ? undefined : JSON.stringify(sessions.integrationId(row));
}

function sessionId(world: World, { applicationId, row }: SessionPlace): string | undefined {
  return world.applications.get(applicationId)?.sessions.ids.idOf(row) ?? undefined;
}
