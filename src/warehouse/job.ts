import { LeaseLostError } from '../errors.js';
import {
  type HeldLease,
  type LeaseOptions,
  type LeaseTable,
  leaveRows,
  millisecondsUntilRow,
  renewRows,
  takeRow,
} from './lease.js';
import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

// Periodic work beside the events. One row per job holds its state, its place in the schedule and its lease (lease.ts);
// every writing transaction of a job begins with `advanceJob`.

const JOBS: LeaseTable = { name: 'talon_one_job', key: 'job', keyType: 'text', dueAt: 'next_run_at' };

/** The right to run one job and to write what it writes. */
export interface JobLease extends HeldLease {
  /** Kind, and after a colon what it is about: `loyalty-transactions:139`. */
  readonly job: string;
}

/** What a job keeps from run to run: a small JSON object, moments as RFC 3339. */
export type JobState = Readonly<Record<string, unknown>>;

export interface LeasedJob {
  readonly lease: JobLease;
  readonly state: JobState;
  /** Failed runs in a row. */
  readonly failures: number;
}

/** Makes rows for jobs that have none yet; they are due at once. */
export async function ensureJobs(client: Client, jobs: readonly string[]): Promise<void> {
  await client.query(
    `insert into talon_one_job (job) select unnest($1::text[])
     except select job from talon_one_job order by 1 on conflict do nothing`,
    [jobs],
  );
}

/** Lets these jobs run now instead of later. Failing ones keep to their time. */
export async function makeDue(client: Client, jobs: readonly string[]): Promise<void> {
  await client.query(
    `update talon_one_job set next_run_at = clock_timestamp()
     where job = any($1::text[]) and next_run_at > clock_timestamp() and failures = 0`,
    [jobs],
  );
}

/** Jobs whose names match one of these patterns of LIKE. */
export function jobsLike(warehouse: Warehouse, patterns: readonly string[]): Promise<string[]> {
  return jobsWhere(warehouse, patterns, false);
}

/** Those of them that are due now. */
export function dueJobsLike(warehouse: Warehouse, patterns: readonly string[]): Promise<string[]> {
  return jobsWhere(warehouse, patterns, true);
}

async function jobsWhere(
  warehouse: Warehouse,
  patterns: readonly string[],
  onlyDue: boolean,
): Promise<string[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ job: string }>(
      `select job from talon_one_job
       where job like any($1::text[]) and (not $2 or next_run_at <= clock_timestamp()) order by job`,
      [patterns, onlyDue],
    ),
  );
  return rows.map((row) => row.job);
}

/** Takes the lease of one of these jobs that is due and that nobody holds, the longest due first. */
export async function takeJob(
  warehouse: Warehouse,
  jobs: readonly string[],
  options: LeaseOptions,
): Promise<LeasedJob | undefined> {
  const row = await takeRow<{ state: string; failures: number }>(
    warehouse,
    JOBS,
    jobs,
    options,
    'state, failures',
  );
  if (!row) return undefined;
  const { owner, leaseMs: durationMs } = options;
  return {
    lease: { job: row.key, fence: row.fence, owner, durationMs },
    state: JSON.parse(row.state) as JobState,
    failures: row.failures,
  };
}

/** Milliseconds until `takeJob` may find one of these jobs; `undefined` when there is none at all. */
export function millisecondsUntilJob(
  warehouse: Warehouse,
  jobs: readonly string[],
  options: LeaseOptions,
): Promise<number | undefined> {
  return millisecondsUntilRow(warehouse, JOBS, jobs, options);
}

/** Says that `owner` is going and none of its jobs runs any more. */
export function leaveJobs(warehouse: Warehouse, owner: string): Promise<void> {
  return leaveRows(warehouse, JOBS, owner);
}

/**
 * First statement of every writing transaction of a job: locks the row, renews the lease, and merges `state` into what
 * is kept (members that are absent stay).
 * @throws LeaseLostError when the lease was taken over; the transaction then writes nothing
 */
export async function advanceJob(client: Client, lease: JobLease, state: JobState = {}): Promise<void> {
  const { rowCount } = await client.query(
    `update talon_one_job
     set state = state || $4::jsonb, lease_expires_at = clock_timestamp() + $3 * interval '1 ms',
         updated_at = clock_timestamp()
     where job = $1 and fence = $2`,
    [lease.job, lease.fence, lease.durationMs, JSON.stringify(state)],
  );
  if (rowCount === 0) throw new LeaseLostError(`the job ${lease.job}`);
}

/** Renews leases beside what is written; returns those that were taken over. */
export function renewJobs(warehouse: Warehouse, leases: readonly JobLease[]): Promise<JobLease[]> {
  return renewRows(warehouse, JOBS, leases, ({ job }) => job);
}

/** When a job runs again: after a while, or when the next day reaches this hour (UTC) on the clock of Postgres. */
export type NextRun = { readonly inMs: number } | { readonly atHourUtc: number };

export interface JobEnd {
  readonly next: NextRun;
  /** `undefined`: the run was stopped, and says nothing about how things stand. */
  readonly status?: 'up-to-date' | 'behind' | 'failing' | 'unauthorised';
  /** Given with `failing` and `unauthorised`. */
  readonly failure?: { readonly message: string };
}

/**
 * Ends the run and gives the lease back.
 * @returns how long the job has been failing, in milliseconds; 0 when it is not
 * @throws LeaseLostError when somebody else has the lease already
 */
export async function endJob(client: Client, lease: JobLease, end: JobEnd): Promise<number> {
  const { rows, rowCount } = await client.query<{ failing_ms: string }>(
    `update talon_one_job
     set next_run_at = coalesce(clock_timestamp() + $3 * interval '1 ms', talon_one_next_hour($4)),
         lease_expires_at = clock_timestamp(),
         status = coalesce($5, status),
         failures = case when $5::text is null then failures when $6::text is null then 0 else failures + 1 end,
         failing_since = case when $5::text is null then failing_since
                              when $6::text is not null then coalesce(failing_since, clock_timestamp()) end,
         last_error = coalesce($6, last_error),
         last_finished_at = case when $5::text is not null and $6::text is null then clock_timestamp()
                                 else last_finished_at end,
         updated_at = clock_timestamp()
     where job = $1 and fence = $2
     returning coalesce(round(extract(epoch from clock_timestamp() - failing_since) * 1000), 0)::text as failing_ms`,
    [
      lease.job,
      lease.fence,
      'inMs' in end.next ? end.next.inMs : null,
      'atHourUtc' in end.next ? end.next.atHourUtc : null,
      end.status ?? null,
      end.failure?.message.replaceAll('\0', '').slice(0, 1000) ?? null,
    ],
  );
  if (rowCount === 0) throw new LeaseLostError(`the job ${lease.job}`);
  return Number(rows[0]?.failing_ms ?? 0);
}
