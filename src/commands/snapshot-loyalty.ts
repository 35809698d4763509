import type { Config } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { JobKind } from '../sync/job.js';
import { JobRunner, type OnceResult } from '../sync/job-runner.js';
import { dailyKinds, loyaltyKinds } from '../sync/loyalty/kinds.js';
import { snapshotsNow, type WantedSnapshots } from '../sync/loyalty/snapshots-now.js';
import { knownPrograms } from '../warehouse/loyalty-program.js';
import { hasReadingSince } from '../warehouse/loyalty-snapshot.js';
import type { SnapshotKind } from '../warehouse/loyalty-snapshot-sql.js';
import { databaseTime } from '../warehouse/owed.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { createApi, processName } from './context.js';
import { withWarehouse } from './with-warehouse.js';

/** What the command line asks for; `undefined` means everything that the daemon reads daily. */
export interface SnapshotRequest {
  readonly programIds: readonly string[] | undefined;
  readonly kinds: readonly SnapshotKind[] | undefined;
}

/**
 * Reads balances, tiers and join dates of loyalty programs into their tables now, then ends. Does the daily jobs of the
 * daemon under their leases, also with LOYALTY_SYNC=false: what a daemon reads meanwhile is not read twice.
 * @throws UserError when one of them could not be read
 */
export async function snapshotLoyaltyCommand(
  request: SnapshotRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  await withWarehouse(config, log, signal, async (warehouse) => {
    const parts = { ...createApi(config, log, warehouse), config, warehouse };
    const kinds = request.kinds ?? dailyKinds(parts);
    if (kinds.includes('projection') && config.loyalty.projectionDays === 0)
      throw new UserError('Projections are off: say in LOYALTY_PROJECTION_DAYS how many days to read.');
    const owner = processName();
    const runOnce = (jobs: readonly JobKind[]) =>
      new JobRunner({ warehouse, kinds: jobs, owner, leaseMs: config.sync.leaseMs, log }).runOnce(signal);
    const since = await databaseTime(warehouse);
    const [programs] = loyaltyKinds(parts);
    refuseFailures(await runOnce([programs]));
    signal.throwIfAborted();
    const programIds = choosePrograms(await knownPrograms(warehouse), request.programIds, config);
    const fields = { programs: programIds.map(Number), kinds };
    log.info(fields, 'reading loyalty snapshots; what another process is reading is waited for');
    refuseFailures(await runOnce(snapshotsNow(parts, { kinds, programIds, since })));
    signal.throwIfAborted();
    const readings = await readingsSince(warehouse, { kinds, programIds, since });
    if (readings === 0)
      throw new UserError('There was nothing to read: programs on cards have neither tiers nor join dates.');
    log.info({ ...fields, readings }, 'loyalty snapshots are complete');
  });
}

async function readingsSince(
  warehouse: Warehouse,
  { kinds, programIds, since }: WantedSnapshots,
): Promise<number> {
  let readings = 0;
  for (const id of programIds)
    for (const kind of kinds) if (await hasReadingSince(warehouse, id, kind, since)) readings += 1;
  return readings;
}

function choosePrograms(
  known: readonly string[],
  wanted: readonly string[] | undefined,
  { loyalty: { programIds: configured } }: Config,
): readonly string[] {
  const isCopied = (id: string) => configured === 'all' || configured.includes(id);
  const left = wanted?.filter((id) => !isCopied(id)) ?? [];
  if (left.length > 0) throw new UserError(`LOYALTY_PROGRAM_IDS leaves out: ${left.join(', ')}.`);
  const absent = wanted?.filter((id) => !known.includes(id)) ?? [];
  if (absent.length > 0) throw new UserError(`The API lists no such loyalty program: ${absent.join(', ')}.`);
  const chosen = wanted ?? known.filter(isCopied);
  if (chosen.length === 0)
    throw new UserError('The key can see no loyalty program: there is nothing to read.');
  return chosen;
}

function refuseFailures({ failed, refused }: OnceResult): void {
  const problems = [...failed, ...refused].map(([job, error]) => `${job} (${messageOf(error)})`);
  if (problems.length > 0) throw new UserError(`These could not be read: ${problems.join('; ')}.`);
}
