import { uuid } from './amounts.js';
import type { Dice } from './dice.js';
import { balanceAt } from './loyalty-balance.js';
import type { LoyaltyTransaction } from './loyalty-ledger.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { DAY, type Micros } from './timestamp.js';

export const SUBLEDGERS = ['SUB1', 'travel & "fun"'] as const;

const SPENDING_SHARE = 0.2;
const SUBLEDGER_SHARE = 0.2;
const OVERDRAWN_SHARE = 0.1;

export interface Place {
  owner: number;
  session?: { applicationId: number; row: number };
}

/** Invents a transaction and puts it into the ledger. Returns its row. */
export function drawTransaction(
  program: LoyaltyProgram,
  dice: Dice,
  place: Place,
  created: Micros,
  visibleAt: Micros,
): number {
  const { ledger } = program;
  const isInSubledger = program.allowSubledger && dice.chance(SUBLEDGER_SHARE);
  const subledgerId = isInSubledger ? dice.pick(SUBLEDGERS) : '';
  const account = ledger.accountsOf(place.owner).get(subledgerId) ?? [];
  const { active } = dice.chance(SPENDING_SHARE) ? balanceAt(account, created) : { active: 0 };
  const origin = drawOrigin(dice);
  const transaction: LoyaltyTransaction = {
    id: nextId(program),
    uuid: uuid(dice),
    created,
    visibleAt,
    owner: place.owner,
    subledgerId,
    origin,
    name: origin === 'manual' ? 'Goodwill, "sorry"' : "Reward 10% points of a purchase's current total",
    ...(active > 0 ? drawSpending(dice, active) : drawEarning(dice, created)),
    ...(origin === 'session' && place.session !== undefined ? { session: place.session } : {}),
  };
  return ledger.append(transaction, program.now());
}

export function nextId(program: LoyaltyProgram): string {
  return String(program.id * 100_000_000 + 1 + program.ledger.transactions.length);
}

function drawOrigin(dice: Dice): LoyaltyTransaction['origin'] {
  const throwOf = dice.below(16);
  if (throwOf === 0) return 'manual';
  return throwOf === 1 ? 'import' : 'session';
}

type Movement = Pick<
  LoyaltyTransaction,
  'type' | 'points' | 'startsAt' | 'expiresAt' | 'createsNegativeBalance' | 'validityDuration'
>;

function drawSpending(dice: Dice, active: number): Movement {
  const isOverdrawn = dice.chance(OVERDRAWN_SHARE);
  const points = isOverdrawn ? active + 1 + dice.below(5_000) : 1 + dice.below(active);
  return {
    type: 'subtraction',
    points,
    startsAt: 'immediate',
    expiresAt: 'unlimited',
    createsNegativeBalance: isOverdrawn,
  };
}

function drawEarning(dice: Dice, created: Micros): Movement {
  const points = 100 + dice.below(9_900);
  const base = { type: 'addition', points, createsNegativeBalance: false } as const;
  const throwOf = dice.fraction();
  if (throwOf < 0.08)
    return { ...base, startsAt: 'on_action', expiresAt: 'unlimited', validityDuration: '30D' };
  const startsAt = throwOf < 0.2 ? created + (1 + dice.below(10)) * DAY : ('immediate' as const);
  if (dice.chance(0.4)) return { ...base, startsAt, expiresAt: 'unlimited' };
  const activeAt = startsAt === 'immediate' ? created : startsAt;
  return { ...base, startsAt, expiresAt: activeAt + (3 + dice.below(180)) * DAY };
}
