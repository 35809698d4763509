import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { withWarehouse } from './with-warehouse.js';

/** Brings the warehouse schema up to date and ends. */
export async function migrateCommand(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  await withWarehouse(config, log, signal, async (warehouse) => {
    log.info({ schema: warehouse.schema }, 'schema is up to date');
  });
}
