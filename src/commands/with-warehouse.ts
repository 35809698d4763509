import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { openWarehouse, Releasers } from './context.js';
import { prepareWarehouse } from './prepare.js';

/** Opens the warehouse, brings its schema up to date, and closes it when the work is done. */
export async function withWarehouse<T>(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  work: (warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  const releasers = new Releasers();
  try {
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    await prepareWarehouse(warehouse, log, signal, { patient: false });
    return await work(warehouse);
  } finally {
    await releasers.release(log);
  }
}
