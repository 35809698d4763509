import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { forgetLoyalty, startLoyalty } from './support/loyalty.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 6 });

beforeEach(() => forgetLoyalty(db()));

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

const moment = async () => String(await db().value('select clock_timestamp()::text'));

type Account = Record<string, unknown> & { holder: string; subledger_id: string };

test('balances from the stored transactions are what the API says, in every account and at every moment', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 900 } });
  for (const id of sim.loyaltyProgramIds) sim.emitLoyalty(id, 60);
  expect(await once()).toEqual([]);
  let compared = 0;
  for (const programId of sim.loyaltyProgramIds) {
    for (const at of [-400, -20, -1, 0, 1, 20, 400].map(daysFromNow)) {
      const rows = await db().rows<Account>(
        `select holder, subledger_id, active::float8, pending::float8, expired::float8, spent::float8, negative::float8
         from talon_one_loyalty_balances_at($2, $1)`,
        programId,
        at,
      );
      for (const { holder, subledger_id: subledgerId, ...balance } of rows) {
        expect(balance, `${holder} ${subledgerId} at ${at}`).toEqual(
          sim.loyaltyBalance(programId, holder, { at, subledgerId }),
        );
        compared += 1;
      }
    }
  }
  expect(compared).toBeGreaterThan(300);
  expect(await db().rows('select * from talon_one_loyalty_difference')).toEqual([]);
  expect(Number(await db().value('select count(*) from talon_one_loyalty_reported_balance'))).toBeGreaterThan(
    50,
  );
});

test("the projection computed here is the one Talon.One's own export gives for each of the coming days", async () => {
  const { sim, once } = await startLoyalty(
    db(),
    { history: { events: 150 } },
    { LOYALTY_PROJECTION_DAYS: '4' },
  );
  for (const id of sim.loyaltyProgramIds) {
    const holder = id === 1 ? { profile: 'ada' } : { card: 'card-ada' };
    sim.addLoyaltyTransaction(id, { ...holder, amount: 5, expiryDate: daysFromNow(1.5) });
    sim.addLoyaltyTransaction(id, { ...holder, amount: 7, startDate: daysFromNow(2), subledgerId: 'SUB' });
    sim.addLoyaltyTransaction(id, { ...holder, amount: 3, type: 'subtraction', subledgerId: 'SUB' });
  }
  expect(await once()).toEqual([]);
  const differing = await db().rows(
    `select * from talon_one_loyalty_balance_projection t
     left join talon_one_loyalty_projection p using (program_id, holder, subledger_id, day)
     where p.projected_balance is distinct from t.active or p.balance_at <> t.balance_at`,
  );
  expect(differing).toEqual([]);
  expect(
    Number(await db().value('select count(*) from talon_one_loyalty_balance_projection')),
  ).toBeGreaterThan(100);
  const days = await db().rows(
    `select sum(activating)::float8 as activating, sum(expiring)::float8 as expiring,
       max(projected_balance) filter (where day = (select max(day) from talon_one_loyalty_projection))::float8 as last
     from talon_one_loyalty_projection where holder = 'ada' group by subledger_id order by subledger_id`,
  );
  // What was spent without being there is paid off by what becomes active.
  expect(days).toEqual([
    { activating: 0, expiring: 5, last: 0 },
    { activating: 4, expiring: 0, last: 4 },
  ]);
  const broken = await db().rows(
    `select * from (
       select *, lag(projected_balance) over (partition by program_id, holder, subledger_id order by day) as before
       from talon_one_loyalty_projection) as p
     where before is not null and projected_balance <> before + activating - expiring`,
  );
  expect(broken).toEqual([]);
});

test('a day is one of the program, and points that expire at midnight are still there when it ends', async () => {
  const { sim, once } = await startLoyalty(db(), { history: { events: 0 } }, { LOYALTY_PROGRAM_IDS: '1' });
  expect(await once()).toEqual([]);
  const midnight = `(date_trunc('day', clock_timestamp() at time zone 'Europe/Berlin') + interval '3 days') at time zone 'Europe/Berlin'`;
  const expiryDate = String(
    await db().value(`to_char(${midnight} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`),
  );
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 5, expiryDate });
  expect(await once()).toEqual([]);
  const rows = await db().rows(
    `select (day - (clock_timestamp() at time zone 'Europe/Berlin')::date)::int as ahead, expiring::float8, projected_balance::float8 as balance
     from talon_one_loyalty_projected(5, 1, 'ada') order by day`,
  );
  expect(rows).toEqual([
    { ahead: 0, expiring: 0, balance: 5 },
    { ahead: 1, expiring: 0, balance: 5 },
    { ahead: 2, expiring: 0, balance: 5 },
    { ahead: 3, expiring: 5, balance: 0 },
    { ahead: 4, expiring: 0, balance: 0 },
  ]);
});

test('tiers and join dates are stored as sent, and as times', async () => {
  const { sim, once, nextDay } = await startLoyalty(db(), { history: { events: 0 } });
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 300 });
  sim.setLoyaltyTier(1, 'ada', { name: 'Gold', startDate: '2026-07-01T00:00:00Z' });
  sim.setLoyaltyJoinDate(1, 'ada', '2026-06-30T22:30:00Z');
  const read = async () => {
    expect(await once()).toEqual([]);
    const tiers = await db().rows(
      'select tier_name, start_date, starts_at::text, expires_at from talon_one_loyalty_reported_tier',
    );
    const joins = await db().rows(
      'select holder, join_date, joined_at::text from talon_one_loyalty_join_date',
    );
    return [...tiers, ...joins];
  };
  expect(await read()).toEqual([
    {
      tier_name: 'Gold',
      start_date: '2026-07-01T02:00:00+02:00',
      starts_at: '2026-07-01 00:00:00+00',
      expires_at: null,
    },
    { holder: 'ada', join_date: '2026-07-01T00:30:00+02:00', joined_at: '2026-06-30 22:30:00+00' },
  ]);
  sim.setLoyaltyTier(1, 'ada', { name: 'Silver', startDate: '2026-07-01T00:00:00Z' });
  expect(await read()).toMatchObject([{ tier_name: 'Gold' }, {}]);
  sim.set({ tierDates: 'goLayout' });
  await nextDay();
  expect(await read()).toMatchObject([
    { tier_name: 'Silver', start_date: '2026-07-01T02:00:00Z02:00', starts_at: expect.any(String) },
    { join_date: '2026-07-01T00:30:00Z02:00', joined_at: expect.any(String) },
  ]);
  expect(await db().value('select count(*) from talon_one_loyalty_tier_snapshot')).toBe('2');
});

test('a card balance with one value more than there are columns is read by the columns', async () => {
  const { sim, once } = await startLoyalty(db(), {
    history: { events: 0 },
    switches: { cardBalanceValues: 'nine' },
  });
  sim.addLoyaltyTransaction(2, { card: 'card-1', amount: '12.25' });
  expect(await once()).toEqual([]);
  expect(
    await db().rows('select holder, active::text, card_state, other from talon_one_loyalty_reported_balance'),
  ).toEqual([{ holder: 'card-1', active: '12.25', card_state: 'active', other: null }]);
});

test('an export that breaks off is never a reading: the rows of the last whole one count until the next', async () => {
  const { sim, once, nextDay, lines } = await startLoyalty(
    db(),
    { history: { events: 0 } },
    { LOYALTY_PROGRAM_IDS: '1' },
  );
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 1 });
  expect(await once()).toEqual([]);
  for (let number = 0; number < 1100; number += 1)
    sim.addLoyaltyTransaction(1, { profile: `cust-${number}`, amount: 2 });
  await nextDay();
  const fault = sim.addFault({
    path: /export_customer_balances/,
    times: Infinity,
    action: { type: 'cutBody', framing: 'chunked', share: 0.95 },
  });
  expect(await once()).toEqual([expect.stringContaining('loyalty-balances:1')]);
  const reported = () => db().value('select count(*) from talon_one_loyalty_reported_balance');
  expect(await reported()).toBe('1');
  expect(Number(await db().value('select count(*) from talon_one_loyalty_balance_snapshot'))).toBeGreaterThan(
    1000,
  );
  fault.remove();
  await nextDay();
  for (const type of ['html200', 'empty200'] as const) {
    sim.addFault({ path: /export_customer_balances/, action: { type } });
    expect(await once()).toEqual([expect.stringContaining('not with the whole CSV file')]);
    await nextDay();
  }
  expect(await once()).toEqual([]);
  expect(await reported()).toBe('1101');
  expect(await db().value('select count(*) from talon_one_loyalty_balance_snapshot')).toBe('1102');
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test.for([
  ['began before it was asked for: the export is read again', 2],
  ['began after it was asked for: that is the reading', 1],
] as const)('a reading on demand waits for that of a daemon, which %s', async ([when, readings]) => {
  const { sim, once, runner, nextDay, snapshotNow } = await startLoyalty(db());
  await once();
  await db().rows('truncate talon_one_loyalty_snapshot, talon_one_loyalty_balance_snapshot');
  await nextDay();
  const asked = await moment();
  const hold = sim.holdNext(({ path }) => path.endsWith('/1/export_customer_balances'));
  const stop = new AbortController();
  const daemon = runner('daemon').run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await daemon;
  });
  await hold.held;
  const since = when.includes('before') ? await moment() : asked;
  const command = snapshotNow({ kinds: ['balances'], programIds: ['1'], since });
  hold.release();
  expect(await command).toEqual([]);
  const [row] = await db().rows(
    `select count(*)::int as readings, count(finished_at)::int as complete
     from talon_one_loyalty_snapshot where program_id = 1 and kind = 'balances'`,
  );
  expect(row).toEqual({ readings, complete: readings });
  expect(
    await db().value(
      "select next_run_at > clock_timestamp() from talon_one_job where job = 'loyalty-balances:1'",
    ),
  ).toBe('true');
});

test('a reading on demand is made although it is not due, and a key that may not is told', async () => {
  const { sim, once, snapshotNow } = await startLoyalty(db());
  await once();
  sim.addFault({ path: /export_join_dates/, times: Infinity, action: { type: 'status', status: 403 } });
  const since = await moment();
  expect(await snapshotNow({ kinds: ['tiers', 'join-dates'], programIds: ['1', '2'], since })).toEqual([
    'loyalty-join-dates:1',
  ]);
  const read = await db().rows(
    'select program_id::int, kind from talon_one_loyalty_snapshot where fetched_at > $1 and finished_at is not null',
    since,
  );
  expect(read).toEqual([{ program_id: 1, kind: 'tiers' }]);
});

test('a server that computes an export for longer than a request may take is waited for', async () => {
  const environment = { LOYALTY_PROGRAM_IDS: '1', REQUEST_TIMEOUT_SECONDS: '1' };
  const { sim, once } = await startLoyalty(db(), { history: { events: 0 } }, environment);
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 1 });
  const slow = sim.addFault({
    path: /export_join_dates/,
    times: Infinity,
    action: { type: 'delay', ms: 1500 },
  });
  expect(await once()).toEqual([]);
  expect(slow.hits).toBe(1);
});

test('however much a reading left behind, it is removed in short transactions, and nothing else is', async () => {
  const { sim, once, nextDay } = await startLoyalty(
    db(),
    { history: { events: 0 } },
    { LOYALTY_PROGRAM_IDS: '1' },
  );
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: 1 });
  expect(await once()).toEqual([]);
  const { query } = db().database;
  await query(`
    insert into talon_one_loyalty_snapshot (program_id, kind, fetched_at) values (1, 'balances', '2026-01-01');
    insert into talon_one_loyalty_balance_snapshot (program_id, fetched_at, holder, subledger_id)
    select 1, '2026-01-01', n::text, '' from generate_series(1, 60000) as n;
    create table removed (transaction xid8, rows bigint);
    create function note_removed() returns trigger language plpgsql as $$
      begin insert into removed select pg_current_xact_id(), count(*) from gone; return null; end $$;
    create trigger note_removed after delete on talon_one_loyalty_balance_snapshot
      referencing old table as gone for each statement execute function note_removed()`);
  onTestFinished(async () => void (await query('drop function note_removed cascade; drop table removed')));
  await nextDay();
  expect(await once()).toEqual([]);
  const removed = await db().rows(
    'select sum(rows)::int as rows from removed group by transaction order by transaction',
  );
  expect(removed).toEqual([{ rows: 50_000 }, { rows: 10_000 }]);
  const left = await db().rows(
    `select (select count(*)::int from talon_one_loyalty_balance_snapshot) as rows,
       (select count(*)::int from talon_one_loyalty_snapshot where finished_at is null) as unfinished`,
  );
  expect(left).toEqual([{ rows: 2, unfinished: 0 }]);
});

test('an account that differs from what is reported shows in the reconciliation', async () => {
  const { sim, once } = await startLoyalty(db());
  sim.addLoyaltyTransaction(1, { profile: 'ada', amount: '5.25', transactionUUID: 'lost' });
  expect(await once()).toEqual([]);
  const differences = () =>
    db().rows('select holder, reported_active::text, ledger_active::text from talon_one_loyalty_difference');
  expect(await differences()).toEqual([]);
  await db().rows(`delete from talon_one_loyalty_transaction where transaction_uuid = 'lost'`);
  expect(await differences()).toEqual([{ holder: 'ada', reported_active: '5.25', ledger_active: null }]);
});
