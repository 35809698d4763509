import type { Config } from '../config.js';
import { UserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { isMigrated } from '../warehouse/migrate.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { openWarehouse, Releasers } from './context.js';
import { explainDatabaseError, prepareWarehouse } from './prepare.js';

/**
 * Opens the warehouse, brings its schema up to date, and closes it when the work is done.
 * @throws UserError with `onlyReads`, when the schema is not up to date: whoever looks must not change it
 */
export async function withWarehouse<T>(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  work: (warehouse: Warehouse) => Promise<T>,
  { onlyReads = false } = {},
): Promise<T> {
  const releasers = new Releasers();
  try {
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    if (!onlyReads) await prepareWarehouse(warehouse, log, signal, { patient: false });
    else if (!(await isMigratedHere(warehouse)))
      throw new UserError(
        'There is no copy of this version here yet: "talon-one-sync migrate" makes its tables.',
      );
    return await work(warehouse);
  } finally {
    await releasers.release(log);
  }
}

async function isMigratedHere(warehouse: Warehouse): Promise<boolean> {
  try {
    return await isMigrated(warehouse);
  } catch (error) {
    throw explainDatabaseError(error, warehouse.schema);
  }
}
