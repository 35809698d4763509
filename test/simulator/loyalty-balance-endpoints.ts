import { money } from './amounts.js';
import type { Endpoint } from './endpoint.js';
import { balanceAt, type LoyaltyBalance } from './loyalty-balance.js';
import { cardProfiles } from './loyalty-card-text.js';
import { CARD_PATH, PROFILE_PATH } from './loyalty-paths.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { cardOf, profileOf, programOf } from './loyalty-requests.js';
import { tierMembers } from './loyalty-tier.js';
import { type ParameterType, type Query, readQuery, readTime } from './query.js';
import { json } from './reply.js';

const FILTERS: Record<string, ParameterType> = { endDate: 'date', subledgerId: 'text' };
const TIER_FILTERS: Record<string, ParameterType> = {
  ...FILTERS,
  includeTiers: 'boolean',
  includeProjectedTier: 'boolean',
};

/** Documented: both APIs give the same answer. */
const profileBalances: readonly Endpoint[] = (['ledger_balances', 'balances'] as const).map((name) => ({
  method: 'GET',
  template: `${PROFILE_PATH}/${name}`,
  ...(name === 'balances' ? { api: 'integration' as const } : {}),
  answer: (request) => {
    const program = programOf(request);
    const owner = profileOf(request, program);
    const query = readQuery(request.search, TIER_FILTERS);
    const { tierDates } = request.world.switchBoard.get();
    const wanted = {
      includeTiers: query.get('includeTiers') === 'true',
      includeProjectedTier: query.get('includeProjectedTier') === 'true',
    };
    return json(
      `{${balancesText(program, owner, query, request.search, (subledgerId) => {
        const members = JSON.stringify(tierMembers(program, owner, subledgerId, wanted, tierDates));
        return members === '{}' ? '' : `,${members.slice(1, -1)}`;
      })}}`,
    );
  },
}));

const cardBalances: Endpoint = {
  method: 'GET',
  template: `${CARD_PATH}/balances`,
  api: 'integration',
  answer: (request) => {
    const program = programOf(request);
    const owner = cardOf(request, program);
    const query = readQuery(request.search, { ...FILTERS, subledgerId: 'texts' });
    const profiles = JSON.stringify(cardProfiles(program, owner));
    return json(`{${balancesText(program, owner, query, request.search, () => '')},"profiles":${profiles}}`);
  },
};

/** The main ledger and each subledger that was ever used; only the named ones with `subledgerId`. */
function balancesText(
  program: LoyaltyProgram,
  owner: number,
  query: Query,
  search: URLSearchParams,
  tiersOf: (subledgerId: string) => string,
): string {
  const at = readTime(query, 'endDate') ?? program.now();
  const accounts = program.ledger.accountsOf(owner);
  const wanted = search.has('subledgerId') ? new Set(search.getAll('subledgerId')) : undefined;
  const textOf = (subledgerId: string): string =>
    `{${balanceMembers(balanceAt(accounts.get(subledgerId) ?? [], at))}${tiersOf(subledgerId)}}`;
  const subledgers = [...accounts.keys()]
    .filter((name) => name !== '' && (wanted?.has(name) ?? true))
    .map((name) => `${JSON.stringify(name)}:${textOf(name)}`);
  const main = wanted === undefined || wanted.has('') ? [`"balance":${textOf('')}`] : [];
  return [...main, `"subledgerBalances":{${subledgers.join(',')}}`].join(',');
}

function balanceMembers({ active, pending, spent, expired, negative }: LoyaltyBalance): string {
  return `"activePoints":${money(active)},"pendingPoints":${money(pending)},"spentPoints":${money(spent)},"expiredPoints":${money(expired)},"negativePoints":${money(negative)}`;
}

export const loyaltyBalanceEndpoints: readonly Endpoint[] = [...profileBalances, cardBalances];
