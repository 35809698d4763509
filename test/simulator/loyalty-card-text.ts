import { balanceAt, type LoyaltyBalance } from './loyalty-balance.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { formatMicros, formatSeconds } from './timestamp.js';

/** The JSON of one card, with its balances as they are now. */
export function cardText(program: LoyaltyProgram, row: number): string {
  const card = program.cards.get(row);
  const accounts = [...program.ledger.accountsOf(row)];
  const ledgers = accounts.map(
    ([name, account]) => [name, ledgerInfo(balanceAt(account, program.now()))] as const,
  );
  const main = ledgers.find(([name]) => name === '')?.[1] ?? ledgerInfo(balanceAt([], 0));
  return JSON.stringify({
    id: program.id * 1_000_000 + row + 1,
    created: formatMicros(card.created),
    programID: program.id,
    programName: program.name,
    programTitle: program.title,
    status: card.status,
    ...(card.blockReason === '' ? {} : { blockReason: card.blockReason }),
    identifier: card.identifier,
    usersPerCardLimit: 3,
    profiles: cardProfiles(program, row),
    ledger: main,
    subledgers: Object.fromEntries(ledgers.filter(([name]) => name !== '')),
    modified: formatSeconds(card.modified),
    ...(card.batchId === '' ? {} : { batchId: card.batchId }),
  });
}

export function cardProfiles(program: LoyaltyProgram, row: number): object[] {
  return program.cards.get(row).profiles.map((profile) => ({
    integrationId: program.profiles.integrationId(profile.row),
    timestamp: formatSeconds(profile.since),
  }));
}

/** Documented: the expired and the spent balance are always 0 here. */
export function ledgerInfo({ active, pending, negative }: LoyaltyBalance): object {
  return {
    currentBalance: active / 100,
    pendingBalance: pending / 100,
    negativeBalance: negative / 100,
    expiredBalance: 0,
    spentBalance: 0,
    tentativeCurrentBalance: active / 100,
    tentativePendingBalance: pending / 100,
    tentativeNegativeBalance: negative / 100,
  };
}
