import { wallClockMs } from '../clock.js';
import type { Config } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { isLoopbackHost } from '../loopback.js';
import { isMigrated } from '../warehouse/migrate.js';
import { type DatabaseFacts, readDatabaseFacts, tryToCreate } from '../warehouse/rights.js';
import { isPrivilegeMissing, isReadOnly } from '../warehouse/sqlstate.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { openWarehouse, Releasers } from './context.js';
import type { Finding } from './finding.js';
import { explainDatabaseError } from './prepare.js';

const OLDEST_VERSION = 140_000;
const CLOCK_TOLERANCE_MS = 60_000;

/** Connection, version, encoding, read-only, TLS, rights and clock of the database. */
export async function checkDatabase(config: Config, log: Logger, signal: AbortSignal): Promise<Finding[]> {
  const releasers = new Releasers();
  try {
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    const facts = await readDatabaseFacts(warehouse);
    const clockMs = facts.clockMs - wallClockMs();
    return [connection(facts, config), ...settings(facts), clock(clockMs), await rights(warehouse, facts)];
  } catch (error) {
    const explained = explainDatabaseError(error, config.database.schema);
    return [{ what: 'database', state: 'problem', found: explained.message }];
  } finally {
    await releasers.release(log);
  }
}

function connection(facts: DatabaseFacts, config: Config): Finding {
  const found = `PostgreSQL ${facts.versionText}, role ${facts.role}, ${facts.usesTls ? 'TLS' : 'no TLS'}`;
  const { url } = config.database;
  if (facts.usesTls || !isRemote(url)) return { what: 'database', state: 'ok', found };
  const advice = 'The password and all data travel unencrypted: add ?sslmode=verify-full to DATABASE_URL.';
  return { what: 'database', state: 'note', found, advice };
}

/** Without a host, it is a socket or the embedded Postgres. */
function isRemote(url: string | undefined): boolean {
  const host = url === undefined ? '' : new URL(url).hostname;
  return host !== '' && !isLoopbackHost(host);
}

function settings(facts: DatabaseFacts): Finding[] {
  const findings: Finding[] = [];
  if (facts.version < OLDEST_VERSION) {
    findings.push({
      what: 'database version',
      state: 'problem',
      found: `PostgreSQL ${facts.versionText}`,
      advice: 'PostgreSQL 14 or newer is needed.',
    });
  }
  if (facts.encoding !== 'UTF8') {
    findings.push({
      what: 'database encoding',
      state: 'problem',
      found: facts.encoding,
      advice: "Only UTF8 holds every text of the API: create database … encoding 'UTF8' template template0.",
    });
  }
  return findings;
}

function clock(differenceMs: number): Finding {
  const seconds = Math.round(differenceMs / 1000);
  if (Math.abs(differenceMs) < CLOCK_TOLERANCE_MS)
    return { what: 'database clock', state: 'ok', found: 'agrees with this machine' };
  return {
    what: 'database clock',
    state: 'note',
    found: `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} this machine`,
    advice: 'Nothing depends on it, but times in logs and tables will disagree: set one of the clocks.',
  };
}

async function rights(warehouse: Warehouse, facts: DatabaseFacts): Promise<Finding> {
  const what = `schema ${warehouse.schema}`;
  try {
    const trouble = readOnly(facts) ?? forbidden(warehouse, facts);
    if (trouble) return { what, state: 'problem', ...trouble };
    const isCurrent = facts.schemaExists && (await isMigrated(warehouse));
    const lacking = isCurrent ? noPartitions(warehouse, facts) : await cannotMigrate(warehouse, facts);
    if (lacking) return { what, state: 'problem', ...lacking };
    const found = isCurrent
      ? 'up to date, rights suffice'
      : 'rights suffice, the first start creates the tables';
    return { what, state: 'ok', found };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { what, state: 'problem', found: error.message, advice: 'Deploy the newer version.' };
  }
}

type Trouble = Pick<Finding, 'found' | 'advice'>;

function readOnly(facts: DatabaseFacts): Trouble | undefined {
  if (!facts.isReadOnly) return undefined;
  return {
    found: 'the database is read-only',
    advice: 'DATABASE_URL must name the primary, and default_transaction_read_only must be off.',
  };
}

function forbidden({ schema }: Warehouse, { role, forbiddenTables }: DatabaseFacts): Trouble | undefined {
  if (forbiddenTables.length === 0) return undefined;
  return {
    found: `role ${role} may not write ${forbiddenTables.join(', ')}`,
    advice: `grant select, insert, update, delete on all tables in schema "${schema}" to "${role}";`,
  };
}

function noPartitions({ schema }: Warehouse, facts: DatabaseFacts): Trouble | undefined {
  if (facts.canMakePartitions) return undefined;
  return {
    found: `role ${facts.role} cannot make partitions`,
    advice: `grant execute on function "${schema}".talon_one_create_partitions(date) to "${facts.role}"; the function's owner needs create on the schema.`,
  };
}

async function cannotMigrate(warehouse: Warehouse, facts: DatabaseFacts): Promise<Trouble | undefined> {
  try {
    await tryToCreate(warehouse);
  } catch (error) {
    if (isReadOnly(error))
      return { found: 'the database is read-only', advice: 'DATABASE_URL must name the primary.' };
    if (!isPrivilegeMissing(error)) throw error;
    const advice = facts.schemaExists
      ? `grant usage, create on schema "${warehouse.schema}" to "${facts.role}";`
      : `create schema "${warehouse.schema}" authorization "${facts.role}";`;
    return { found: messageOf(error), advice };
  }
  if (facts.foreignTables.length === 0) return undefined;
  return {
    found: `role ${facts.role} does not own ${facts.foreignTables.join(', ')}, so it cannot migrate them`,
    advice: `Run "talon-one-sync migrate" under the role that owns them, or: alter table … owner to "${facts.role}"; for each.`,
  };
}
