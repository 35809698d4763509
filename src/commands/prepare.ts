import { sleep } from '../clock.js';
import type { Config } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { migrate } from '../warehouse/migrate.js';
import { codeOf, isConnectionFailure, isPrivilegeMissing, isReadOnly } from '../warehouse/sqlstate.js';
import type { Warehouse } from '../warehouse/warehouse.js';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/**
 * Brings the schema up to date. With `patient`, a Postgres that cannot be reached yet is waited for.
 * @throws UserError with one clear line for everything that waiting does not mend
 */
export async function prepareWarehouse(
  warehouse: Warehouse,
  log: Logger,
  signal: AbortSignal,
  options: { patient: boolean },
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const ran = await migrate(warehouse);
      if (ran.length > 0)
        log.info({ schema: warehouse.schema, migrations: ran }, 'schema brought up to date');
      return;
    } catch (error) {
      const cause = rootCause(error);
      if (!isConnectionFailure(cause) || !options.patient)
        throw explainDatabaseError(cause, warehouse.schema);
      const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
      log[attempt < 3 ? 'info' : attempt < 6 ? 'warn' : 'error'](
        { err: cause, waitMs },
        'Postgres cannot be reached yet',
      );
      await sleep(waitMs, signal);
    }
  }
}

/** umzug wraps what a migration threw. */
function rootCause(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? error : rootCause(cause);
}

/** A database error of start-up as one line that says what to do. */
export function explainDatabaseError(error: unknown, schema: Config['database']['schema']): Error {
  if (error instanceof UserError) return error;
  const message = messageOf(error);
  const code = codeOf(error);
  if (isConnectionFailure(error) && code !== '25P03')
    return new UserError(`Postgres cannot be reached: ${message}. Check host and port in DATABASE_URL.`);
  if (code?.startsWith('28'))
    return new UserError(`Postgres refuses the login: ${message}. Check user and password in DATABASE_URL.`);
  if (code === '3D000') return new UserError(`${message}. Create it, or name another one in DATABASE_URL.`);
  if (isPrivilegeMissing(error)) {
    return new UserError(
      `The role may not do what is needed in schema "${schema}": ${message}. Run "talon-one-sync migrate" under the role that owns the tables, or grant it "create" on the schema (or on the database, if the schema does not exist).`,
    );
  }
  if (isReadOnly(error))
    return new UserError(`The database is read-only: ${message}. DATABASE_URL must name the primary.`);
  return new UserError(`The warehouse could not be prepared: ${message}`);
}
