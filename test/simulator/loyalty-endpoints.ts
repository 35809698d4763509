import type { ApiRequest, Endpoint } from './endpoint.js';
import { CARD_PATH, PROFILE_PATH, PROGRAM_PATH } from './loyalty-paths.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { loyaltyProgramText } from './loyalty-program-text.js';
import { cardOf, profileOf, programOf } from './loyalty-requests.js';
import { type TransactionView, transactionText } from './loyalty-text.js';
import { type Scope, selectTransactions, TRANSACTION_FILTERS } from './loyalty-transaction-list.js';
import { makePage } from './page.js';
import { readPaging, readQuery } from './query.js';
import { json } from './reply.js';

const listPrograms: Endpoint = {
  method: 'GET',
  template: '/v1/loyalty_programs',
  answer: ({ world, search }) => {
    readQuery(search, {});
    const rows = world.loyalty.all().map(loyaltyProgramText);
    // No paging is documented.
    return json({ rows, hasMore: undefined, totalResultSize: rows.length });
  },
};

const getProgram: Endpoint = {
  method: 'GET',
  template: PROGRAM_PATH,
  answer: (request) => {
    readQuery(request.search, {});
    return json(loyaltyProgramText(programOf(request)));
  },
};

interface TransactionList {
  template: string;
  api?: 'integration';
  view: TransactionView;
  scope: Scope;
  defaultPageSize: number;
}

const TRANSACTION_LISTS: readonly TransactionList[] = [
  { template: `${PROGRAM_PATH}/transactions`, view: 'program', scope: 'program', defaultPageSize: 50 },
  {
    template: `${PROFILE_PATH}/ledger_transactions`,
    view: 'profile',
    scope: 'profile',
    defaultPageSize: 50,
  },
  {
    template: `${PROFILE_PATH}/transactions`,
    api: 'integration',
    view: 'profile',
    scope: 'profile',
    defaultPageSize: 50,
  },
  { template: `${CARD_PATH}/logs`, view: 'cardLog', scope: 'cardLog', defaultPageSize: 1000 },
  {
    template: `${CARD_PATH}/transactions`,
    api: 'integration',
    view: 'card',
    scope: 'card',
    defaultPageSize: 50,
  },
];

function transactionList({ template, api, view, scope, defaultPageSize }: TransactionList): Endpoint {
  return {
    method: 'GET',
    template,
    ...(api === undefined ? {} : { api }),
    answer: (request) => {
      const program = programOf(request);
      const { world } = request;
      const switches = world.switchBoard.get();
      const query = readQuery(request.search, TRANSACTION_FILTERS[scope]);
      const paging = readPaging(query, switches, { fallback: defaultPageSize });
      const owner = ownerIn(scope, request, program);
      const found = selectTransactions(request, program, owner, query);
      const rows = found
        .slice(paging.skip, paging.skip + paging.pageSize)
        .map((transaction) => transactionText(world, program, transaction, view, switches.loyaltyTimestamps));
      return json(makePage(rows, found.length, paging, switches, { hasMore: true, totalResultSize: false }));
    },
  };
}

function ownerIn(scope: Scope, request: ApiRequest, program: LoyaltyProgram): number | undefined {
  if (scope === 'program') return undefined;
  return scope === 'profile' ? profileOf(request, program) : cardOf(request, program);
}

export const loyaltyEndpoints: readonly Endpoint[] = [
  listPrograms,
  getProgram,
  ...TRANSACTION_LISTS.map(transactionList),
];
