import { expect, test } from 'vitest';
import { withStatus } from './simulator/refusal.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { deploy } from './support/deployment.js';
import { importFile, paid, paidOnce, pointsFile } from './support/import-file.js';
import type { TestDatabase } from './support/postgres.js';

// Points that are sent twice are paid out twice: whatever happens to the program and to the connection, each row is in the
// ledger at most once, and the journal says what nobody knows.

const POINTS = '/v1/loyalty_programs/{loyaltyProgramId}/import_points';
const SESSIONS = '/v2/customer_sessions/{customerSessionId}';
const program = ['--program', '1', '--part-rows', '10'];
/** So that nobody waits long for a request that is held, nor for the lease of a process that was killed. */
const env = { REQUEST_TIMEOUT_SECONDS: '3', LEASE_SECONDS: '2' };
/** A program without a history of its own. */
const loyaltyPrograms = [{ id: 1, allowSubledger: false, history: false }];

test('points: killed after the upload was received, the part is looked up in the ledger and not sent again', async (context) => {
  const { simulator, database, start } = await deploy(context, { loyaltyPrograms });
  const words = ['import', 'loyalty-points', pointsFile(30), ...program];
  const hold = simulator.holdNext(({ template }) => template === POINTS && uploads(simulator) === 2);
  const killed = start(words, { env });
  await hold.held;
  await killed.end('SIGKILL');
  hold.release();
  expect(await states(database)).toEqual(['accepted', 'sent', 'planned']);

  const stopped = start(words, { env });
  expect(await stopped.ended).toMatchObject({ code: 1 });
  expect(stopped.stderr).toContain('part 2 (lines 12 to 21) is uncertain');
  expect(stopped.stderr).toContain('--verify');
  expect(uploads(simulator)).toBe(2);

  const early = start([...words, '--verify'], { env });
  const waiting = await early.waitForLine('waiting until the ledger must have what was sent');
  // A minute, and the look-back of two, less what has passed.
  expect(waiting.waitMs).toBeGreaterThan(60_000);
  expect(waiting.waitMs).toBeLessThanOrEqual(180_000);
  await early.end('SIGKILL');
  await letTimePass(database);
  const verified = start([...words, '--verify'], { env });
  expect([await verified.ended, verified.stderr]).toEqual([{ code: 0, signal: null }, '']);
  expect(await states(database)).toEqual(['accepted', 'accepted', 'planned']);
  expect(await start(words, { env }).ended).toMatchObject({ code: 0 });
  expect(paid(simulator)).toEqual(paidOnce(30));
}, 180_000);

test('points: the connection cut before the upload was read, the part is not in the ledger and is sent', async (context) => {
  const { simulator, database, start } = await deploy(context, { loyaltyPrograms });
  const words = ['import', 'loyalty-points', pointsFile(20), ...program];
  const refuse = simulator.onRequest(({ template }) => {
    if (template === POINTS) throw withStatus(503, 'not read');
  });
  simulator.addFault({ path: POINTS, action: { type: 'reset' } });
  const cut = start(words, { env });
  expect(await cut.ended).toMatchObject({ code: 1 });
  expect(cut.stderr).toContain('It may have been added, so it is not sent again');
  refuse();
  expect(await states(database)).toEqual(['uncertain', 'planned']);
  await letTimePass(database);
  expect(await start([...words, '--verify'], { env }).ended).toMatchObject({ code: 0 });
  expect(await states(database)).toEqual(['planned', 'planned']);
  expect(await start(words, { env }).ended).toMatchObject({ code: 0 });
  expect(paid(simulator)).toEqual(paidOnce(20));
});

test('sessions: killed in the middle, the next run sends each of them once and no accepted part again', async (context) => {
  const { simulator, start } = await deploy(context);
  const rows = Array.from({ length: 30 }, (_, index) => `order-${index},c-${index % 4},${index}`);
  const file = importFile('orders.csv', `sessionId,profileId,total\n${rows.join('\n')}\n`);
  const words = ['import', 'sessions', file, '--part-rows', '10', '--concurrency', '3'];
  const hold = simulator.holdNext(({ path }) => path.endsWith('/order-15'));
  const killed = start(words, { env });
  await hold.held;
  await killed.end('SIGKILL');
  hold.release();
  const finished = start(words, { env });
  expect([await finished.ended, finished.stderr]).toEqual([{ code: 0, signal: null }, '']);
  const { sessions } = simulator.imports;
  expect([...sessions.values()].map(({ updates }) => updates)).toEqual(Array(30).fill(1));
  const sent = simulator.requests.filter(({ template }) => template === SESSIONS).map(({ path }) => path);
  expect(sent.filter((path) => path.endsWith('/order-5'))).toHaveLength(1);
});

test('SIGTERM lets the part under way come to its end; the same command goes on after it', async (context) => {
  const { simulator, database, start } = await deploy(context, { loyaltyPrograms });
  const words = ['import', 'loyalty-points', pointsFile(30), ...program];
  const hold = simulator.holdNext(({ template }) => template === POINTS);
  const stopped = start(words, { env: { ...env, REQUEST_TIMEOUT_SECONDS: '60' } });
  await hold.held;
  stopped.send('SIGTERM');
  await stopped.waitForLine('stopping');
  hold.release();
  expect(await stopped.ended).toMatchObject({ code: 1 });
  expect(stopped.stderr).toContain('Stopped: 1 of 3 parts are imported.');
  expect(await states(database)).toEqual(['accepted', 'planned', 'planned']);
  expect(await start(words, { env }).ended).toMatchObject({ code: 0 });
  expect(paid(simulator)).toHaveLength(30);
});

function uploads(simulator: Simulator): number {
  return simulator.requestCounts()[`POST ${POINTS}`]?.total ?? 0;
}

async function states(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ state: string }>(
    'select state from talon_one_import_part order by import_id, part',
  );
  return rows.map(({ state }) => state);
}

/** So that what was sent must be visible in the ledger. */
async function letTimePass(database: TestDatabase): Promise<void> {
  await database.query(
    `update talon_one_import_part set sent_at = sent_at - interval '1 hour',
       answered_at = answered_at - interval '1 hour'`,
  );
}
