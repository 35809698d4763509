import { describe, expect, type TestContext, test } from 'vitest';
import { findDifferences, findHalfStored } from './support/copy-audit.js';
import type { Daemon } from './support/daemon.js';
import { type Deployment, deploy } from './support/deployment.js';
import { openTransaction, waitUntilBlocked } from './support/open-transaction.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

// Everything takes an hour: were a wait not ended or a lease not given back, it would last longer than any test.
const env = { LEASE_SECONDS: '3600', SYNC_INTERVAL_SECONDS: '3600', PAGE_SIZE: '50' };

const API = '/v1/applications/{applicationId}';
const EVENTS = `${API}/events/no_total`;

/** Starts a daemon and resolves when it is in the phase. */
type Phase = (deployment: Deployment) => Promise<Daemon>;

/** The answer to the first such request is kept back until the daemon has gone. */
const whileAsking =
  (template: string): Phase =>
  async ({ simulator, start }) => {
    const hold = simulator.holdNext((request) => request.template?.startsWith(template) === true);
    const daemon = start(['run'], { env });
    await hold.held;
    return daemon;
  };

const phases: Record<string, Phase> = {
  'waiting for the list of Applications': whileAsking('/v1/applications'),
  'waiting for a page of events': whileAsking(EVENTS),
  'waiting for profiles': whileAsking(`${API}/customer_search`),
  'waiting for sessions': whileAsking(`${API}/sessions`),
  'reading an answer that never ends': async ({ simulator, start }) => {
    const drip = simulator.addFault({ path: EVENTS, after: 2, action: { type: 'dripBody' } });
    const daemon = start(['run'], { env });
    await waitFor('the endless answer', () => drip.hits > 0);
    return daemon;
  },
  'told to try again in an hour': async ({ simulator, start }) => {
    const headers = { 'Retry-After': '3600' };
    simulator.addFault({ path: EVENTS, after: 2, action: { type: 'status', status: 429, headers } });
    const daemon = start(['run'], { env });
    await daemon.waitForLine('request failed, trying again');
    return daemon;
  },
  'waiting for the request budget': async ({ simulator, start }) => {
    const daemon = start(['run'], { env: { ...env, REQUESTS_PER_SECOND: '0.01' } });
    const isAnswered = () => simulator.requestCounts()[`GET ${EVENTS}`]?.byStatus[200] === 1;
    await waitFor('the answer that uses up the budget', isAnswered);
    return daemon;
  },
  'sleeping between two cycles': async ({ start }) => {
    const daemon = start(['run'], { env });
    await daemon.waitForLine('cycle finished');
    return daemon;
  },
};

describe.concurrent('SIGTERM ends the daemon with 0, with nothing half stored and the lease given back', () => {
  test.for(Object.entries(phases))('while %s', async ([, reach], context) => {
    const deployment = await deploy(context);
    const daemon = await reach(deployment);
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    await expectCleanEnd(deployment, daemon);
  });
});

describe('SIGTERM while starting', () => {
  test('ends with exit code 0 as soon as the daemon has said its first word', async (context) => {
    const { start } = await deploy(context);
    const daemon = start(['run']);
    await daemon.waitForLine('starting');
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(daemon.stderr).toBe('');
  });

  test('ends with exit code 0 while Postgres is being waited for', async (context) => {
    const { start } = await deploy(context);
    const daemon = start(['run'], { env: { DATABASE_URL: 'postgresql://somebody@127.0.0.1:1/nothing' } });
    await daemon.waitForLine('Postgres cannot be reached yet');
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('ends with exit code 0 in the time allowed while another process migrates', async (context) => {
    const { simulator, database, start } = await deploy(context, { emptyDatabase: true });
    const other = await openTransaction(
      context,
      database,
      `select pg_advisory_xact_lock(hashtext('talon_one_migration'), hashtext('public'))`,
    );
    const daemon = start(['run'], { env: { SHUTDOWN_TIMEOUT_SECONDS: '0.5' } });
    await waitUntilBlocked(database, 'pg_advisory_xact_lock');
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    await other.release();
    expect(await start(['once']).ended).toMatchObject({ code: 0 });
    expect(await findDifferences(simulator, database)).toEqual([]);
  });
});

describe('SIGTERM while a page is being written', () => {
  test('lets the page be finished, together with its cursor', async (context) => {
    const blocked = await blockPage(context, env);
    blocked.daemon.send('SIGTERM');
    await blocked.daemon.waitForLine('stopping');
    await blocked.lock.release();
    expect(await blocked.daemon.ended).toEqual({ code: 0, signal: null });
    await expectCleanEnd(blocked.deployment, blocked.daemon);
  });

  test('gives up a page that cannot be finished within SHUTDOWN_TIMEOUT_SECONDS', async (context) => {
    const { deployment, daemon, lock } = await blockPage(context, {
      LEASE_SECONDS: '2',
      SHUTDOWN_TIMEOUT_SECONDS: '0.5',
    });
    const { simulator, database, start } = deployment;
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    const last = { msg: 'not everything stopped in time, ending anyway', timeoutMs: 500 };
    expect(daemon.lines.at(-1)).toMatchObject(last);
    await lock.release();
    expect(await findHalfStored(simulator, database)).toEqual([]);
    start(['run']);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  });

  test.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second signal, %s, ends at once with exit code %i', async ([second, code], context) => {
    const { deployment, daemon } = await blockPage(context, env);
    daemon.send('SIGTERM');
    await daemon.waitForLine('stopping');
    expect(await daemon.end(second)).toEqual({ code, signal: null });
    expect(await findHalfStored(deployment.simulator, deployment.database)).toEqual([]);
  });
});

test('SIGINT stops the daemon as SIGTERM does', async (context) => {
  const deployment = await deploy(context);
  const daemon = deployment.start(['run'], { env });
  await daemon.waitForLine('cycle finished');
  expect(await daemon.end('SIGINT')).toEqual({ code: 0, signal: null });
  await expectCleanEnd(deployment, daemon);
});

test('SIGTERM ends once with exit code 0, before it has caught up', async (context) => {
  const deployment = await deploy(context);
  const hold = deployment.simulator.holdNext((request) => request.template === EVENTS);
  const daemon = deployment.start(['once'], { env });
  await hold.held;
  expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(daemon.linesOf('all Applications are up to date')).toEqual([]);
  expect(await findHalfStored(deployment.simulator, deployment.database)).toEqual([]);
});

/** It stopped by itself, what it stored is whole, and the next daemon need not wait for a lease to run out. */
async function expectCleanEnd({ simulator, database, start }: Deployment, daemon: Daemon): Promise<void> {
  expect(daemon.lines.at(-1)).toMatchObject({ msg: 'stopped' });
  expect(daemon.stderr).toBe('');
  expect(await findHalfStored(simulator, database)).toEqual([]);
  simulator.emit(1, 10);
  await database.query('update talon_one_sync_cursor set next_cycle_at = clock_timestamp()');
  start(['run'], { env });
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
}

/** A daemon whose first page waits for the cursor row, which somebody else has locked. */
async function blockPage(context: TestContext, settings: Record<string, string>) {
  const deployment = await deploy(context);
  const { simulator, database, start } = deployment;
  const hold = simulator.holdNext((request) => request.template === EVENTS);
  const daemon = start(['run'], { env: settings });
  await hold.held;
  const lock = await openTransaction(context, database, 'select from talon_one_sync_cursor for update');
  hold.release();
  await waitUntilBlocked(database, 'update talon_one_sync_cursor');
  return { deployment, daemon, lock };
}
