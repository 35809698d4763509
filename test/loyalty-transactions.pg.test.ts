import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { SwitchSettings } from './simulator/switches.js';
import { expectLedgerStored, forgetLoyalty, startLoyalty } from './support/loyalty.js';
import { eventually, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 6 });

beforeEach(() => forgetLoyalty(db()));

describe('the ledgers of all programs are stored whole and exact, at first and from then on', () => {
  const servers: [string, SwitchSettings][] = [
    ['as documented', {}],
    [
      'oldest first, bounds exclusive',
      { loyaltyOrder: 'created', loyaltyStartDate: 'exclusive', loyaltyEndDate: 'exclusive' },
    ],
    [
      'in no order, whole seconds',
      { loyaltyOrder: 'shuffled', parameterPrecision: 'second', recordPrecision: 'second' },
    ],
    ['no Date header', { dateHeader: 'absent' }],
    ['a Date an hour ahead', { dateHeaderOffsetMs: 3_600_000 }],
    ['times with an offset', { loyaltyTimestamps: 'offset' }],
    ['times in the layout of the examples', { loyaltyTimestamps: 'goLayout' }],
    ['short pages without hasMore', { silentPageLimit: 30, envelope: 'missing' }],
  ];
  test.each(servers)('%s', async (_name, switches) => {
    const { sim, once } = await startLoyalty(
      db(),
      { switches, history: { events: 250 } },
      { PAGE_SIZE: '40' },
    );
    expect(await once()).toEqual([]);
    for (const id of sim.loyaltyProgramIds) await expectLedgerStored(db(), sim, id);
    for (const count of [1, 50]) {
      for (const id of sim.loyaltyProgramIds) sim.emitLoyalty(id, count);
      // What the server shows in its own second is read when that second has passed.
      sim.set({ clockOffsetMs: (sim.switches().clockOffsetMs ?? 0) + 3_000 });
      expect(await once()).toEqual([]);
      for (const id of sim.loyaltyProgramIds) await expectLedgerStored(db(), sim, id);
    }
  });
});

const stored = (uuid: string) =>
  db().rows<Record<string, unknown>>(
    `select start_date, starts_at::text, expiry_date, expires_at::text, amount::text, holder, subledger_id
     from talon_one_loyalty_transaction where transaction_uuid = $1`,
    uuid,
  );

test('a transaction that becomes visible late, within the look-back, is stored', async () => {
  const { sim, once } = await startLoyalty(db());
  sim.emitLoyalty(1, 3);
  await once();
  const created = new Date(Date.parse(sim.now()) - 100_000).toISOString();
  sim.addLoyaltyTransaction(1, { created });
  await once();
  await expectLedgerStored(db(), sim, 1);
  // Not further than such a one could still come.
  const [row] = await db().rows(
    `select complete_through > $1::timestamptz - interval '125 s' as is_near, complete_through <= $1::timestamptz - interval '119 s' as is_behind
     from talon_one_loyalty_program where program_id = 1`,
    sim.now(),
  );
  expect(row).toEqual({ is_near: true, is_behind: true });
});

test('words stay words, times become times too, and digits stay digits', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 0 } });
  sim.addLoyaltyTransaction(1, {
    transactionUUID: 'words',
    profile: 'ada',
    amount: '0.10000000000000000001',
  });
  const startDate = '2026-05-01T00:00:00Z';
  sim.addLoyaltyTransaction(1, {
    transactionUUID: 'times',
    profile: 'ada',
    startDate,
    expiryDate: '2027-05-01T00:00:00Z',
    subledgerId: 'SUB',
  });
  sim.addLoyaltyTransaction(2, { transactionUUID: 'card', card: 'card-77', startDate: 'on_action' });
  expect(await once()).toEqual([]);
  expect(await stored('words')).toEqual([
    {
      start_date: 'immediate',
      starts_at: null,
      expiry_date: 'unlimited',
      expires_at: null,
      amount: '0.10000000000000000001',
      holder: 'ada',
      subledger_id: '',
    },
  ]);
  expect(await stored('times')).toMatchObject([
    { starts_at: '2026-05-01 00:00:00+00', expires_at: '2027-05-01 00:00:00+00', subledger_id: 'SUB' },
  ]);
  expect(await stored('card')).toMatchObject([
    { start_date: 'on_action', starts_at: null, holder: 'card-77' },
  ]);
});

test('activated points and moved expiry dates of old transactions are read again', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 0 } });
  const created = new Date(Date.parse(sim.now()) - 3_600_000).toISOString();
  const waiting = sim.addLoyaltyTransaction(1, { created, transactionUUID: 'waits', startDate: 'on_action' });
  const extended = sim.addLoyaltyTransaction(1, {
    created,
    transactionUUID: 'extended',
    expiryDate: '2099-01-01T00:00:00Z',
  });
  sim.emitLoyalty(1, 3);
  const application = await db().newApplication('2026-01-01T00:00:00Z');
  expect(await once()).toEqual([]);
  sim.changeLoyaltyTransaction(1, waiting, { startDate: '2026-02-01T00:00:00Z' });
  sim.changeLoyaltyTransaction(1, extended, { expiryDate: '2100-01-01T00:00:00Z' });
  const effect = {
    effectType: 'extendLoyaltyPointsExpiryDate',
    props: {
      programId: 1,
      affectedTransactions: [{ transactionUUID: 'extended', newExpiryDate: '2100-01-01T00:00:00Z' }],
    },
  };
  await db().rows(
    `insert into talon_one_event (application_id, event_id, created, payload) values ($1, 1, clock_timestamp(), $2)`,
    application,
    JSON.stringify({ effects: [effect] }),
  );
  expect(await once()).toEqual([]);
  expect(await stored('waits')).toMatchObject([{ start_date: '2026-02-01T00:00:00Z' }]);
  expect(await stored('extended')).toMatchObject([{ expires_at: '2100-01-01 00:00:00+00' }]);
  await expectLedgerStored(db(), sim, 1);
});

test('events are looked at in slices, none twice, and none from before the ledger was first read', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 0 } }, { LOYALTY_PROGRAM_IDS: '1' });
  const created = new Date(Date.parse(sim.now()) - 7_200_000).toISOString();
  for (const transactionUUID of ['long-ago', 'first', 'last'])
    sim.addLoyaltyTransaction(1, { created, transactionUUID });
  const application = await db().newApplication('2026-01-01T00:00:00Z');
  onTestFinished(async () => void (await db().rows('truncate talon_one_event')));
  expect(await once()).toEqual([]);
  const event = (id: number, secondsAgo: number, uuid: string) =>
    db().rows(
      `insert into talon_one_event (application_id, event_id, created, payload)
       values ($1, $2, clock_timestamp() - $3 * interval '1 s', $4)`,
      application,
      id,
      secondsAgo,
      JSON.stringify({
        effects: [
          {
            effectType: 'setLoyaltyPointsExpiryDate',
            props: { programId: 1, affectedTransactions: [{ transactionUUID: uuid }] },
          },
        ],
      }),
    );
  await event(1, 7200, 'long-ago');
  await event(2, 3100, 'first');
  // More than a slice, over more than a look-back.
  await db().rows(
    `insert into talon_one_event (application_id, event_id, created, payload)
     select $1, 10 + n, clock_timestamp() - 3000 * interval '1 s' + n * 0.2 * interval '1 s', '{"effects": []}'
     from generate_series(1, 12000) as n`,
    application,
  );
  await event(3, 60, 'last');
  await db().rows(
    'update talon_one_sync_cursor set last_sync = clock_timestamp() where application_id = $1',
    application,
  );
  const asked = (uuid: string) =>
    sim.addFault({ path: new RegExp(`transactionUUIDs=${uuid}`), times: 0, action: { type: 'empty200' } });
  const [longAgo, first, last] = [asked('long-ago'), asked('first'), asked('last')];
  const broken = sim.addFault({
    path: /transactionUUIDs=last/,
    times: Infinity,
    action: { type: 'status', status: 500 },
  });
  expect(await once()).toEqual([expect.stringContaining('loyalty-transactions:1')]);
  expect(first.seen).toBe(1);
  broken.remove();
  expect(await once()).toEqual([]);
  expect(await once()).toEqual([]);
  expect([longAgo.seen, first.seen]).toEqual([0, 1]);
  expect(last.seen).toBeGreaterThan(1);
});

test('what could not be read again at first is read again later; a server that does not know the filter is asked for each', async () => {
  const { sim, once, runner } = await startLoyalty(
    db(),
    { history: { events: 0 } },
    { LOYALTY_PROGRAM_IDS: '1' },
  );
  const waiting = sim.addLoyaltyTransaction(1, { transactionUUID: 'waits', startDate: 'on_action' });
  expect(await once()).toEqual([]);
  sim.changeLoyaltyTransaction(1, waiting, { startDate: '2026-02-01T00:00:00Z' });
  sim.addFault({ path: /awaitsActivation/, times: Infinity, action: { type: 'status', status: 400 } });
  // As many as one run tries.
  sim.addFault({ path: /transactionUUIDs/, times: 5, action: { type: 'status', status: 500 } });
  const controller = new AbortController();
  const running = runner().run(controller.signal);
  await eventually('it is read again', async () => {
    const [row] = await stored('waits');
    return row?.start_date === '2026-02-01T00:00:00Z';
  });
  controller.abort();
  await running;
});

test('records that are no transactions go to the quarantine, one without UUID is stored by its number', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 0 } });
  sim.addLoyaltyTransaction(1, { id: 7, fields: { transactionUUID: '' } });
  sim.addLoyaltyTransaction(1, { id: 8, transactionUUID: 'text', fields: { amount: 'ten' } });
  sim.addLoyaltyTransaction(1, { id: 9, transactionUUID: 'time', fields: { created: 'yesterday' } });
  sim.addLoyaltyTransaction(1, { id: 10, transactionUUID: 'nul', name: 'a\u0000b' });
  sim.addLoyaltyTransaction(1, { id: 11, transactionUUID: 'fine' });
  for (let run = 0; run < 2; run += 1) {
    expect(await once()).toEqual([]);
    const uuids = await db().rows(
      'select transaction_uuid as uuid from talon_one_loyalty_transaction order by 1',
    );
    expect(uuids).toEqual([{ uuid: 'fine' }, { uuid: 'id:7' }, { uuid: 'nul' }]);
    const bad = await db().rows(
      `select kind, reason from talon_one_quarantine where source like '%loyalty_programs/1/%' order by reason`,
    );
    expect(bad).toEqual([
      { kind: 'loyalty-transaction', reason: expect.stringMatching(/created/) },
      { kind: 'loyalty-transaction', reason: expect.stringMatching(/amount/) },
    ]);
    expect(await db().rows(`select id, reasons from talon_one_original_text`)).toEqual([
      { id: '10', reasons: ['NUL character'] },
    ]);
  }
});

test('a program that the key may not read is noted and passed over, the others go on', async () => {
  const { sim, once, lines } = await startLoyalty(db());
  sim.addFault({
    path: /loyalty_programs\/1\/transactions/,
    times: Infinity,
    action: { type: 'status', status: 403 },
  });
  expect(await once()).toEqual([]);
  const status = `select status from talon_one_job where job = $1`;
  expect(await db().value(status, 'loyalty-transactions:1')).toBe('unauthorised');
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', job: 'loyalty-transactions:1' }));
  expect(await db().value(status, 'loyalty-transactions:2')).toBe('up-to-date');
  await expectLedgerStored(db(), sim, 2);
});

test('given programs are copied even by a key that may not look them up', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 200 } }, { LOYALTY_PROGRAM_IDS: '2' });
  sim.set({ forbidden: { '/v1/loyalty_programs/{loyaltyProgramId}': 403 } });
  expect(await once()).toEqual([]);
  await expectLedgerStored(db(), sim, 2);
  expect(await db().value('select count(*) from talon_one_loyalty_transaction where program_id <> 2')).toBe(
    '0',
  );
  expect(Number(await db().value('select count(*) from talon_one_loyalty_reported_balance'))).toBeGreaterThan(
    0,
  );
});

test('programs named anew are copied from the next start on', async () => {
  const first = await startLoyalty(db(), {}, { LOYALTY_PROGRAM_IDS: '1' });
  await first.once();
  const controller = new AbortController();
  const next = await startLoyalty(db(), {}, { LOYALTY_PROGRAM_IDS: '2' });
  const running = next.runner().run(controller.signal);
  await eventually('the other program is there', async () => {
    const count = 'select count(*) from talon_one_loyalty_transaction where program_id = 2';
    return Number(await db().value(count)) > 0;
  });
  controller.abort();
  await running;
});

test('from run to run an idle program costs one request', async () => {
  const { sim, once } = await startLoyalty(db(), {}, { LOYALTY_PROGRAM_IDS: '2' });
  sim.addLoyaltyTransaction(2, {});
  await once();
  sim.resetStatistics();
  await once();
  expect(sim.requestCounts()['GET /v1/loyalty_programs/{loyaltyProgramId}/transactions']?.total).toBe(1);
});

test('a program that the API knows no more is asked for nothing and keeps its rows; a list cut short proves nothing', async () => {
  const { sim, once } = await startLoyalty(db());
  await once();
  const missing = () =>
    db().value('select count(*) from talon_one_loyalty_program where missing_since is not null');
  const empty = { type: 'status', status: 200, body: '{"totalResultSize":0,"data":[]}' } as const;
  const list = () => sim.addFault({ path: '/v1/loyalty_programs', times: 1, action: empty });
  list();
  await once();
  expect(await missing()).toBe('0');
  list();
  sim.addFault({ path: /loyalty_programs\/\d+$/, times: 2, action: { type: 'status', status: 404 } });
  await once();
  expect(await missing()).toBe('2');
  expect(Number(await db().value('select count(*) from talon_one_loyalty_transaction'))).toBeGreaterThan(0);
  await once();
  expect(await missing()).toBe('0');
});
