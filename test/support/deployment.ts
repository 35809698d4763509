import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, type TestContext } from 'vitest';
import type { SimulatorOptions } from '../simulator/options.js';
import { startSimulator } from '../simulator/simulator.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { withAdmin } from './admin.js';
import { Daemon, type DaemonOptions } from './daemon.js';
import { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from './postgres.js';
import { migrateUrl } from './warehouse.js';

// What a data engineer has: the API (simulated), a database with a role of its own, and daemons between them. It goes
// with the test, whatever is still running.

export interface Deployment {
  readonly simulator: Simulator;
  readonly database: TestDatabase;
  /** The role that owns the database. */
  readonly role: DatabaseRole;
  /** Environment of a daemon, written out. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts the program; variables set to undefined are left out. */
  start(words?: readonly string[], options?: StartOptions): Daemon;
}

export interface StartOptions extends Partial<Omit<DaemonOptions, 'env' | 'words'>> {
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface DatabaseRole {
  readonly name: string;
  readonly password: string;
  /** Address of the database as this role. */
  readonly url: string;
}

/** Quick, small and without a request limit, unless the test says otherwise. */
const quick = {
  SYNC_INTERVAL_SECONDS: '0.2',
  LEASE_SECONDS: '2',
  REQUESTS_PER_SECOND: '0',
  PAGE_SIZE: '100',
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '0',
  LOG_LEVEL: 'debug',
  LOYALTY_SYNC: 'false',
  REFERENCE_INTERVAL_MINUTES: '0',
  AUDIT_DELAY_MINUTES: '0',
};

export interface DeployOptions extends SimulatorOptions {
  /** A database without the schema, as before a first start; by default the migrations have run, which is quicker. */
  readonly emptyDatabase?: boolean;
}

export async function deploy(context: TestContext, options: DeployOptions = {}): Promise<Deployment> {
  const { emptyDatabase = false, ...simulated } = options;
  const simulator = await startSimulator({
    history: { events: 300 },
    ...simulated,
    switches: { requestsPerSecond: 0, ...simulated.switches },
  });
  const database = await createTestDatabase(emptyDatabase ? {} : migratedByOwner);
  const daemons: Daemon[] = [];
  context.onTestFinished(async () => {
    for (const daemon of daemons) await daemon.end('SIGKILL');
    await simulator.stop();
    await database.drop().finally(() => dropRoles(database.name));
  });
  context.onTestFailed(() => {
    for (const [index, daemon] of daemons.entries())
      console.error(`daemon ${index + 1}: ${daemon.describe()}`);
  });
  const role = await createRole(database, 'owner');
  await database.query(`alter database ${database.name} owner to ${role.name}`);
  if (!emptyDatabase) await database.query(`reassign owned by ${templateOwner()} to ${role.name}`);
  const env = {
    TALON_ONE_BASE_URL: simulator.url,
    TALON_ONE_API_KEY: simulator.apiKey,
    TALON_ONE_INTEGRATION_API_KEY: simulator.integrationApiKey,
    DATABASE_URL: role.url,
    ...quick,
  };
  const start: Deployment['start'] = (words = [], { env: changes, ...rest } = {}) => {
    const merged = withoutUndefined({ ...env, ...changes });
    const daemon = new Daemon({ words, env: merged, secrets: secretsOf(merged), ...rest });
    daemons.push(daemon);
    return daemon;
  };
  return { simulator, database, role, env, start };
}

/** A role with a password that is written differently wherever it could appear. */
export async function createRole(database: TestDatabase, purpose: string): Promise<DatabaseRole> {
  const name = `${database.name}_${purpose}`;
  const password = `p@ss/w"ö\\rd 50% ${randomBytes(12).toString('hex')}`;
  await database.query(`create role ${name} login password ${pg.escapeLiteral(password)}`);
  const url = new URL(database.url);
  url.username = name;
  url.password = encodeURIComponent(password);
  return { name, password, url: url.href };
}

/** Made by a role of its own: what a superuser owns cannot be handed over as a whole. */
const migratedByOwner: TestDatabaseOptions = {
  templateKey: 'deployment',
  migrateDatabase: async (url) => {
    await withAdmin(url, async (admin) => {
      await admin.query(`create role ${templateOwner()}`);
      await admin.query(`grant create on schema public to ${templateOwner()}`);
    });
    const asOwner = new URL(url);
    asOwner.searchParams.set('options', `-c role=${templateOwner()}`);
    await migrateUrl(asOwner.href);
  },
};

function templateOwner(): string {
  return `test_${inject('testPostgres').runId}_template_owner`;
}

async function dropRoles(databaseName: string): Promise<void> {
  await withAdmin(inject('testPostgres').adminUrl, async (admin) => {
    const { rows } = await admin.query<{ rolname: string }>(
      'select rolname from pg_roles where starts_with(rolname, $1)',
      [`${databaseName}_`],
    );
    for (const { rolname } of rows) await admin.query(`drop role ${pg.escapeIdentifier(rolname)}`);
  });
}

/** The secrets that an environment holds in the usual form. */
function secretsOf({
  TALON_ONE_API_KEY = '',
  TALON_ONE_INTEGRATION_API_KEY = '',
  DATABASE_URL = '',
}: Readonly<Record<string, string>>): string[] {
  const encoded = URL.canParse(DATABASE_URL) ? new URL(DATABASE_URL).password : '';
  return [TALON_ONE_API_KEY, TALON_ONE_INTEGRATION_API_KEY, decodeURIComponent(encoded)].filter(
    (secret) => secret !== '',
  );
}

function withoutUndefined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
