import { uuid } from './amounts.js';
import { Dice, hash32 } from './dice.js';
import { balanceAt, type LoyaltyBalance } from './loyalty-balance.js';
import { drawTransaction, nextId, type Place } from './loyalty-draw.js';
import { ownerFor } from './loyalty-history.js';
import type { LoyaltyTransaction } from './loyalty-ledger.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { transactionText } from './loyalty-text.js';
import { accountKey } from './loyalty-tier.js';
import type { Id } from './row-ids.js';
import { formatMicros, MILLISECOND, type Micros, requireRfc3339 } from './timestamp.js';
import type { World } from './world.js';

// What tests do to a loyalty program.

export interface EmitLoyaltyOptions {
  /** RFC 3339. All transactions get this time: a tie. Default: the server's time, a microsecond apart at least. */
  created?: string;
  /** They appear this much later than now. Default 0, or what the switches lateShare and lateMs say. */
  visibleInMs?: number;
}

/** A transaction that a test writes itself. */
export interface CustomLoyaltyTransaction {
  id?: Id;
  transactionUUID?: string;
  /** Integration ID, in a profile-based program. Unknown ones spring into being. Default: `cust-given`. */
  profile?: string;
  /** Identifier, in a card-based program. Unknown ones spring into being. Default: `card-given`. */
  card?: string;
  /** RFC 3339. Default: the server's time. */
  created?: string;
  /** It appears this much later than now. */
  visibleInMs?: number;
  /** Default `addition`. */
  type?: 'addition' | 'subtraction';
  /** Default `manual`. */
  origin?: 'manual' | 'session' | 'import';
  /** A text is served digit for digit. Balances count two decimals of it. Default 10. */
  amount?: number | string;
  name?: string;
  /** `immediate` (default), `on_action` or RFC 3339. */
  startDate?: string;
  /** `unlimited` (default) or RFC 3339. */
  expiryDate?: string;
  /** Default: the main ledger. */
  subledgerId?: string;
  customerSessionId?: string;
  validityDuration?: string;
  createsNegativeBalance?: boolean;
  /** Members of the payload, beside the generated ones or instead of them. */
  fields?: Record<string, unknown>;
}

/** Returns the ids. */
export function emitLoyalty(
  world: World,
  program: LoyaltyProgram,
  count: number,
  options: EmitLoyaltyOptions,
): string[] {
  const { ledger } = program;
  const created = options.created === undefined ? undefined : requireRfc3339(options.created, 'created');
  return Array.from({ length: count }, () => {
    const dice = new Dice(hash32(program.seed, program.id, 1_000_000_007 + ledger.transactions.length));
    const at = created ?? nextCreated(program);
    const from = created === undefined ? at : world.now();
    const lateMs = options.visibleInMs ?? drawLateness(world, dice);
    const place = drawPlace(program, dice, at);
    return ledger.get(
      drawTransaction(program, dice, place, at, Math.max(at, from + Math.round(lateMs * MILLISECOND))),
    ).id;
  });
}

function nextCreated(program: LoyaltyProgram): Micros {
  const { ledger } = program;
  ledger.lastCreated = Math.max(program.now(), ledger.lastCreated + 1);
  return ledger.lastCreated;
}

function drawLateness(world: World, dice: Dice): number {
  const { lateShare, lateMs } = world.switchBoard.get();
  return lateShare > 0 && dice.chance(lateShare) ? dice.fraction() * lateMs : 0;
}

/** A visible session whose profile takes part, or somebody without one. */
function drawPlace(program: LoyaltyProgram, dice: Dice, created: Micros): Place {
  const application = dice.pick(program.applications);
  const { sessions } = application;
  const row =
    sessions.byCreated.length === 0 ? -1 : sessions.byCreated.at(dice.below(sessions.byCreated.length));
  const owner = row < 0 ? -1 : ownerFor(program, sessions.profile.get(row));
  const isCard = !program.cardBased || owner < program.cards.all.length;
  if (owner >= 0 && isCard) return { owner, session: { applicationId: application.id, row } };
  if (program.cardBased) {
    const { all } = program.cards;
    return {
      owner: all.length > 0 ? dice.below(all.length) : program.cards.rowForIdentifier('card-1', created),
    };
  }
  const { profiles } = program;
  return { owner: profiles.count > 0 ? dice.below(profiles.count) : profiles.append(created) };
}

/** Returns the id. */
export function addLoyaltyTransaction(
  world: World,
  program: LoyaltyProgram,
  custom: CustomLoyaltyTransaction,
): string {
  const created =
    custom.created === undefined ? nextCreated(program) : requireRfc3339(custom.created, 'created');
  const { ledger } = program;
  const dice = new Dice(hash32(program.seed, program.id, 2_000_000_011 + ledger.transactions.length));
  const amount = String(custom.amount ?? 10);
  const transaction: LoyaltyTransaction = {
    id: String(custom.id ?? nextId(program)),
    uuid: custom.transactionUUID ?? uuid(dice),
    created,
    visibleAt: Math.max(created, world.now() + (custom.visibleInMs ?? 0) * MILLISECOND),
    owner: ownerRow(program, custom, created),
    subledgerId: custom.subledgerId ?? '',
    origin: custom.origin ?? 'manual',
    type: custom.type ?? 'addition',
    points: Math.round(Number(amount) * 100),
    name: custom.name ?? 'Given by a test',
    startsAt: startFrom(custom.startDate ?? 'immediate'),
    expiresAt: expiryFrom(custom.expiryDate ?? 'unlimited'),
    createsNegativeBalance: custom.createsNegativeBalance ?? false,
    ...(custom.validityDuration === undefined ? {} : { validityDuration: custom.validityDuration }),
    given: givenMembers(custom, amount),
  };
  ledger.append(transaction, world.now());
  return transaction.id;
}

function ownerRow(
  program: LoyaltyProgram,
  { profile, card }: CustomLoyaltyTransaction,
  created: Micros,
): number {
  return program.cardBased
    ? program.cards.rowForIdentifier(card ?? 'card-given', created)
    : program.profiles.rowForIntegrationId(profile ?? 'cust-given', created);
}

function startFrom(text: string): LoyaltyTransaction['startsAt'] {
  return text === 'immediate' || text === 'on_action' ? text : requireRfc3339(text, 'startDate');
}

function expiryFrom(text: string): LoyaltyTransaction['expiresAt'] {
  return text === 'unlimited' ? text : requireRfc3339(text, 'expiryDate');
}

function givenMembers(custom: CustomLoyaltyTransaction, amount: string): Record<string, string> {
  const { customerSessionId, fields = {} } = custom;
  return {
    ...(typeof custom.amount === 'string' ? { amount } : {}),
    ...(customerSessionId === undefined ? {} : { customerSessionId: JSON.stringify(customerSessionId) }),
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)])),
  };
}

export interface LoyaltyTransactionChange {
  /** RFC 3339, `immediate` or `on_action`: an action has activated the points. */
  startDate?: string;
  /** RFC 3339 or `unlimited`: an effect has moved the expiry. */
  expiryDate?: string;
}

/** Changes a transaction after it was made, as activation and effects on expiry dates do. Its `created` stays. */
export function changeLoyaltyTransaction(
  program: LoyaltyProgram,
  id: Id,
  change: LoyaltyTransactionChange,
): void {
  const transaction = program.ledger.transactions.find((candidate) => candidate.id === String(id));
  if (transaction === undefined) throw new RangeError(`There is no loyalty transaction ${id}`);
  if (change.startDate !== undefined) transaction.startsAt = startFrom(change.startDate);
  if (change.expiryDate !== undefined) transaction.expiresAt = expiryFrom(change.expiryDate);
  program.ledger.version += 1;
}

export interface SetTier {
  name: string;
  /** RFC 3339. */
  startDate: string;
  /** RFC 3339. Default: it does not expire. */
  expiryDate?: string;
  /** Default: the main ledger. */
  subledgerId?: string;
}

/** `owner`: integration ID or card identifier. */
export function setTier(program: LoyaltyProgram, owner: string, tier: SetTier): void {
  program.givenTiers.set(accountKey(knownOwner(program, owner), tier.subledgerId ?? ''), {
    name: tier.name,
    start: requireRfc3339(tier.startDate, 'startDate'),
    expiry: tier.expiryDate === undefined ? 0 : requireRfc3339(tier.expiryDate, 'expiryDate'),
  });
}

export function setJoinDate(program: LoyaltyProgram, owner: string, joinDate: string): void {
  program.givenJoinDates.set(knownOwner(program, owner), requireRfc3339(joinDate, 'joinDate'));
}

/** In points, as all answers compute it. `at`: RFC 3339, default now. */
export function balanceOf(
  world: World,
  program: LoyaltyProgram,
  owner: string,
  { at = formatMicros(world.now()), subledgerId = '' },
): LoyaltyBalance {
  program.ledger.promote(world.now());
  const account = program.ledger.accountsOf(knownOwner(program, owner)).get(subledgerId) ?? [];
  const balance = balanceAt(account, requireRfc3339(at, 'at'));
  return Object.fromEntries(
    Object.entries(balance).map(([name, value]) => [name, value / 100]),
  ) as unknown as LoyaltyBalance;
}

function knownOwner(program: LoyaltyProgram, name: string): number {
  const owner = program.ownerOf(name);
  if (owner < 0) throw new RangeError(`There is no ${program.cardBased ? 'card' : 'profile'} ${name}`);
  return owner;
}

/** A transaction as a test compares it with what a client has stored. */
export interface IssuedLoyaltyTransaction {
  readonly id: string;
  readonly transactionUUID: string;
  /** RFC 3339 with six digits: what filters see. */
  readonly created: string;
  readonly owner: string;
  readonly subledgerId: string;
  /** The JSON of the list of the whole program. */
  readonly text: string;
}

/** Every transaction that a request could have seen up to now, by creation. */
export function* issuedLoyalty(world: World, program: LoyaltyProgram): Generator<IssuedLoyaltyTransaction> {
  const { ledger } = program;
  ledger.promote(world.now());
  const style = world.switchBoard.get().loyaltyTimestamps;
  for (const row of ledger.byCreated.slice(0, ledger.byCreated.length)) {
    const transaction = ledger.get(row);
    yield {
      id: transaction.id,
      transactionUUID: transaction.uuid,
      created: formatMicros(transaction.created),
      owner: program.ownerName(transaction.owner),
      subledgerId: transaction.subledgerId,
      text: transactionText(world, program, transaction, 'program', style),
    };
  }
}
