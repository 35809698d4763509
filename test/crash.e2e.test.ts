import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Dice } from './simulator/dice.js';
import { findDifferences, findHalfStored } from './support/copy-audit.js';
import { deploy } from './support/deployment.js';
import { openTransaction, waitUntilBlocked } from './support/open-transaction.js';
import type { TestDatabase } from './support/postgres.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

const API = '/v1/applications/{applicationId}';
const env = { LEASE_SECONDS: '1', PAGE_SIZE: '20' };

describe('kill -9 between the last page and the snapshots', () => {
  test.for(['customer_search', 'sessions'])(
    '%s: the next daemon fetches what is owed',
    async (what, context) => {
      const { simulator, database, start } = await deploy(context);
      const isAsked = (template: string | null) => template?.startsWith(`${API}/${what}`) === true;
      const hold = simulator.holdNext(({ template }) => isAsked(template));
      const daemon = start(['run'], { env });
      await hold.held;
      expect(await daemon.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
      expect(await countOwed(database)).toBeGreaterThan(0);
      expect(await countEvents(database)).toBe(300);

      const next = start(['run'], { env });
      await waitUntilNothingWrong(() => findDifferences(simulator, database));
      const cycle = await next.waitForLine('cycle finished');
      // So it is the owed rows that made it fetch them, and not events that were read once more.
      expect(cycle).toMatchObject({ eventsNew: 0, outcome: 'caught-up' });
    },
  );
});

test('kill -9 while a page is being written leaves neither the page nor its cursor', async (context) => {
  const { simulator, database, start } = await deploy(context);
  const hold = simulator.holdNext(({ template }) => template === `${API}/events/no_total`);
  const daemon = start(['run'], { env });
  await hold.held;
  const before = await readLastSync(database);
  const lock = await openTransaction(context, database, 'lock table talon_one_owed_snapshot');
  hold.release();
  await waitUntilBlocked(database, 'insert into talon_one_event');
  await daemon.end('SIGKILL');
  await lock.release();
  await waitFor('Postgres to roll back', async () => (await countDaemonConnections(database)) === 0);
  expect(await countEvents(database)).toBe(0);
  expect(await readLastSync(database)).toBe(before);
  start(['run'], { env });
  await waitUntilNothingWrong(() => findDifferences(simulator, database));
});

describe('kill -9 at some point of a back-fill', () => {
  test.for([1, 2, 3])('nothing is lost and nothing is stored twice (seed %i)', async (seed, context) => {
    const { simulator, database, start } = await deploy(context, { seed, applications: 2 });
    const dice = new Dice(seed);
    for (let kill = 1; kill <= 3; kill += 1) {
      const daemon = start(['run'], { env });
      const last = simulator.requests.at(-1)?.number ?? 0;
      const requests = 2 + dice.below(14);
      await simulator.waitForRequest(({ number }) => number >= last + requests, { timeoutMs: 60_000 });
      // Anything between the request and what is made of its answer.
      await delay(dice.below(40));
      await daemon.end('SIGKILL');
      expect(await findHalfStored(simulator, database)).toEqual([]);
    }
    start(['run'], { env });
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  });
});

async function countOwed(database: TestDatabase): Promise<number> {
  const [row] = await database.query<{ count: string }>('select count(*) from talon_one_owed_snapshot');
  return Number(row?.count);
}

async function countEvents(database: TestDatabase): Promise<number> {
  const [row] = await database.query<{ count: string }>('select count(*) from talon_one_event');
  return Number(row?.count);
}

async function readLastSync(database: TestDatabase): Promise<string | undefined> {
  const [row] = await database.query<{ at: string }>(
    'select last_sync::text as at from talon_one_sync_cursor',
  );
  return row?.at;
}

async function countDaemonConnections(database: TestDatabase): Promise<number> {
  const rows = await database.query(
    `select from pg_stat_activity where datname = $1 and application_name = 'talon-one-sync'`,
    [database.name],
  );
  return rows.length;
}
