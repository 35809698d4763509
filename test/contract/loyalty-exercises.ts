import { queryText } from '../simulator/api-client.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { FUTURE, PAGES, type Query, type Run } from './exercise-queries.js';

const RANGE: Query = { rangeStart: '2020-01-01T00:00:00Z', rangeEnd: FUTURE };
const TIERS: Query = { includeTiers: 'true', includeProjectedTier: 'true' };

const INVENTORY: Query = Object.fromEntries(
  ['profile', 'referrals', 'coupons', 'loyalty', 'giveaways', 'achievements'].map((part) => [part, 'true']),
);

/** Every loyalty endpoint of both APIs, on profiles and on cards. */
export async function exerciseLoyalty(run: Run, sim: Simulator, middle: string): Promise<void> {
  await run('/v1/loyalty_programs');
  for (const id of sim.loyaltyProgramIds) {
    sim.emitLoyalty(id, 30);
    await exerciseProgram(run, `/v1/loyalty_programs/${id}`, middle);
  }
  await exerciseProfiles(run, sim, middle);
  await exerciseCards(run, sim, middle);
}

async function exerciseProgram(run: Run, program: string, middle: string): Promise<void> {
  await run(program);
  for (const query of transactionQueries(middle)) await run(`${program}/transactions?${queryText(query)}`);
  await run(`${program}/dashboard?${queryText(RANGE)}`);
  await run(`${program}/dashboard?${queryText({ ...RANGE, subledgerId: 'SUB1' })}`);
  await run(`${program}/export_customers_tiers`);
  await run(`${program}/export_customers_tiers?subledgerIds=SUB1&tierNames=Gold`);
}

function transactionQueries(middle: string): Query[] {
  return [
    ...PAGES,
    ...['manual', 'session', 'import'].map((loyaltyTransactionType) => ({ loyaltyTransactionType })),
    { startDate: middle, endDate: FUTURE, subledgerId: 'SUB1' },
    { awaitsActivation: 'true', pageSize: 1000 },
    { transactionUUIDs: 'u', customerSessionIDs: 's' },
  ];
}

async function exerciseProfiles(run: Run, sim: Simulator, middle: string): Promise<void> {
  const program = '/v1/loyalty_programs/1';
  const owners = new Set([...sim.issuedLoyalty(1)].map(({ owner }) => owner));
  for (const owner of [...owners].slice(0, 40)) {
    const path = `${program}/profile/${encodeURIComponent(owner)}`;
    for (const [name, integration] of [
      ['ledger_balances', false],
      ['balances', true],
    ] as const) {
      for (const query of [{}, TIERS, { endDate: FUTURE }, { endDate: middle, subledgerId: 'SUB1' }])
        await run(`${path}/${name}?${queryText(query)}`, { integration });
    }
    await run(`${path}/ledger_transactions`);
    await run(`/v1/customer_profiles/${encodeURIComponent(owner)}/inventory?${queryText(INVENTORY)}`, {
      integration: true,
    });
    await run(`${path}/transactions?pageSize=2`, { integration: true });
    await run(`${path}/export_log?${queryText({ ...RANGE, dateFormat: 'ISO8601' })}`);
  }
  for (const query of [{}, { endDate: FUTURE }, { balances: 'currentBalance,negativeBalance' }])
    await run(`${program}/export_customer_balances?${queryText(query)}`);
  await run(`${program}/export_join_dates`);
}

async function exerciseCards(run: Run, sim: Simulator, middle: string): Promise<void> {
  const program = '/v1/loyalty_programs/2';
  for (const query of [...PAGES, { identifier: 'card-1', batchId: 'gwedcbfp' }, { profileId: 10001 }])
    await run(`${program}/cards?${queryText(query)}`);
  const cards = new Set([...sim.issuedLoyalty(2)].map(({ owner }) => owner));
  for (const card of [...cards].slice(0, 20)) {
    const path = `${program}/cards/${encodeURIComponent(card)}`;
    await run(path);
    await run(`${path}/logs?${queryText({ startDate: middle, pageSize: 5 })}`);
    await run(`${path}/transactions?subledgerId=SUB1&subledgerId=`, { integration: true });
    await run(`${path}/balances`, { integration: true });
    await run(`${path}/export_log?${queryText(RANGE)}`);
  }
  await run(`${program}/export_card_balances?${queryText({ balances: 'spentBalance', endDate: FUTURE })}`);
  await run(`${program}/cards/export?${queryText({ createdAfter: middle, dateFormat: 'excel' })}`);
  await run(`${program}/cards/export`);
}

/** What the loyalty endpoints have to refuse. */
export async function refuseLoyalty(run: Run): Promise<void> {
  const program = '/v1/loyalty_programs/1';
  for (const path of [
    '/transactions?awaitsActivation=false',
    '/dashboard',
    '/cards',
    '/profile/nobody/ledger_balances',
    '/profile/nobody/balances',
    '/export_customer_balances?balances=everything',
  ])
    await run(`${program}${path}`);
  await run('/v1/loyalty_programs/99');
  await run('/v1/loyalty_programs/2/export_card_balances?balances=negativeBalance');
  await run('/v1/loyalty_programs/2/cards/none');
}
