import type { Config } from '../config.js';
import { UserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { dropOld } from '../sync/retention-job.js';
import { isTimeout } from '../warehouse/sqlstate.js';
import { withWarehouse } from './with-warehouse.js';

/** Drops the partitions of events and effects that are older than RETENTION_MONTHS. */
export async function retentionCommand(
  { dryRun = false }: { readonly dryRun?: boolean },
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { retentionMonths: months } = config;
  if (months === undefined) throw new UserError('RETENTION_MONTHS is not set: everything is kept.');
  const { lookback } = config.sync;
  const dropped = await withWarehouse(config, log, signal, (warehouse) =>
    dropOld({ warehouse, months, lookback }, !dryRun).catch((error: unknown) => {
      if (!isTimeout(error)) throw error;
      throw new UserError('A query is reading one of the partitions: try again when it has ended.');
    }),
  );
  const verdict =
    dropped.length === 0
      ? `Nothing is older than ${months} months.`
      : `${dropped.length} partitions ${dryRun ? 'would be dropped. Nothing was changed.' : 'dropped.'}`;
  process.stdout.write(`${[...dropped, verdict].join('\n')}\n`);
}
