import type { Config } from '../config.js';
import { readReaches } from '../warehouse/cursor.js';
import { advanceJob, ensureJobs, type JobLease } from '../warehouse/job.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { JobResult } from './job.js';

// Work with a job for each Application: the job that has the name of the kind makes those of the Applications, such as
// `audit-events:42`, as they come.

const MAKE_EVERY_MS = 600_000;
/** There is no Application yet. */
const SOON_MS = 5_000;

/** Names of such jobs that this process may run, as patterns of LIKE. */
export function applicationJobs(kind: string, { talonOne }: Pick<Config, 'talonOne'>): string[] {
  const { applicationIds } = talonOne;
  const own = applicationIds === 'all' ? [`${kind}:%`] : applicationIds.map((id) => `${kind}:${id}`);
  return [kind, ...own];
}

/** One run of the job that makes the others. */
export async function makeApplicationJobs(
  kind: string,
  warehouse: Warehouse,
  lease: JobLease,
): Promise<JobResult> {
  const ids = (await readReaches(warehouse)).map((one) => one.applicationId);
  await warehouse.transaction(async (client) => {
    await advanceJob(client, lease);
    await ensureJobs(
      client,
      ids.map((id) => `${kind}:${id}`),
    );
  });
  return {
    next: { inMs: ids.length === 0 ? SOON_MS : MAKE_EVERY_MS },
    figures: { applications: ids.length },
  };
}
