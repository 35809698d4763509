import { sleep } from '../clock.js';
import type { Config } from '../config.js';
import { isAbortError, messageOf } from '../errors.js';
import { HealthServer } from '../health/health-server.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics/metrics.js';
import { silentObserver } from '../observer.js';
import { packageVersion } from '../package-info.js';
import { type ApplicationOptions, findApplications } from '../sync/applications.js';
import { backoffMs } from '../sync/failure.js';
import { JobRunner } from '../sync/job-runner.js';
import { Scheduler } from '../sync/scheduler.js';
import { isUnauthorised } from '../talon-one/api-error.js';
import { noteDaemonWants } from '../warehouse/processes.js';
import { createApi, createPartitions, openWarehouse, processName, Releasers } from './context.js';
import { jobKinds } from './job-kinds.js';
import { prepareWarehouse } from './prepare.js';
import { Readiness } from './readiness.js';
import { Watch } from './watch.js';

const FIND_APPLICATIONS_EVERY_MS = 3_600_000;

/** The daemon: prepares the warehouse, then syncs every Application and runs the jobs until `signal` aborts. */
export async function runCommand(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const releasers = new Releasers();
  const owner = processName();
  log.info({ version: packageVersion(), owner, baseUrl: config.talonOne.baseUrl }, 'starting');
  try {
    const readiness = new Readiness();
    const metrics = config.http.port === undefined ? undefined : loadMetrics();
    const watch = metrics && new Watch(config, metrics, owner);
    await startServer(config, log, releasers, readiness, watch);
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    await prepareWarehouse(warehouse, log, signal, { patient: true });
    readiness.warehouse = warehouse;
    if (watch) watch.warehouse = warehouse;
    const observer = (await metrics) ?? silentObserver;
    const api = createApi(config, log, warehouse, { observer });
    const { client } = api;
    if (watch) watch.granted = api.granted;
    let applicationIds: string[] = [];
    const scheduler = new Scheduler({
      warehouse,
      client,
      config,
      partitions: createPartitions(warehouse, log),
      owner,
      log,
      applicationIds: () => applicationIds,
      observer,
    });
    const kinds = jobKinds({ ...api, config, warehouse, observer });
    const jobs = new JobRunner({ warehouse, kinds, owner, leaseMs: config.sync.leaseMs, log });
    const { applicationIds: wanted, pageSize } = config.talonOne;
    const finding = { warehouse, client, wanted, start: config.sync.start, pageSize, log };
    const self = { owner, version: packageVersion(), jobs: kinds.flatMap((kind) => kind.jobs) };
    const found = async (ids: string[]) => {
      applicationIds = ids;
      readiness.applicationsFound(ids);
      scheduler.wake();
      await noteDaemonWants(warehouse, { ...self, applicationIds: ids });
    };
    const failedWith = async (error: unknown) => {
      readiness.applicationsUnknown(error);
      // Without Postgres nobody can be told; the next try notes it again.
      await noteDaemonWants(warehouse, { ...self, trouble: messageOf(error) }).catch(() => {});
    };
    const finder = keepFinding(finding, found, failedWith, signal);
    await Promise.all([scheduler.run(signal), finder, jobs.run(signal)]);
    log.info('stopped');
  } finally {
    await releasers.release(log);
  }
}

// The library takes a while to load: it does while Postgres is connected to, and not at all without a server.
async function loadMetrics(): Promise<Metrics> {
  const { Metrics } = await import('../metrics/metrics.js');
  return new Metrics();
}

async function startServer(
  config: Config,
  log: Logger,
  releasers: Releasers,
  readiness: Readiness,
  watch: Watch | undefined,
): Promise<void> {
  if (config.http.port === undefined) return;
  const { host, port } = config.http;
  const server = await HealthServer.start(host, port, () => readiness.report(), watch?.pages);
  releasers.add(() => server.stop());
  log.info({ host, port: server.port }, 'serving /livez and /readyz');
}

/** Looks for Applications at start until it succeeds, and every hour for new ones. Only a stop ends it. */
async function keepFinding(
  options: ApplicationOptions,
  found: (ids: string[]) => Promise<void>,
  failedWith: (error: unknown) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    let waitMs = FIND_APPLICATIONS_EVERY_MS;
    try {
      const ids = await findApplications(options, { signal });
      failures = 0;
      if (ids.length === 0) options.log.warn('the key can see no Application');
      else options.log.debug({ applications: ids.length }, 'Applications found');
      await found(ids);
    } catch (error) {
      if (signal.aborted) return;
      await failedWith(error);
      waitMs = backoffMs(error, failures);
      failures += 1;
      const level = isUnauthorised(error) || failures > 6 ? 'error' : failures > 3 ? 'warn' : 'info';
      options.log[level]({ err: error, waitMs }, 'Applications could not be listed');
    }
    await sleep(waitMs, signal).catch((error: unknown) => {
      if (!isAbortError(error)) throw error;
    });
  }
}
