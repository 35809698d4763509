import { activeFrom, balanceAt } from './loyalty-balance.js';
import type { Hundredths, LoyaltyTransaction } from './loyalty-ledger.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { tierId } from './loyalty-program-text.js';
import { DAY, type Micros } from './timestamp.js';
import { formatZoned, type ZonedStyle } from './zoned-time.js';

export interface ReachedTier {
  name: string;
  start: Micros;
  /** 0: it does not expire. */
  expiry: Micros;
}

const TIER_DURATION = 365 * DAY;

/**
 * The tier of an account now: the highest one whose minimum the points that have become active so far reach, from the
 * moment when they did, unless a test or an import has set another. Spending and expiry do not lead down before the
 * tier expires, a year later. Undefined below the lowest tier.
 */
export function tierOf(program: LoyaltyProgram, owner: number, subledgerId: string): ReachedTier | undefined {
  const given = program.givenTiers.get(accountKey(owner, subledgerId));
  if (given !== undefined) return given;
  const account = program.ledger.accountsOf(owner).get(subledgerId) ?? [];
  const [now, earned] = [program.now(), earnings(account)];
  let sum: Hundredths = 0;
  let reached: ReachedTier | undefined;
  for (const { at, points } of earned) {
    if (at > now) break;
    sum += points;
    const tier = program.tiers.findLast(({ minPoints }) => sum >= minPoints * 100);
    if (tier !== undefined && tier.name !== reached?.name)
      reached = { name: tier.name, start: at, expiry: at + TIER_DURATION };
  }
  return reached;
}

export function accountKey(owner: number, subledgerId: string): string {
  return `${owner}/${subledgerId}`;
}

function earnings(account: readonly LoyaltyTransaction[]): { at: Micros; points: Hundredths }[] {
  return account
    .filter(({ type }) => type === 'addition')
    .map((transaction) => ({ at: activeFrom(transaction), points: transaction.points }))
    .sort((a, b) => (a.at === b.at ? 0 : a.at - b.at));
}

/** When a profile joined: its first transaction (`points_earned`), unless it was set. */
export function joinDate(program: LoyaltyProgram, owner: number): Micros | undefined {
  const given = program.givenJoinDates.get(owner);
  if (given !== undefined) return given;
  const all = [...program.ledger.accountsOf(owner).values()].flat();
  return all.length === 0 ? undefined : Math.min(...all.map(({ created }) => created));
}

/** The members of a balance that say something about tiers. `null` at the top is documented. */
export function tierMembers(
  program: LoyaltyProgram,
  owner: number,
  subledgerId: string,
  wanted: { includeTiers: boolean; includeProjectedTier: boolean },
  style: ZonedStyle,
): object {
  const reached = tierOf(program, owner, subledgerId);
  const index = program.tiers.findIndex(({ name }) => name === reached?.name);
  const account = program.ledger.accountsOf(owner).get(subledgerId) ?? [];
  const next = program.tiers[index + 1];
  const earned = earnings(account).reduce(
    (sum, { at, points }) => sum + (at <= program.now() ? points : 0),
    0,
  );
  const tiers = {
    ...(reached === undefined ? {} : { currentTier: tierJson(program, reached, index, style) }),
    ...(next === undefined ? {} : { pointsToNextTier: Math.max(0, next.minPoints * 100 - earned) / 100 }),
    nextTierName: next?.name ?? null,
  };
  return {
    ...(wanted.includeTiers ? tiers : {}),
    ...(wanted.includeProjectedTier && reached !== undefined
      ? { projectedTier: projection(program, account, reached) }
      : {}),
  };
}

function tierJson(program: LoyaltyProgram, tier: ReachedTier, index: number, style: ZonedStyle): object {
  return {
    id: tierId(program, index),
    name: tier.name,
    startDate: tierDate(program, tier.start, style),
    ...(tier.expiry === 0 ? {} : { expiryDate: tierDate(program, tier.expiry, style) }),
    downgradePolicy: 'balance_based',
  };
}

/** Documented: tier and join dates are in the program's time zone. */
export function tierDate(program: LoyaltyProgram, at: Micros, style: ZonedStyle): string {
  return formatZoned(at, program.timezone, style, 'none');
}

/** Where the account will stand when its tier expires, as far as today's transactions tell. */
function projection(
  program: LoyaltyProgram,
  account: readonly LoyaltyTransaction[],
  reached: ReachedTier,
): object {
  const { active } = balanceAt(account, reached.expiry === 0 ? program.now() : reached.expiry);
  const entered = program.tiers.findLast(({ minPoints }) => active >= minPoints * 100);
  const minimum = program.tiers.find(({ name }) => name === reached.name)?.minPoints ?? 0;
  return {
    projectedActivePoints: active / 100,
    ...(active < minimum * 100 ? { stayInTierPoints: (minimum * 100 - active) / 100 } : {}),
    ...(entered === undefined ? {} : { projectedTierName: entered.name }),
  };
}
