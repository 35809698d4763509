import { hash32 } from './dice.js';
import type { ApiRequest } from './endpoint.js';
import { activeUntil } from './loyalty-balance.js';
import type { LoyaltyTransaction } from './loyalty-ledger.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { transactionFacts } from './loyalty-text.js';
import { PAGING, type ParameterType, type Query, readTime } from './query.js';
import { badParameter } from './refusal.js';
import type { Switches } from './switches.js';
import { createdWindow } from './window.js';

export type Scope = 'program' | 'profile' | 'card' | 'cardLog';

const COMMON: Record<string, ParameterType> = {
  ...PAGING,
  startDate: 'date',
  endDate: 'date',
  customerSessionIDs: 'texts',
  transactionUUIDs: 'texts',
};
const WITH_TYPE: Record<string, ParameterType> = {
  ...COMMON,
  loyaltyTransactionType: ['manual', 'session', 'import'],
  awaitsActivation: 'boolean',
};

/** What each list can be filtered by. None of them can be sorted. */
export const TRANSACTION_FILTERS: Record<Scope, Record<string, ParameterType>> = {
  program: { ...WITH_TYPE, subledgerId: 'text' },
  profile: { ...WITH_TYPE, subledgerId: 'text' },
  card: { ...WITH_TYPE, subledgerId: 'texts' },
  cardLog: { ...COMMON, subledgerId: 'text' },
};

/** All transactions that a request asks for, of one owner or of the whole program, in the order of its answer. */
export function selectTransactions(
  request: ApiRequest,
  program: LoyaltyProgram,
  owner: number | undefined,
  query: Query,
): LoyaltyTransaction[] {
  const switches = request.world.switchBoard.get();
  const matches = filterOf(request, program, owner, query);
  const rows = [...rowsInTime(program, query, switches)].filter((row) => matches(program.ledger.get(row)));
  program.ledger.listings += 1;
  return ordered(rows, switches, program.ledger.listings).map((row) => program.ledger.get(row));
}

function rowsInTime(program: LoyaltyProgram, query: Query, switches: Switches): Uint32Array {
  const { ledger } = program;
  const bounds = {
    after: readTime(query, 'startDate'),
    before: readTime(query, 'endDate'),
    oldest: undefined,
  };
  // "From which" and "by which" results are returned: not the wording of createdAfter and createdBefore.
  const { loyaltyStartDate: createdAfter, loyaltyEndDate: createdBefore } = switches;
  const reading = { ...switches, createdAfter, createdBefore };
  const window = createdWindow(ledger.byCreated, (row) => ledger.get(row).created, bounds, reading);
  return ledger.byCreated.slice(window.from, window.to);
}

function filterOf(
  request: ApiRequest,
  program: LoyaltyProgram,
  owner: number | undefined,
  query: Query,
): (transaction: LoyaltyTransaction) => boolean {
  const { search, world } = request;
  if (query.get('awaitsActivation') === 'false')
    throw badParameter('awaitsActivation', 'false is not supported');
  const origin = query.get('loyaltyTransactionType');
  const now = world.now();
  const names = (name: string): Set<string> | undefined =>
    search.has(name) ? new Set(search.getAll(name)) : undefined;
  const [sessions, uuids, subledgers] = [
    names('customerSessionIDs'),
    names('transactionUUIDs'),
    names('subledgerId'),
  ];
  const sessionOf = (transaction: LoyaltyTransaction): string => {
    const facts = transactionFacts(world, program, transaction, 'utc');
    return String(JSON.parse(transaction.given?.customerSessionId ?? facts.customerSessionId ?? '""'));
  };
  return (transaction) => {
    if (owner !== undefined && transaction.owner !== owner) return false;
    if (origin !== undefined && transaction.origin !== origin) return false;
    if (subledgers !== undefined && !subledgers.has(transaction.subledgerId)) return false;
    if (uuids !== undefined && !uuids.has(transaction.uuid)) return false;
    if (sessions !== undefined && !sessions.has(sessionOf(transaction))) return false;
    const isAwaiting = transaction.startsAt === 'on_action' && activeUntil(transaction) > now;
    return !query.has('awaitsActivation') || isAwaiting;
  };
}

/** From ascending creation to what the switch says. */
function ordered(rows: number[], switches: Switches, listing: number): number[] {
  switch (switches.loyaltyOrder) {
    case 'created':
      return rows;
    case '-created':
      return rows.reverse();
    case 'id':
      return rows.sort((a, b) => a - b);
    case 'shuffled':
      return rows.sort((a, b) => hash32(a, 82) - hash32(b, 82));
    case 'unstable':
      return rows.sort((a, b) => hash32(a, 82, listing) - hash32(b, 82, listing));
  }
}
