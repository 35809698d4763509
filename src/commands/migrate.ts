import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { openWarehouse, Releasers } from './context.js';
import { prepareWarehouse } from './prepare.js';

/** Brings the warehouse schema up to date and ends. */
export async function migrateCommand(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const releasers = new Releasers();
  try {
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    await prepareWarehouse(warehouse, log, signal, { patient: false });
    log.info({ schema: warehouse.schema }, 'schema is up to date');
  } finally {
    await releasers.release(log);
  }
}
