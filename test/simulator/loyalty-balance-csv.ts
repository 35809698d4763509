import { money } from './amounts.js';
import { csvRow } from './csv.js';
import type { CsvExport } from './csv-endpoint.js';
import { balanceAt, type LoyaltyBalance } from './loyalty-balance.js';
import { PROGRAM_PATH } from './loyalty-paths.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { programOf, requireKind } from './loyalty-requests.js';
import { tierOf } from './loyalty-tier.js';
import { type Query, readTime } from './query.js';
import { badParameter } from './refusal.js';

const COLUMNS: Record<string, keyof LoyaltyBalance> = {
  currentBalance: 'active',
  pendingBalance: 'pending',
  expiredBalance: 'expired',
  spentBalance: 'spent',
  negativeBalance: 'negative',
};
const DOCUMENTED = ['currentBalance', 'pendingBalance', 'expiredBalance', 'spentBalance'];
const FILTERS = { endDate: 'date', balances: 'text' } as const;

/** A row for each account that was ever used: the main ledger has an empty name. */
export const balancesExport: readonly CsvExport[] = [
  {
    template: `${PROGRAM_PATH}/export_customer_balances`,
    fileName: 'balances.csv',
    filters: FILTERS,
    body: (request, query, { exportNegativeBalance }) => {
      const program = programOf(request);
      requireKind(program, 'profile');
      const asked = askedBalances(query, Object.keys(COLUMNS));
      // It can be asked for, but the documented header has no column for it.
      const columns = exportNegativeBalance === 'column' ? Object.keys(COLUMNS) : DOCUMENTED;
      return {
        header: `loyaltyProgramID,loyaltySubledger,profileIntegrationID,${columns.join(',')},currentTier`,
        rows: balanceRows(program, query, (owner, subledgerId, balance) => [
          String(program.id),
          subledgerId,
          program.ownerName(owner),
          ...amounts(balance, columns, asked),
          tierOf(program, owner, subledgerId)?.name ?? '',
        ]),
      };
    },
  },
  {
    template: `${PROGRAM_PATH}/export_card_balances`,
    fileName: 'card-balances.csv',
    filters: FILTERS,
    body: (request, query, { cardBalanceValues }) => {
      const program = programOf(request);
      requireKind(program, 'card');
      const asked = askedBalances(query, DOCUMENTED);
      return {
        header: `loyaltyProgramID,loyaltySubledger,cardIdentifier,cardState,${DOCUMENTED.join(',')}`,
        rows: balanceRows(program, query, (owner, subledgerId, balance) => [
          String(program.id),
          subledgerId,
          program.ownerName(owner),
          program.cards.get(owner).status,
          ...amounts(balance, DOCUMENTED, asked),
          ...(cardBalanceValues === 'nine' ? ['5'] : []),
        ]),
      };
    },
  },
];

/** Documented: currentBalance is always returned, the others are empty unless asked for. */
function askedBalances(query: Query, allowed: readonly string[]): Set<string> {
  const text = query.get('balances');
  if (text === undefined) return new Set(allowed);
  const names = text.split(',');
  const wrong = names.find((name) => !allowed.includes(name));
  if (wrong !== undefined) throw badParameter('balances', `"${wrong}" is not one of ${allowed.join(', ')}`);
  return new Set([...names, 'currentBalance']);
}

function amounts(balance: LoyaltyBalance, columns: readonly string[], asked: Set<string>): string[] {
  return columns.map((column) => (asked.has(column) ? money(balance[COLUMNS[column] ?? 'active']) : ''));
}

function* balanceRows(
  program: LoyaltyProgram,
  query: Query,
  fields: (owner: number, subledgerId: string, balance: LoyaltyBalance) => string[],
): Generator<string> {
  const at = readTime(query, 'endDate') ?? program.now();
  for (const owner of program.ledger.owners()) {
    for (const [subledgerId, account] of program.ledger.accountsOf(owner)) {
      yield csvRow(fields(owner, subledgerId, balanceAt(account, at)));
    }
  }
}
