import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { urlOf, withAdmin } from './support/admin.js';
import { findDifferences, findHalfStored } from './support/copy-audit.js';
import { deploy } from './support/deployment.js';
import { readHealth } from './support/health.js';
import { type OwnPostgres, startOwnPostgres } from './support/own-postgres.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

let postgres: OwnPostgres;

beforeAll(async () => {
  postgres = await startOwnPostgres();
});

// Whatever the test before has left.
beforeEach(() => postgres.start());

afterAll(() => postgres.remove());

describe('Postgres', () => {
  test('restarted under the running daemon is found again; meanwhile /readyz says why it is not ready', async (context) => {
    const { simulator, start } = await deploy(context);
    const database = await createDatabase(context);
    const daemon = start(['run'], { env: { DATABASE_URL: database.url } });
    const url = await daemon.healthUrl();
    await waitUntilNothingWrong(() => findDifferences(simulator, database));

    await postgres.stopImmediately();
    await daemon.waitForLine('schedule could not be read');
    const answer = await readHealth(`${url}/readyz`);
    expect(answer).toMatchObject({ status: 503, body: { status: 'not ready' } });
    expect(JSON.stringify(answer.body)).toContain('Postgres does not answer');
    expect(await readHealth(`${url}/livez`)).toMatchObject({ status: 200 });
    simulator.emit(1, 30);
    await postgres.start();
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    await waitFor('readiness', async () => (await readHealth(`${url}/readyz`)).status === 200);
    expect(daemon.hasEnded).toBe(false);
    expect(daemon.stderr).toBe('');
  });

  test('crashing in the middle of a back-fill costs nothing', async (context) => {
    const { simulator, start } = await deploy(context);
    const database = await createDatabase(context);
    const daemon = start(['run'], { env: { DATABASE_URL: database.url, PAGE_SIZE: '20' } });
    await waitFor('some pages', async () => {
      const count = await countEvents(database);
      return count >= 60;
    });
    await postgres.crash();
    await postgres.start();
    expect(await findHalfStored(simulator, database)).toEqual([]);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    expect(daemon.hasEnded).toBe(false);
  });

  test('that is not there at the start is waited for; /readyz says so and /livez is fine', async (context) => {
    const { simulator, start } = await deploy(context);
    const database = await createDatabase(context);
    await postgres.stopImmediately();
    const daemon = start(['run'], { env: { DATABASE_URL: database.url } });
    const url = await daemon.healthUrl();
    await daemon.waitForLine('Postgres cannot be reached yet');
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 503,
      body: { status: 'not ready', reasons: ['Postgres is not prepared yet'] },
    });
    expect(await readHealth(`${url}/livez`)).toEqual({ status: 200, body: { status: 'alive' } });
    expect(simulator.requests).toEqual([]);
    await postgres.start();
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    await waitFor('readiness', async () => (await readHealth(`${url}/readyz`)).status === 200);
  });

  test('that is not there makes once and migrate fail with one clear line', async (context) => {
    const { start } = await deploy(context);
    const database = await createDatabase(context);
    await postgres.stopImmediately();
    for (const command of ['once', 'migrate']) {
      const daemon = start([command], { env: { DATABASE_URL: database.url } });
      expect(await daemon.ended).toMatchObject({ code: 1 });
      expect(daemon.stderr).toMatch(
        /^Postgres cannot be reached: .*Check host and port in DATABASE_URL\.\n$/,
      );
    }
  });
});

interface OwnDatabase {
  url: string;
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
}

async function createDatabase(context: TestContext): Promise<OwnDatabase> {
  const name = `own_${randomBytes(5).toString('hex')}`;
  await withAdmin(postgres.url, (admin) => admin.query(`create database ${name}`));
  const url = urlOf(postgres.url, name);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  context.onTestFinished(() => pool.end());
  return {
    url,
    query: async <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
      (await pool.query<Row>(text, values)).rows,
  };
}

async function countEvents(database: OwnDatabase): Promise<number> {
  const [table] = await database.query<{ present: boolean }>(
    `select to_regclass('talon_one_event') is not null as present`,
  );
  if (!table?.present) return 0;
  const [row] = await database.query<{ count: number }>('select count(*)::int as count from talon_one_event');
  return row?.count ?? 0;
}
