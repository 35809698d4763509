import type { Config } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { packageVersion } from '../package-info.js';
import { findApplications } from '../sync/applications.js';
import { JobRunner } from '../sync/job-runner.js';
import { Scheduler } from '../sync/scheduler.js';
import { beginOnceRun, endOnceRun, noteOnceApplications } from '../warehouse/processes.js';
import { createApi, createPartitions, openWarehouse, processName, Releasers } from './context.js';
import { jobKinds } from './job-kinds.js';
import { prepareWarehouse } from './prepare.js';
import { sideBySide } from './side-by-side.js';

/**
 * Syncs every Application until it is caught up and owes nothing, runs the jobs beside them, then ends.
 * @throws UserError when an Application could not be brought up to date, or a job failed
 */
export async function onceCommand(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const releasers = new Releasers();
  let ended: (error: unknown) => Promise<void> = async () => {};
  try {
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    await prepareWarehouse(warehouse, log, signal, { patient: false });
    const owner = processName();
    const api = createApi(config, log, warehouse);
    const { client } = api;
    const kinds = jobKinds({ ...api, config, warehouse });
    const run = { owner, version: packageVersion(), jobs: kinds.flatMap((kind) => kind.jobs) };
    await beginOnceRun(warehouse, run);
    ended = (error) => {
      const outcome = signal.aborted ? 'stopped' : error === undefined ? 'done' : 'failed';
      return endOnceRun(warehouse, owner, outcome, outcome === 'failed' ? messageOf(error) : undefined);
    };
    const { applicationIds: wanted, pageSize } = config.talonOne;
    const finding = { warehouse, client, wanted, start: config.sync.start, pageSize, log };
    const applicationIds = await findApplications(finding, { signal });
    await noteOnceApplications(warehouse, owner, applicationIds);
    if (applicationIds.length === 0)
      throw new UserError('The key can see no Application: there is nothing to sync.');
    const scheduler = new Scheduler({
      warehouse,
      client,
      config,
      partitions: createPartitions(warehouse, log),
      owner,
      log,
      applicationIds: () => applicationIds,
    });
    const jobs = new JobRunner({ warehouse, kinds, owner, leaseMs: config.sync.leaseMs, log });
    const [failed, jobsEnded] = await sideBySide(
      (shared) => scheduler.runOnce(shared),
      (shared) => jobs.runOnce(shared),
      signal,
    );
    refuseFailures([...failed.keys()], [...jobsEnded.failed.keys()], applicationIds.length);
    await ended(undefined);
    if (!signal.aborted) log.info({ applications: applicationIds.length }, 'all Applications are up to date');
  } catch (error) {
    // Only the status depends on it.
    await ended(error).catch(() => {});
    throw error;
  } finally {
    await releasers.release(log);
  }
}

function refuseFailures(
  failed: readonly string[],
  failedJobs: readonly string[],
  applications: number,
): void {
  const jobs = failedJobs.join(', ');
  if (failed.length > 0) {
    const ofApplications = `${failed.length} of ${applications} Applications failed: ${failed.join(', ')}`;
    throw new UserError(jobs === '' ? ofApplications : `${ofApplications}. These jobs failed too: ${jobs}`);
  }
  if (jobs !== '') throw new UserError(`All Applications are up to date, but these jobs failed: ${jobs}`);
}
