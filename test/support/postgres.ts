import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { openConnections, supportName, urlOf, withAdmin } from './admin.js';

// Databases for tests: a fresh one for each call, in the Postgres that global-setup.ts started.

export interface TestDatabase {
  url: string;
  name: string;
  /** For arranging and asserting; not counted as left open. */
  pool: pg.Pool;
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Removes the database. Fails when the code under test left connections to it open. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Clones the database from a template that this function filled, once in a test run. */
  migrateDatabase?: (url: string) => Promise<void>;
  /** Tells templates apart, where there are several. */
  templateKey?: string;
}

export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { adminUrl, runId } = injectPostgres();
  const { migrateDatabase, templateKey } = options;
  const template = migrateDatabase && (await prepareTemplate(adminUrl, migrateDatabase, templateKey));
  const name = `test_${runId}_${randomBytes(5).toString('hex')}`;
  const clone = template ? ` template ${template}` : '';
  await withAdmin(adminUrl, (admin) => admin.query(`create database ${name}${clone}`));
  const url = urlOf(adminUrl, name);
  const pool = new pg.Pool({ connectionString: url, max: 4, application_name: supportName });
  // Tests end connections on purpose.
  pool.on('error', () => {});
  return {
    url,
    name,
    pool,
    query: async <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
      (await pool.query<Row>(text, values)).rows,
    drop: async () => {
      await pool.end();
      await withAdmin(adminUrl, (admin) => dropDatabase(admin, name));
    },
  };
}

/** The template of this run, filled by the first worker that asks; the others wait. Returns its name. */
export async function prepareTemplate(
  adminUrl: string,
  migrateDatabase: (url: string) => Promise<void>,
  key = 'migrated',
): Promise<string> {
  const name = `test_${injectPostgres().runId}_template_${key.replaceAll('-', '_')}`;
  return withAdmin(adminUrl, async (admin) => {
    // Held by the session: it ends with it, also when migrating fails.
    await admin.query('select pg_advisory_lock(hashtext($1))', [name]);
    const ready = await admin.query('select from pg_database where datname = $1 and datistemplate', [name]);
    if (ready.rowCount) return name;
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.query(`create database ${name}`);
    await migrateDatabase(urlOf(adminUrl, name));
    const open = await openConnections(admin, name);
    if (open.length > 0) throw new Error(`migrating left connections open: ${open.join(', ')}`);
    await admin.query(`alter database ${name} with is_template true allow_connections false`);
    return name;
  });
}

/** Ends the connections to the database, those of the test itself excepted, and returns how many there were. */
export async function terminateConnections(database: TestDatabase, where = 'true'): Promise<number> {
  const { rowCount } = await withAdmin(injectPostgres().adminUrl, (admin) =>
    admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and application_name <> $2 and (${where})`,
      [database.name, supportName],
    ),
  );
  return rowCount ?? 0;
}

/** Makes the database refuse writes, or take them again, to everybody but the test itself. */
export async function setReadOnly(database: TestDatabase, readOnly: boolean): Promise<void> {
  await withAdmin(injectPostgres().adminUrl, (admin) =>
    admin.query(`alter database ${database.name} set default_transaction_read_only = ${readOnly}`),
  );
  await terminateConnections(database);
}

async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  const open = await openConnections(admin, name);
  await admin.query(`drop database ${name} with (force)`);
  if (open.length > 0) throw new Error(`the test left ${open.length} connections open: ${open.join(', ')}`);
}

function injectPostgres(): { adminUrl: string; runId: string } {
  const postgres = inject('testPostgres');
  if (!postgres) throw new Error('This test needs Postgres: call the file *.pg.test.ts or *.e2e.test.ts');
  return postgres;
}
