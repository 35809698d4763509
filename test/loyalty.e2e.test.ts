import { expect, test } from 'vitest';
import { findDifferences } from './support/copy-audit.js';
import { deploy } from './support/deployment.js';
import { findLedgerDifferences } from './support/ledger-audit.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

const TRANSACTIONS = '/v1/loyalty_programs/{loyaltyProgramId}/transactions';
const env = { LOYALTY_SYNC: 'true' };

test('the daemon keeps loyalty up to date; kill -9 in the middle loses nothing and doubles nothing', async (context) => {
  const { simulator, database, start } = await deploy(context, { history: { events: 900 } });
  const [, second] = simulator.loyaltyProgramIds;
  // Held at a page that is not the first of its ledger.
  const hold = simulator.holdNext(
    ({ template, query }) => template === TRANSACTIONS && /skip=[1-9]/.test(query),
  );
  const small = { ...env, PAGE_SIZE: '20' };
  const first = start(['run'], { env: small });
  await hold.held;
  await first.end('SIGKILL');
  hold.release();
  const next = start(['run'], { env: small });
  await waitUntilNothingWrong(() => findLedgerDifferences(simulator, database));
  simulator.emitLoyalty(second ?? 0, 30);
  simulator.set({ clockOffsetMs: 2_000 });
  await waitUntilNothingWrong(() => findLedgerDifferences(simulator, database));
  const finished = await next.waitForLine(
    'job finished',
    ({ job, transactionsNew }) => job === `loyalty-transactions:${second}` && transactionsNew === 30,
  );
  expect(finished).toMatchObject({ outcome: 'done', level: 'info' });
  const reported = () =>
    database.query(
      'select distinct program_id::int as id from talon_one_loyalty_reported_balance order by 1',
    );
  await waitFor('the first daily balances', async () => (await reported()).length === 2);
  expect(next.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a loyalty endpoint that hangs does not hold up the events', async (context) => {
  const { simulator, database, start } = await deploy(context);
  simulator.addFault({ path: /loyalty_programs/, times: Infinity, action: { type: 'stall' } });
  const daemon = start(['run'], { env });
  await simulator.waitForRequest(({ path }) => path.includes('loyalty_programs'), { includePast: true });
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
  simulator.emit(1, 10);
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
  expect(await daemon.end()).toEqual({ code: 0, signal: null });
});

test('of two replicas one writes a ledger; when it is killed the other goes on', async (context) => {
  const { simulator, database, start } = await deploy(context, { history: { events: 200 } });
  const replicas = [start(['run'], { env }), start(['run'], { env })];
  await waitUntilNothingWrong(() => findLedgerDifferences(simulator, database));
  const names = await Promise.all(
    replicas.map(async (replica) => (await replica.waitForLine('starting')).owner),
  );
  const ownerOf = async () => {
    const [row] = await database.query<{ owner: string }>(
      `select lease_owner as owner from talon_one_job where job = 'loyalty-transactions:1'`,
    );
    return row?.owner;
  };
  const { held, release } = simulator.holdNext(({ path }) =>
    path.endsWith('loyalty_programs/1/transactions'),
  );
  await held;
  const owner = await ownerOf();
  await replicas[names.indexOf(owner)]?.end('SIGKILL');
  release();
  simulator.emitLoyalty(1, 10);
  await waitUntilNothingWrong(() => findLedgerDifferences(simulator, database));
  expect(await ownerOf()).not.toBe(owner);
  const [row] = await database.query(
    `select count(*)::int as transactions, count(distinct transaction_uuid)::int as uuids
     from talon_one_loyalty_transaction where program_id = 1`,
  );
  expect(row?.transactions).toBe(row?.uuids);
});

test('once copies loyalty before it ends', async (context) => {
  const { simulator, database, start } = await deploy(context);
  expect(await start(['once'], { env }).ended).toEqual({ code: 0, signal: null });
  expect(await findLedgerDifferences(simulator, database)).toEqual([]);
  expect(await database.query('select * from talon_one_loyalty_difference')).toEqual([]);
  simulator.addFault({ path: /export_join_dates/, times: Infinity, action: { type: 'status', status: 400 } });
  await database.query(`update talon_one_job set next_run_at = clock_timestamp()`);
  const failed = start(['once'], { env });
  expect(await failed.ended).toEqual({ code: 1, signal: null });
  expect(failed.stderr).toContain('loyalty-join-dates:1');
});

test('snapshot-loyalty reads balances, tiers and join dates at once, or only what is asked for', async (context) => {
  const { database, start } = await deploy(context);
  const readings = async () =>
    (
      await database.query<{ reading: string }>(
        `select program_id || ' ' || kind as reading from talon_one_loyalty_snapshot
         where finished_at is not null and row_count > 0 order by 1`,
      )
    ).map(({ reading }) => reading);
  // The daily jobs of a daemon are off here: what is asked for is read all the same.
  const all = start(['snapshot-loyalty']);
  expect(await all.ended, all.describe()).toEqual({ code: 0, signal: null });
  const everything = ['1 balances', '1 join-dates', '1 tiers', '2 balances'];
  expect(await readings()).toEqual(everything);
  const some = start(['snapshot-loyalty', '--program', '1', '--kind', 'tiers', 'balances']);
  expect(await some.ended, some.describe()).toEqual({ code: 0, signal: null });
  expect(await readings()).toEqual([...everything, '1 balances', '1 tiers'].sort());
  const unknown = start(['snapshot-loyalty', '--program', '77']);
  expect(await unknown.ended).toEqual({ code: 1, signal: null });
  expect(unknown.stderr).toContain('The API lists no such loyalty program: 77.');
  const cards = start(['snapshot-loyalty', '--program', '2', '--kind', 'tiers']);
  expect(await cards.ended).toEqual({ code: 1, signal: null });
  expect(cards.stderr).toContain('programs on cards have neither tiers nor join dates');
});
