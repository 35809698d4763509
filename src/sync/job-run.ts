import { monotonicMs } from '../clock.js';
import { messageOf } from '../errors.js';
import type { Logger } from '../logger.js';
import { endJob, type JobEnd, type JobLease, type LeasedJob } from '../warehouse/job.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { requestContext, type WorkTally } from './cycle-context.js';
import { type Backoff, backoffMs, type Failure, failureLevel, failureOf } from './failure.js';
import { type JobKind, type JobResult, partsOf } from './job.js';
import type { LeaseKeeper } from './lease-keeper.js';

export type JobOutcome = 'done' | 'behind' | Failure;

export interface JobRun {
  readonly outcome: JobOutcome;
  readonly error: unknown;
}

/** A key that may not use an endpoint will hardly be allowed to a minute later. */
const REFUSED: Backoff = { firstMs: 5 * 60_000, longestMs: 3_600_000 };

/**
 * One run of one job under its lease. Never rejects: what went wrong is in the result, in the log and in the job's row,
 * and touches no other work.
 */
export async function runJob(
  leased: LeasedJob,
  kind: JobKind,
  { warehouse, keeper }: { warehouse: Warehouse; keeper: LeaseKeeper<JobLease> },
  signal: AbortSignal,
  parentLog: Logger,
): Promise<JobRun> {
  const { lease, state } = leased;
  const log = parentLog.child({ job: lease.job });
  const tally: WorkTally = { requests: 0, retries: 0, quarantined: 0 };
  const startedMs = monotonicMs();
  let result: JobResult | undefined;
  let outcome: JobOutcome = 'done';
  let error: unknown;
  try {
    result = await keeper.whileLeased(lease, signal, (leaseSignal) => {
      const requests = requestContext(tally, leaseSignal, log);
      const { subject } = partsOf(lease.job);
      return kind.run({ lease, subject, state, signal: leaseSignal, log, tally, requests });
    });
    if (result.isBehind) outcome = 'behind';
  } catch (caught) {
    error = caught;
    outcome = failureOf(caught, signal);
  }
  const end = endOf({ outcome, error }, result, leased.failures, kind.backoff);
  const failingMs = outcome === 'lease-lost' ? 0 : await finish(lease, end, warehouse, log);
  const fields = { outcome, durationMs: Math.round(monotonicMs() - startedMs), ...tally, ...result?.figures };
  logRun(log, { outcome, error }, fields, failingMs, leased.failures > 0);
  return { outcome, error };
}

/** Gives the lease back and notes how the run went; returns how long the job has been failing. */
async function finish(lease: JobLease, end: JobEnd, warehouse: Warehouse, log: Logger): Promise<number> {
  try {
    return await warehouse.transaction((client) => endJob(client, lease, end), { isUrgent: true });
  } catch (error) {
    // Without Postgres the lease ends by itself; the state stands where the last write left it.
    log.warn({ err: error }, 'end of job could not be recorded');
    return 0;
  }
}

function endOf(
  { outcome, error }: JobRun,
  result: JobResult | undefined,
  failures: number,
  backoff: Backoff | undefined,
): JobEnd {
  if (result !== undefined) {
    const status = outcome === 'behind' ? 'behind' : 'up-to-date';
    return { next: outcome === 'behind' ? { inMs: 0 } : result.next, status };
  }
  if (outcome === 'stopped') return { next: { inMs: 0 } };
  const failure = { message: messageOf(error) };
  if (outcome === 'unauthorised')
    return { next: { inMs: backoffMs(error, failures, REFUSED) }, status: 'unauthorised', failure };
  return { next: { inMs: backoffMs(error, failures, backoff) }, status: 'failing', failure };
}

function logRun(
  log: Logger,
  { outcome, error }: JobRun,
  fields: Record<string, unknown>,
  failingMs: number,
  isRepeated: boolean,
): void {
  if (outcome === 'lease-lost') log.warn(fields, 'lease lost to another replica');
  // Not an error: the key was not made for this, and everything else goes on. Said once; the row of the job keeps it.
  else if (outcome === 'unauthorised')
    log[isRepeated ? 'debug' : 'warn']({ ...fields, err: error }, 'the API refuses the key for this job');
  else if (outcome === 'failed')
    log[failureLevel(failingMs)]({ ...fields, failingMs, err: error }, 'job failed');
  else log.info(fields, 'job finished');
}
