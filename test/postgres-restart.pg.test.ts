import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { codeOf } from '../src/warehouse/sqlstate.js';
import { type OwnPostgres, startOwnPostgres } from './support/own-postgres.js';
import { eventuallyInSync } from './support/stored.js';
import { type LogLine, runScheduler, startSync, type TestSync, testLog } from './support/sync.js';
import { eventually, TestWarehouse } from './support/warehouse.js';

let postgres: OwnPostgres;
let db: TestWarehouse;

beforeAll(async () => {
  postgres = await startOwnPostgres({ maxConnections: 16 });
  db = await TestWarehouse.at(postgres.url);
});

afterAll(async () => {
  await db?.close();
  await postgres?.remove();
});

/** A scheduler that runs to the end of the test, and what it logs. */
async function startRunning(): Promise<{ sync: TestSync; lines: LogLine[] }> {
  const { log, lines } = testLog();
  const sync = await startSync(db, { events: 60, log, environment: { LEASE_SECONDS: '1', PAGE_SIZE: '25' } });
  runScheduler(sync.scheduler());
  await eventuallyStored(sync);
  return { sync, lines };
}

const eventuallyStored = (sync: TestSync) => eventuallyInSync(db, sync.sim, sync.applicationId);

test.each([
  ['is stopped at once', () => postgres.stopImmediately()],
  ['crashes', () => postgres.crash()],
])('when Postgres %s, the sync comes back by itself once it is there again', async (_case, end) => {
  const { sync, lines } = await startRunning();
  const before = lines.length;
  await end();
  sync.sim.emit(sync.number, 40);
  await eventually('the sync has noticed', async () =>
    lines.slice(before).some((line) => line.err !== undefined),
  );
  await postgres.start();
  await eventuallyStored(sync);
  // Trouble this short is information.
  expect(lines.filter((line) => line.level === 'error')).toEqual([]);
});

test('when Postgres has no connection left, the sync waits until there is one', async () => {
  const { sync, lines } = await startRunning();
  const clients: pg.Client[] = [];
  onTestFinished(() => Promise.all(clients.map((client) => client.end())).then(() => {}));
  // One is kept for what the test asks.
  const asking = await db.database.pool.connect();
  onTestFinished(() => asking.release());
  for (;;) {
    const client = new pg.Client({ connectionString: postgres.url, application_name: 'crowd' });
    client.on('error', () => {});
    const error = await client.connect().then(
      () => undefined,
      (caught: unknown) => caught,
    );
    if (error === undefined) clients.push(client);
    else {
      expect(codeOf(error)).toBe('53300');
      break;
    }
  }
  const others = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'talon-one-sync'`;
  sync.sim.emit(sync.number, 5);
  const isRefused = async () => {
    await asking.query(others);
    const free = new pg.Client({ connectionString: postgres.url, application_name: 'crowd' });
    free.on('error', () => {});
    await free.connect().then(
      () => clients.push(free),
      () => {},
    );
    return lines.some((line) => codeOf(line.err) === '53300');
  };
  await eventually('the sync was refused a connection', isRefused);
  for (const client of clients.splice(0)) await client.end();
  await eventuallyStored(sync);
});
