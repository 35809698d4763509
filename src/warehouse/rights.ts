import type { Client } from './pool.js';
import { quoteIdentifier, type Warehouse } from './warehouse.js';

export interface DatabaseFacts {
  /** Such as 160004. */
  readonly version: number;
  readonly versionText: string;
  readonly role: string;
  readonly encoding: string;
  readonly isReadOnly: boolean;
  readonly usesTls: boolean;
  readonly schemaExists: boolean;
  /** Tables of ours in the schema that the role may not read and write. */
  readonly forbiddenTables: readonly string[];
  /** Tables of ours that the role does not own: it cannot migrate them. */
  readonly foreignTables: readonly string[];
  /** Whether the role may call the function that makes partitions, and the function's owner may make them. */
  readonly canMakePartitions: boolean;
  /** Milliseconds since 1970 on the database's clock. */
  readonly clockMs: number;
}

const LIMITS = { statementMs: 10_000, lockMs: 2_000 };

/** What `check` wants to know of the database; changes nothing. */
export async function readDatabaseFacts(warehouse: Warehouse): Promise<DatabaseFacts> {
  return warehouse.transaction(async (client) => {
    const { rows } = await client.query<Record<string, string | boolean | null>>(
      `select current_setting('server_version_num') as version, current_setting('server_version') as version_text,
         current_user as role, current_setting('server_encoding') as encoding,
         current_setting('transaction_read_only') = 'on' or pg_is_in_recovery() as read_only,
         coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as tls,
         exists (select from pg_namespace where nspname = $1) as schema_exists,
         exists (
           select from pg_proc p join pg_namespace n on n.oid = pronamespace
           where nspname = $1 and proname = 'talon_one_create_partitions' and has_function_privilege(p.oid, 'execute')
             and has_schema_privilege(proowner, n.oid, 'create')
         ) as makes_partitions,
         round(extract(epoch from clock_timestamp()) * 1000)::text as clock_ms`,
      [warehouse.schema],
    );
    const row = rows[0] ?? {};
    const tables = await client.query<{ name: string; writable: boolean; owned: boolean }>(
      // One call each: of a list of privileges, any single one suffices.
      `select relname as name,
         has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
           and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete') as writable,
         pg_has_role(relowner, 'usage') as owned
       from pg_class c where relnamespace = (select oid from pg_namespace where nspname = $1)
         and relkind in ('r', 'p') and relname like 'talon\\_one\\_%' order by relname`,
      [warehouse.schema],
    );
    return {
      version: Number(row.version),
      versionText: String(row.version_text),
      role: String(row.role),
      encoding: String(row.encoding),
      isReadOnly: row.read_only === true,
      usesTls: row.tls === true,
      schemaExists: row.schema_exists === true,
      forbiddenTables: tables.rows.filter((table) => !table.writable).map((table) => table.name),
      foreignTables: tables.rows.filter((table) => !table.owned).map((table) => table.name),
      canMakePartitions: row.makes_partitions === true,
      clockMs: Number(row.clock_ms),
    };
  }, LIMITS);
}

class UndoError extends Error {}

/**
 * Tries to create what the first start creates (the schema if it is missing, and a table in it), and takes it back.
 * @throws what Postgres says when the role may not
 */
export async function tryToCreate(warehouse: Warehouse): Promise<void> {
  const attempt = async (client: Client) => {
    const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [
      warehouse.schema,
    ]);
    if (rowCount === 0) await client.query(`create schema ${quoteIdentifier(warehouse.schema)}`);
    await client.query('create table talon_one_check (id bigint)');
    throw new UndoError();
  };
  await warehouse.transaction(attempt, LIMITS).catch((error: unknown) => {
    if (!(error instanceof UndoError)) throw error;
  });
}
