import type { Hundredths, LoyaltyTransaction } from './loyalty-ledger.js';
import type { Micros } from './timestamp.js';

export interface LoyaltyBalance {
  active: Hundredths;
  pending: Hundredths;
  expired: Hundredths;
  spent: Hundredths;
  negative: Hundredths;
}

interface Lot {
  left: Hundredths;
  from: Micros;
  until: Micros;
}

/**
 * The balance of one account at a moment, past or future, from its transactions. All balances of the simulator come
 * from here.
 *
 *   1. An addition is a lot of points: pending until its start, active until its expiry, expired after it.
 *   2. A subtraction takes from the lots that are active then, those that expire first being taken first. What it
 *      cannot take is a debt: the negative balance. Points that become active later pay it off.
 *
 * So active + pending + expired + spent - negative is the sum of all additions. Points that wait for an action are
 * pending. Which points are spent first is not documented; nor is what happens in the very microsecond of a bound:
 * here a start belongs to the active time and an expiry does not.
 */
export function balanceAt(transactions: readonly LoyaltyTransaction[], at: Micros): LoyaltyBalance {
  const made = transactions.filter((transaction) => transaction.created <= at);
  const lots: Lot[] = [];
  const moves: { at: Micros; lot?: Lot; spent: Hundredths }[] = [];
  for (const transaction of made) {
    if (transaction.type === 'subtraction') {
      moves.push({ at: transaction.created, spent: transaction.points });
      continue;
    }
    const lot = { left: transaction.points, from: activeFrom(transaction), until: activeUntil(transaction) };
    lots.push(lot);
    moves.push({ at: lot.from, lot, spent: 0 });
  }
  // In one microsecond, points come before they are spent.
  moves.sort((a, b) => a.at - b.at || a.spent - b.spent);
  let debt = 0;
  for (const move of moves) {
    if (move.at > at) break;
    if (move.lot === undefined) debt += move.spent - take(lots, move.spent, move.at);
    else debt -= payOff(move.lot, debt);
  }
  const sum = (matches: (lot: Lot) => boolean): number =>
    lots.reduce((total, lot) => total + (matches(lot) ? lot.left : 0), 0);
  return {
    active: sum((lot) => lot.from <= at && at < lot.until),
    pending: sum((lot) => lot.from > at && at < lot.until),
    expired: sum((lot) => lot.until <= at),
    spent: moves.reduce((total, move) => total + (move.at <= at ? move.spent : 0), 0),
    negative: debt,
  };
}

/** When the points of an addition become active; never while they wait for an action. */
export function activeFrom({ startsAt, created }: LoyaltyTransaction): Micros {
  if (startsAt === 'on_action') return Infinity;
  return startsAt === 'immediate' ? created : Math.max(created, startsAt);
}

export function activeUntil({ expiresAt }: LoyaltyTransaction): Micros {
  return expiresAt === 'unlimited' ? Infinity : expiresAt;
}

/** Returns how much could be taken. */
function take(lots: readonly Lot[], wanted: Hundredths, at: Micros): Hundredths {
  const usable = lots.filter((lot) => lot.left > 0 && lot.from <= at && at < lot.until);
  usable.sort((a, b) => compare(a.until, b.until) || a.from - b.from);
  let taken = 0;
  for (const lot of usable) {
    const part = Math.min(lot.left, wanted - taken);
    lot.left -= part;
    taken += part;
  }
  return taken;
}

/** Infinity minus itself is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function payOff(lot: Lot, debt: Hundredths): Hundredths {
  // Expired before it started: worth nothing.
  const part = lot.until > lot.from ? Math.min(lot.left, debt) : 0;
  lot.left -= part;
  return part;
}

export function addBalances(balances: Iterable<LoyaltyBalance>): LoyaltyBalance {
  const total = { active: 0, pending: 0, expired: 0, spent: 0, negative: 0 };
  for (const balance of balances) {
    for (const name of Object.keys(total) as (keyof LoyaltyBalance)[]) total[name] += balance[name];
  }
  return total;
}
