import { wallClockMs } from '../clock.js';
import type { Config } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import type { Logger } from '../logger.js';
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
  const isRemote = url !== undefined && !/^(localhost|127\.|\[::1\]|$)/.test(new URL(url).hostname);
  if (facts.usesTls || !isRemote) return { what: 'database', state: 'ok', found };
  const advice = 'The password and all data travel unencrypted: add ?sslmode=verify-full to DATABASE_URL.';
  return { what: 'database', state: 'note', found, advice };
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
  const problem = (found: string, advice: string): Finding => ({ what, state: 'problem', found, advice });
  if (facts.isReadOnly) {
    return problem(
      'the database is read-only',
      'DATABASE_URL must name the primary, and default_transaction_read_only must be off.',
    );
  }
  if (facts.forbiddenTables.length > 0) {
    return problem(
      `role ${facts.role} may not write ${facts.forbiddenTables.join(', ')}`,
      `grant select, insert, update, delete on all tables in schema "${warehouse.schema}" to "${facts.role}";`,
    );
  }
  try {
    await tryToCreate(warehouse);
  } catch (error) {
    if (isReadOnly(error)) return problem('the database is read-only', 'DATABASE_URL must name the primary.');
    if (!isPrivilegeMissing(error)) throw error;
    const advice = facts.schemaExists
      ? `grant usage, create on schema "${warehouse.schema}" to "${facts.role}";`
      : `create schema "${warehouse.schema}" authorization "${facts.role}";`;
    return problem(messageOf(error), advice);
  }
  if (facts.foreignTables.length > 0) {
    return problem(
      `role ${facts.role} does not own ${facts.foreignTables.join(', ')}, so it can make no partitions`,
      `alter table … owner to "${facts.role}"; for each of them.`,
    );
  }
  try {
    const isCurrent = facts.schemaExists && (await isMigrated(warehouse));
    return {
      what,
      state: 'ok',
      found: isCurrent ? 'up to date, rights suffice' : 'rights suffice, the first start creates the tables',
    };
  } catch (error) {
    if (error instanceof UserError) return problem(error.message, 'Deploy the newer version.');
    throw error;
  }
}
