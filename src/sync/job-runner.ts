import type { Logger } from '../logger.js';
import {
  dueJobsLike,
  ensureJobs,
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

export interface JobRunnerOptions {
  readonly warehouse: Warehouse;
  readonly kinds: readonly JobKind[];
  /** Names this process in the rows of the jobs. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly log: Logger;
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

  constructor(private readonly options: JobRunnerOptions) {}

  /** Runs jobs until `signal` aborts; resolves when the last of them has ended. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.options.kinds.length === 0) return;
    await this.loop({ isOnce: false, done: new Set() }).run(signal);
  }

  /**
   * Runs every job that `once` runs until it has nothing more to do; resolves with the ones that failed. A job that the
   * key is not allowed to do is only logged: the key was not made for it.
   */
  async runOnce(signal: AbortSignal): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>();
    if (this.options.kinds.length === 0) return failed;
    const done = new Set<string>();
    const onRun = (job: string, { outcome, error }: JobRun) => {
      if (outcome === 'failed') failed.set(job, error);
      if (outcome === 'failed' || outcome === 'unauthorised' || outcome === 'done') done.add(job);
    };
    const isDone = async () => (await this.left(done)).length === 0;
    await this.loop({ isOnce: true, done, onRun }).runUntil(isDone, signal);
    return failed;
  }

  private loop(mode: Mode): DueLoop {
    const { warehouse, owner, leaseMs, log } = this.options;
    const lease: LeaseOptions = { owner, leaseMs, courtesyMs: leaseMs / 2, evenIfNotDue: false };
    return new DueLoop({
      take: (running) => this.take(running, lease, mode),
      untilDue: async (running) => {
        const jobs = (await this.known('all')).filter((job) => !running.has(job) && !mode.done.has(job));
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
    { isOnce, done, onRun }: Mode,
  ): Promise<TakenWork | undefined> {
    const { warehouse, kinds, log } = this.options;
    const isFree = (job: string) => !running.has(job) && !done.has(job);
    const all = (await this.known('all')).filter(isFree);
    const always = isOnce ? (await this.known('always')).filter(isFree) : [];
    const leased =
      (await takeJob(warehouse, always, { ...lease, evenIfNotDue: true })) ??
      (await takeJob(warehouse, all, lease));
    if (!leased) return undefined;
    const { job } = leased.lease;
    const kind = kinds.find(({ name }) => name === partsOf(job).kind);
    if (!kind) throw new Error(`nothing here runs the job ${job}`);
    const run = async (signal: AbortSignal) => {
      const ended = await runJob(leased, kind, warehouse, signal, log);
      onRun?.(job, ended);
    };
    return { key: job, run };
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
    const due = await dueJobsLike(warehouse, patternsOf(kinds));
    return [...(await this.known('always')), ...due].filter((job) => !done.has(job));
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
