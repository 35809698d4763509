import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { ask, list, queryText } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';
import type { CustomLoyaltyTransaction } from './simulator/loyalty-control.js';
import type { Simulator } from './simulator/simulator-handle.js';

const PROGRAM = '/v1/loyalty_programs/1';

test('every transaction of a program is listed once, newest first, in pages of 50', async () => {
  const sim = await start({ history: { events: 900 } });
  const issued = [...sim.issuedLoyalty(1)];
  expect(issued.length).toBeGreaterThan(200);
  const first = await list(sim, `${PROGRAM}/transactions`);
  expect(first.rows).toHaveLength(50);
  expect(first.hasMore).toBe(true);
  const all = await list(sim, `${PROGRAM}/transactions?pageSize=1000`);
  expect(all.hasMore).toBe(false);
  expect(all.ids).toEqual(issued.map(({ id }) => id).reverse());
  const origins = ['manual', 'session', 'import'];
  const counts = await Promise.all(
    origins.map(async (origin) => {
      const query = queryText({ loyaltyTransactionType: origin, pageSize: 1000 });
      return (await list(sim, `${PROGRAM}/transactions?${query}`)).rows.length;
    }),
  );
  expect(counts.every((count) => count > 5)).toBe(true);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(issued.length);
  for (const [member, value] of [
    ['startDate', 'immediate'],
    ['startDate', 'on_action'],
    ['expiryDate', 'unlimited'],
  ])
    expect(all.rows.some((row) => row[member as string] === value)).toBe(true);
});

test('all balances are one computation: an account over its life', async () => {
  const sim = await start({ history: { events: 0 } });
  const add = (day: string, transaction: CustomLoyaltyTransaction): string =>
    sim.addLoyaltyTransaction(1, { profile: 'ada', created: at(day), ...transaction });
  add('01', { amount: '10.50', expiryDate: at('05') });
  add('02', { amount: 20, startDate: at('04') });
  add('03', { amount: 12.5, type: 'subtraction' });
  const waiting = add('03', { amount: 7, startDate: 'on_action' });
  add('06', { amount: 1, subledgerId: 'SUB1' });
  const balance = async (day: string): Promise<unknown> => {
    const path = `${PROGRAM}/profile/ada/ledger_balances?subledgerId=&endDate=${at(day)}`;
    return (JSON.parse((await ask(sim, path)).text) as { balance: unknown }).balance;
  };
  const points = (
    active: number,
    pending: number,
    expired: number,
    spent: number,
    negative: number,
  ): object => ({
    activePoints: active,
    pendingPoints: pending,
    expiredPoints: expired,
    spentPoints: spent,
    negativePoints: negative,
  });
  expect(await balance('01')).toEqual(points(10.5, 0, 0, 0, 0));
  expect(await balance('02')).toEqual(points(10.5, 20, 0, 0, 0));
  expect(await balance('03')).toEqual(points(0, 27, 0, 12.5, 2));
  expect(await balance('04')).toEqual(points(18, 7, 0, 12.5, 0));
  add('02', { amount: 3, expiryDate: at('05') });
  expect(await balance('05')).toEqual(points(20, 7, 1, 12.5, 0));
  sim.changeLoyaltyTransaction(1, waiting, { startDate: at('07'), expiryDate: at('09') });
  expect([await balance('08'), await balance('10')]).toEqual([
    points(27, 0, 1, 12.5, 0),
    points(20, 0, 8, 12.5, 0),
  ]);
  expect(sim.loyaltyBalance(1, 'ada', { at: at('08') }).active).toBe(27);
  const csv = await ask(sim, `${PROGRAM}/export_customer_balances?endDate=${at('08')}`);
  expect(csv.text.trimEnd().split('\n')).toEqual([
    'loyaltyProgramID,loyaltySubledger,profileIntegrationID,currentBalance,pendingBalance,expiredBalance,spentBalance,currentTier',
    '1,,ada,27.00,0.00,1.00,12.50,',
    '1,SUB1,ada,1.00,0.00,0.00,0.00,',
  ]);
});

test('points that expire first are spent first', async () => {
  const sim = await start({ history: { events: 0 } });
  sim.addLoyaltyTransaction(1, { profile: 'ada', created: at('01') });
  sim.addLoyaltyTransaction(1, { profile: 'ada', created: at('02'), expiryDate: at('05') });
  sim.addLoyaltyTransaction(1, { profile: 'ada', created: at('03'), amount: 12, type: 'subtraction' });
  expect(sim.loyaltyBalance(1, 'ada')).toEqual({ active: 8, pending: 0, expired: 0, spent: 12, negative: 0 });
});

test('in every account the balances add up to what was ever added', async () => {
  const sim = await start({ history: { events: 1500 } });
  for (const [id, file] of [
    [1, 'export_customer_balances'],
    [2, 'export_card_balances'],
  ] as const) {
    sim.emitLoyalty(id, 200);
    sim.set({ exportNegativeBalance: 'column' });
    const rows = await csvRows(sim, `/v1/loyalty_programs/${id}/${file}`);
    const transactions = [...sim.issuedLoyalty(id)];
    expect(rows.length).toBeGreaterThan(30);
    for (const row of rows) {
      const owner = row.profileIntegrationID ?? row.cardIdentifier ?? '';
      const balance = sim.loyaltyBalance(id, owner, { subledgerId: row.loyaltySubledger ?? '' });
      expect(Number(row.currentBalance)).toBe(balance.active);
      const { active, pending, expired, spent, negative } = balance;
      const added = transactions
        .filter((each) => each.owner === owner && each.subledgerId === row.loyaltySubledger)
        .map(({ text }) => JSON.parse(text) as { type: string; amount: number })
        .reduce((sum, { type, amount }) => sum + (type === 'addition' ? amount : 0), 0);
      expect(active + pending + expired + spent - negative).toBeCloseTo(added, 5);
    }
    const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);
    for (const column of ['currentBalance', 'pendingBalance', 'expiredBalance', 'spentBalance'])
      expect(sum(column)).toBeGreaterThan(0);
    if (id === 1) expect(sum('negativeBalance')).toBeGreaterThan(0);
  }
});

test('transactions are filtered by time, type, ledger, session, UUID and awaited action', async () => {
  const sim = await start({ history: { events: 0 } });
  const add = (second: string, transaction: CustomLoyaltyTransaction = {}): string =>
    sim.addLoyaltyTransaction(1, { created: `2026-01-01T00:00:0${second}Z`, ...transaction });
  add('1', { id: 1, subledgerId: 'SUB1', transactionUUID: 'u-1' });
  add('2', { id: 2, profile: 'Kunde 7/ä&%', customerSessionId: 's&2' });
  add('3', { id: 3, startDate: 'on_action', validityDuration: '30D', amount: '0.10000000000000000001' });
  add('4', { id: 4, startDate: 'on_action', expiryDate: '2026-01-02T00:00:00Z', origin: 'import' });
  const ids = async (query: string, scope = 'transactions'): Promise<string> =>
    (await list(sim, `${PROGRAM}/${scope}?${query}`)).ids.join(' ');
  expect(await ids('')).toBe('4 3 2 1');
  expect(await ids('startDate=2026-01-01T00:00:02Z&endDate=2026-01-01T00:00:03Z')).toBe('3 2');
  expect(await ids('startDate=2026-01-01&pageSize=1&skip=1')).toBe('3');
  expect(await ids('subledgerId=SUB1')).toBe('1');
  expect(await ids('subledgerId=')).toBe('4 3 2');
  expect(await ids('customerSessionIDs=x&customerSessionIDs=s%262')).toBe('2');
  expect(await ids('transactionUUIDs=u-1&transactionUUIDs=u-9')).toBe('1');
  expect(await ids('awaitsActivation=true')).toBe('3');
  expect(await ids('loyaltyTransactionType=import')).toBe('4');
  expect(await ids('', `profile/${encodeURIComponent('Kunde 7/ä&%')}/ledger_transactions`)).toBe('2');
  expect((await ask(sim, `${PROGRAM}/transactions`)).text).toContain('"amount":0.10000000000000000001,');
  for (const wrong of [
    'awaitsActivation=false',
    'pageSize=1001',
    'sort=created',
    'subledgerId=a&subledgerId=b',
  ])
    expect((await ask(sim, `${PROGRAM}/transactions?${wrong}`)).status).toBe(400);
  sim.set({ loyaltyStartDate: 'exclusive', loyaltyEndDate: 'exclusive', loyaltyOrder: 'created' });
  expect(await ids('startDate=2026-01-01T00:00:01Z&endDate=2026-01-01T00:00:04Z')).toBe('2 3');
});

test('late transactions are nowhere before their time, and keep their date', async () => {
  const sim = await start({ history: { events: 60 } });
  const before = [...sim.issuedLoyalty(1)].length;
  sim.emitLoyalty(1, 3, { created: '2026-01-01T00:00:00Z', visibleInMs: 3_600_000 });
  sim.addLoyaltyTransaction(1, { profile: 'late', visibleInMs: 3_600_000 });
  expect([...sim.issuedLoyalty(1)]).toHaveLength(before);
  expect((await ask(sim, `${PROGRAM}/export_customer_balances`)).text).not.toContain(',late,');
  sim.set({ clockOffsetMs: 3_700_000 });
  expect((await ask(sim, `${PROGRAM}/export_customer_balances`)).text).toContain(',late,');
  expect(
    [...sim.issuedLoyalty(1)].filter(({ created }) => created === '2026-01-01T00:00:00.000000Z'),
  ).toHaveLength(3);
  expect([...sim.issuedLoyalty(1)]).toHaveLength(before + 4);
});

test('cards have transactions, balances and exports of their own', async () => {
  const sim = await start({ history: { events: 900 } });
  const cards = await list(sim, '/v1/loyalty_programs/2/cards?pageSize=10');
  expect(cards).toMatchObject({ hasMore: true, rows: { length: 10 } });
  const [issued] = [...sim.issuedLoyalty(2)];
  const path = `/v1/loyalty_programs/2/cards/${encodeURIComponent(issued?.owner ?? '')}`;
  const card = JSON.parse((await ask(sim, path)).text) as { ledger: { currentBalance: number } };
  const balances = JSON.parse((await ask(sim, `${path}/balances`, { integration: true })).text) as {
    balance: { activePoints: number };
  };
  expect(balances.balance.activePoints).toBe(card.ledger.currentBalance);
  const logs = await list(sim, `${path}/logs`);
  const integration = await list(sim, `${path}/transactions`, { integration: true });
  expect(logs.ids).toContain(issued?.id);
  expect(integration.ids).toEqual(logs.ids);
  const range = 'rangeStart=2020-01-01&rangeEnd=2126-01-01';
  expect((await csvRows(sim, `${path}/export_log?${range}`)).map(({ id }) => id).sort()).toEqual(
    [...logs.ids].sort(),
  );
  expect((await ask(sim, `${path}/export_log`)).status).toBe(400);
  const exported = await csvRows(sim, '/v1/loyalty_programs/2/cards/export?dateFormat=ISO8601');
  expect(exported.some((row) => /^\['.*', '.*'\]$/.test(row.customerprofileids ?? ''))).toBe(true);
  expect(
    (await ask(sim, '/v1/loyalty_programs/2/export_card_balances?balances=negativeBalance')).status,
  ).toBe(400);
  sim.set({ cardBalanceValues: 'nine' });
  const [header, row] = (await ask(sim, '/v1/loyalty_programs/2/export_card_balances')).text.split('\n');
  expect([header?.split(',').length, row?.split(',').length]).toEqual([8, 9]);
  expect((await ask(sim, `${PROGRAM}/cards`)).status).toBe(400);
});

test('tiers and join dates are in the time zone of the program', async () => {
  const sim = await start({ history: { events: 0 } });
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 199, created: '2026-06-30T22:30:00Z' });
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 1.5, created: '2026-07-01T22:30:00Z' });
  sim.addLoyaltyTransaction(1, { profile: 'bob', amount: 1 });
  sim.set({ clockOffsetMs: Date.parse('2026-12-01T00:00:00Z') - Date.parse(sim.now()) });
  const query = 'includeTiers=true&includeProjectedTier=true';
  const answer = JSON.parse(
    (await ask(sim, `${PROGRAM}/profile/ada/ledger_balances?${query}`)).text,
  ) as unknown;
  expect(answer).toMatchObject({
    balance: {
      currentTier: { name: 'Silver', startDate: '2026-07-02T00:30:00+02:00' },
      pointsToNextTier: 299.5,
      nextTierName: 'Gold',
      projectedTier: { projectedActivePoints: 200.5, projectedTierName: 'Silver' },
    },
  });
  const tiers = await csvRows(sim, `${PROGRAM}/export_customers_tiers?tierNames=Silver`);
  expect(tiers).toMatchObject([{ customerprofileid: 'ada', startdate: '2026-07-02T00:30:00+02:00' }]);
  expect((await csvRows(sim, `${PROGRAM}/export_join_dates`))[0]?.joinDate).toBe('2026-07-01T00:30:00+02:00');
  sim.setLoyaltyTier(1, 'bob', { name: 'Gold', startDate: '2026-01-01T00:00:00Z' });
  sim.setLoyaltyJoinDate(1, 'bob', '2020-01-01T00:00:00Z');
  sim.set({ tierDates: 'goLayout', loyaltyTimestamps: 'goLayout' });
  expect((await csvRows(sim, `${PROGRAM}/export_customers_tiers?tierNames=Gold`))[0]).toEqual({
    programid: '1',
    subledgerid: '',
    customerprofileid: 'bob',
    tiername: 'Gold',
    startdate: '2026-01-01T01:00:00Z01:00',
    expirydate: '',
  });
  expect((await ask(sim, `${PROGRAM}/export_join_dates`)).text).toContain('bob,2020-01-01T01:00:00Z01:00');
  expect((await ask(sim, `${PROGRAM}/transactions`)).text).toContain(
    '"created":"2026-07-02T00:30:00.000000Z02:00"',
  );
});

test('the dashboard has the days of the program up to yesterday', async () => {
  const sim = await start({ history: { events: 0, days: 300, until: '2026-04-02T00:00:00Z' } });
  // Clocks go forward on 29 March in Berlin.
  sim.addLoyaltyTransaction(1, { profile: 'ada', created: '2026-03-28T22:59:59Z', amount: 5 });
  sim.addLoyaltyTransaction(1, {
    profile: 'bob',
    created: '2026-03-29T21:59:59Z',
    amount: 7,
    origin: 'session',
  });
  sim.set({ clockOffsetMs: Date.parse('2026-03-30T12:00:00Z') - Date.parse(sim.now()) });
  const path = `${PROGRAM}/dashboard?rangeStart=2026-03-28T12:00:00Z&rangeEnd=2126-01-01`;
  const { rows } = await list(sim, path);
  expect(rows.map((row) => [row.date, row.totalActivePoints, row.newMembers])).toEqual([
    ['2026-03-28T00:00:00+01:00', 5, 1],
    ['2026-03-29T00:00:00+01:00', 12, 1],
  ]);
  expect(rows[1]).toMatchObject({
    earnedPoints: { createdManually: 0, createdViaRuleEngine: 7 },
    totalMembers: 2,
  });
  sim.set({ dashboardDates: 'utc' });
  expect((await list(sim, path)).rows[1]?.date).toBe('2026-03-29T00:00:00Z');
  expect((await ask(sim, `${PROGRAM}/dashboard`)).status).toBe(400);
});

test('each API wants its own key', async () => {
  const sim = await start({ history: { events: 300 } });
  const [issued] = [...sim.issuedLoyalty(1)];
  const path = `${PROGRAM}/profile/${encodeURIComponent(issued?.owner ?? '')}`;
  const management = await ask(sim, `${path}/ledger_balances`);
  expect((await ask(sim, `${path}/balances`)).status).toBe(401);
  expect(await ask(sim, `${path}/balances`, { integration: true })).toMatchObject({
    status: 200,
    text: management.text,
  });
  expect((await ask(sim, `${path}/ledger_balances`, { integration: true })).status).toBe(401);
  expect((await ask(sim, `${path}/transactions`, { integration: true })).status).toBe(200);
  sim.set({ integrationRequestsPerSecond: 1 });
  const answers = await Promise.all([1, 2].map(() => ask(sim, `${path}/balances`, { integration: true })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 429]);
  expect((await ask(sim, `${PROGRAM}/profile/nobody/ledger_balances`)).status).toBe(404);
});

test('the inventory of a customer has the parts that were asked for, as the lists show them', async () => {
  const sim = await start({ history: { events: 900 } });
  const card = (await list(sim, '/v1/loyalty_programs/2/cards?pageSize=1')).rows[0] as unknown as {
    profiles: { integrationId: string }[];
  };
  const name = card.profiles[0]?.integrationId ?? '';
  const path = `/v1/customer_profiles/${encodeURIComponent(name)}/inventory`;
  const get = async (query: string): Promise<Record<string, never>> =>
    JSON.parse((await ask(sim, `${path}?${query}`, { integration: true })).text) as Record<string, never>;
  sim.addLoyaltyTransaction(1, { profile: name, amount: 5, type: 'subtraction', subledgerId: 'spent' });
  sim.addLoyaltyTransaction(1, { profile: name, amount: 0, subledgerId: 'empty' });
  sim.emitCoupons(1, 2, { recipientIntegrationId: name, usageCounter: 1, usageLimit: 1 });
  expect(Object.keys(await get(''))).toEqual([]);
  const { loyalty, coupons, profile } = (await get('loyalty=true&coupons=true&profile=true')) as unknown as {
    loyalty: { cards: object[]; programs: Record<string, { ledger: object; subLedgers: object }> };
    coupons: object[];
    profile: { id: number };
  };
  expect(loyalty.cards).toEqual([card]);
  expect(loyalty.programs['1']?.ledger).toMatchObject({
    currentBalance: sim.loyaltyBalance(1, name).active,
    spentBalance: 0,
  });
  expect(loyalty.programs['1']?.subLedgers).toMatchObject({ spent: { negativeBalance: 5 } });
  expect(loyalty.programs['1']?.subLedgers).not.toHaveProperty('empty');
  expect(coupons.slice(-2)).toMatchObject([{ state: 'used' }, { state: 'used' }]);
  expect(profile).toEqual(JSON.parse(sim.profileText(profile.id) ?? ''));
  expect((await ask(sim, path)).status).toBe(401);
});

function at(day: string): string {
  return `2026-01-${day}T00:00:00Z`;
}

async function csvRows(sim: Simulator, path: string): Promise<Record<string, string>[]> {
  const answer = await ask(sim, path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return parse(answer.text, { columns: true });
}
