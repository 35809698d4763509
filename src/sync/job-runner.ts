import type { Logger } from '../logger.js';
import {
  dueJobsLike,
  ensureJobs,
  type JobLease,
  jobsLike,
  leaveJobs,
  makeDue,
  millisecondsUntilJob,
  takeJob,
} from '../warehouse/job.js';
import type { LeaseOptions } from '../warehouse/lease.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { DueLoop, type TakenWork } from './due-loop.js';
import { type JobKind, partsOf } from './job.js';
import { type JobRun, runJob } from './job-run.js';
import { jobKeeper, type LeaseKeeper } from './lease-keeper.js';

export interface JobRunnerOptions {
  readonly warehouse: Warehouse;
  readonly kinds: readonly JobKind[];
  /** Names this process in the rows of the jobs. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly log: Logger;
}

/** Jobs that `runOnce` could not do, with what was wrong. */
export interface OnceResult {
  readonly failed: ReadonlyMap<string, unknown>;
  /** The API refuses the key for them, which may be meant so: many keys are made for events alone. */
  readonly refused: ReadonlyMap<string, unknown>;
}

/** Few: jobs are not urgent, and each may hold a connection to Postgres. */
const MOST_JOBS = 4;

interface Mode {
  readonly isOnce: boolean;
  /** Jobs that are not to run any more. */
  readonly done: ReadonlySet<string>;
  readonly onRun?: (job: string, run: JobRun) => void;
}

/** Runs the jobs of talon_one_job beside the cycles, in a loop of their own: neither ever waits for the other. */
export class JobRunner {
  private hasMadeRows = false;
  private readonly keeper: LeaseKeeper<JobLease>;

  constructor(private readonly options: JobRunnerOptions) {
    this.keeper = jobKeeper(options.warehouse);
  }

  /** Runs jobs until `signal` aborts; resolves when the last of them has ended. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.options.kinds.length === 0) return;
    await this.loop({ isOnce: false, done: new Set() }).run(signal);
  }

  /** Runs every job that `once` runs until it has nothing more to do; says which did not go well. */
  async runOnce(signal: AbortSignal): Promise<OnceResult> {
    const failed = new Map<string, unknown>();
    const refused = new Map<string, unknown>();
    if (this.options.kinds.length === 0) return { failed, refused };
    const done = new Set<string>();
    const onRun = (job: string, { outcome, error }: JobRun) => {
      if (outcome === 'failed') failed.set(job, error);
      if (outcome === 'unauthorised') refused.set(job, error);
      if (outcome === 'failed' || outcome === 'unauthorised' || outcome === 'done') done.add(job);
    };
    const isDone = async () => (await this.left(done)).length === 0;
    await this.loop({ isOnce: true, done, onRun }).runUntil(isDone, signal);
    return { failed, refused };
  }

  private loop(mode: Mode): DueLoop {
    const { warehouse, owner, leaseMs, log } = this.options;
    const lease: LeaseOptions = { owner, leaseMs, courtesyMs: leaseMs / 2, evenIfNotDue: false };
    return new DueLoop({
      take: (running) => this.take(running, lease, mode),
      untilDue: async (running) => {
        const jobs = (await this.known('all')).filter((job) => this.isFree(job, running, mode));
        return jobs.length === 0 ? undefined : millisecondsUntilJob(warehouse, jobs, lease);
      },
      leave: () => leaveJobs(warehouse, owner),
      mostAtOnce: MOST_JOBS,
      longestWaitMs: Math.max(200, leaseMs / 2),
      log,
    });
  }

  private async take(
    running: ReadonlySet<string>,
    lease: LeaseOptions,
    mode: Mode,
  ): Promise<TakenWork | undefined> {
    const { keeper, options } = this;
    const { warehouse, log } = options;
    const isFree = (job: string) => this.isFree(job, running, mode);
    const all = (await this.known('all')).filter(isFree);
    const always = mode.isOnce ? (await this.known('always')).filter(isFree) : [];
    const leased =
      (await takeJob(warehouse, always, { ...lease, evenIfNotDue: true })) ??
      (await takeJob(warehouse, all, lease));
    if (!leased) return undefined;
    const { job } = leased.lease;
    const kind = this.kindOf(job);
    if (!kind) throw new Error(`nothing here runs the job ${job}`);
    const run = async (signal: AbortSignal) => {
      const ended = await runJob(leased, kind, { warehouse, keeper }, signal, log);
      mode.onRun?.(job, ended);
    };
    return { key: job, run };
  }

  private kindOf(job: string): JobKind | undefined {
    return this.options.kinds.find(({ name }) => name === partsOf(job).kind);
  }

  private isFree(job: string, running: ReadonlySet<string>, { done }: Mode): boolean {
    if (running.has(job) || done.has(job)) return false;
    const kind = this.kindOf(job);
    return !kind?.isAlone || ![...running].some((other) => this.kindOf(other) === kind);
  }

  /** Rows of the jobs that this process may run. */
  private async known(which: 'all' | 'always'): Promise<string[]> {
    await this.makeRows();
    const kinds = this.options.kinds.filter(({ inOnce }) => which === 'all' || inOnce === 'always');
    return jobsLike(this.options.warehouse, patternsOf(kinds));
  }

  /** What `once` still has to do. */
  private async left(done: ReadonlySet<string>): Promise<string[]> {
    const { warehouse, kinds } = this.options;
    // First: a new database has no rows yet, and what is not there is not due either.
    const always = await this.known('always');
    const due = await dueJobsLike(warehouse, patternsOf(kinds));
    return [...always, ...due].filter((job) => !done.has(job));
  }

  private async makeRows(): Promise<void> {
    if (this.hasMadeRows) return;
    const { warehouse, kinds } = this.options;
    const standing = kinds.filter(({ name, jobs }) => jobs.includes(name));
    const atStart = standing.filter((kind) => kind.runsAtStart);
    await warehouse.transaction(async (client) => {
      await ensureJobs(
        client,
        standing.map(({ name }) => name),
      );
      await makeDue(
        client,
        atStart.map(({ name }) => name),
      );
    });
    this.hasMadeRows = true;
  }
}

function patternsOf(kinds: readonly JobKind[]): string[] {
  return kinds.flatMap(({ jobs }) => jobs);
}
