import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Umzug, UmzugStorage } from 'umzug';
import { UserError } from '../errors.js';
import { packageRoot } from '../package-info.js';
import type { Client } from './pool.js';
import { quoteIdentifier, type Warehouse } from './warehouse.js';

const MIGRATION_TIMEOUT_MS = 30 * 60_000;
/** No lease hangs on it, and a machine under load may take seconds to load what runs the files. */
const MIGRATION_IDLE_MS = 60_000;

/**
 * Brings the schema to this program's state and returns the names of the migrations that ran. All of them run in one
 * transaction under one transaction-level lock: any number of processes may start at once, and one that fails leaves
 * nothing half done.
 * @throws UserError when the schema was made by a newer program, or the role may not create what is needed
 */
export async function migrate(
  warehouse: Warehouse,
  folder = join(packageRoot(), 'migrations'),
): Promise<string[]> {
  // A role that may not create anything can start the daemon all the same, once another has run the migrations.
  if (await isMigrated(warehouse, folder)) return [];
  // Loaded only when there is something to run: it is large, and most starts find a schema that is up to date. Before
  // the transaction, so that nobody waits for its lock meanwhile.
  const umzug = await import('umzug');
  return warehouse.transaction(
    async (client) => {
      await client.query(`select pg_advisory_xact_lock(hashtext('talon_one_migration'), hashtext($1))`, [
        warehouse.schema,
      ]);
      // Another process may have been quicker.
      if (await isCurrent(client, folder)) return [];
      await createSchema(client, warehouse.schema);
      await client.query(CREATE_TABLE);
      const ran = await runner(umzug, client, folder).up();
      return ran.map((migration) => migration.name);
    },
    {
      statementMs: MIGRATION_TIMEOUT_MS,
      lockMs: MIGRATION_TIMEOUT_MS,
      idleInTransactionMs: MIGRATION_IDLE_MS,
    },
  );
}

const CREATE_TABLE = `
  create table if not exists talon_one_migration (
    name text primary key,
    applied_at timestamptz not null default clock_timestamp()
  );
  comment on table talon_one_migration is 'Migrations of this schema that have run';
  comment on column talon_one_migration.name is 'File name in the folder migrations';
  comment on column talon_one_migration.applied_at is 'When it ran';`;

/**
 * Whether the schema is exactly at this program's state.
 * @throws UserError when it was made by a newer program
 */
export async function isMigrated(
  warehouse: Warehouse,
  folder = join(packageRoot(), 'migrations'),
): Promise<boolean> {
  return warehouse.transaction((client) => isCurrent(client, folder));
}

async function isCurrent(client: Client, folder: string): Promise<boolean> {
  const table = await client.query(`select to_regclass('talon_one_migration') is not null as present`);
  if (!table.rows[0].present) return false;
  const applied = await appliedMigrations(client);
  const files = filesOf(folder);
  refuseNewerSchema(applied, files);
  return files.every((name) => applied.includes(name));
}

// `create schema if not exists` demands the right to create even when the schema is there.
async function createSchema(client: Client, schema: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [schema]);
  if (rowCount === 0) await client.query(`create schema ${quoteIdentifier(schema)}`);
}

function refuseNewerSchema(applied: readonly string[], files: readonly string[]): void {
  const unknown = applied.filter((name) => !files.includes(name));
  if (unknown.length === 0) return;
  throw new UserError(
    `The warehouse schema is newer than this program: it has ${unknown.join(', ')}, which this version does not know. Deploy the newer version again.`,
  );
}

function runner({ Umzug }: typeof import('umzug'), client: Client, folder: string): Umzug<Client> {
  return new Umzug<Client>({
    migrations: filesOf(folder).map((name) => ({
      name,
      up: async () => {
        await client.query(readFileSync(join(folder, name), 'utf8'));
      },
    })),
    context: client,
    storage: tableStorage(client),
    logger: undefined,
  });
}

function tableStorage(client: Client): UmzugStorage<Client> {
  return {
    logMigration: async ({ name }) => {
      await client.query('insert into talon_one_migration (name) values ($1)', [name]);
    },
    unlogMigration: async () => {
      throw new Error('migrations only go forward');
    },
    executed: () => appliedMigrations(client),
  };
}

async function appliedMigrations(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select name from talon_one_migration order by name');
  return rows.map((row) => row.name);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort();
}
