import type { Logger } from '../logger.js';
import type { RequestContext } from '../talon-one/management.js';
import type { JobLease, JobState, NextRun } from '../warehouse/job.js';
import type { WorkTally } from './cycle-context.js';
import type { Backoff } from './failure.js';

// Periodic work beside the events: one row of talon_one_job each, one writer over all replicas, errors that touch
// nothing else. A new kind of work is a JobKind in the list of commands/job-kinds.ts.

/** Work of one kind: the same for each thing it is about, such as a loyalty program. */
export interface JobKind {
  /** First part of the names of its jobs: `loyalty-transactions` of `loyalty-transactions:139`. */
  readonly name: string;
  /**
   * Names of the jobs that this process may run, as patterns of LIKE: `loyalty-transactions:%`. One that is the name of
   * the kind is there from the start; rows for the others are made by other jobs.
   */
  readonly jobs: readonly string[];
  /** Runs once at the start of every process too: what it makes of the configuration may have changed. */
  readonly runsAtStart?: true;
  /** Whether the command `once` runs it always, or only when it is due. */
  readonly inOnce: 'always' | 'if-due';
  /** When to try again after a failure; default: as a cycle, from a second to five minutes. */
  readonly backoff?: Backoff;
  /** One run. Every transaction that writes begins with `advanceJob`. */
  run(context: JobContext): Promise<JobResult>;
}

/** What one run is given. */
export interface JobContext {
  readonly lease: JobLease;
  /** What stands after the colon in the job's name; empty when there is none. */
  readonly subject: string;
  readonly state: JobState;
  /** Aborts when the program stops or the lease is lost. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly tally: WorkTally;
  /** To be handed to every request: counts it and logs what failed. */
  readonly requests: RequestContext;
}

export interface JobResult {
  readonly next: NextRun;
  /** There is more to do, and the next run is to follow at once. */
  readonly isBehind?: boolean;
  /** For the one line of the run. */
  readonly figures: Readonly<Record<string, number | string | undefined>>;
}

/** `loyalty-transactions` and `139` of `loyalty-transactions:139`. */
export function partsOf(job: string): { kind: string; subject: string } {
  const colon = job.indexOf(':');
  return colon < 0
    ? { kind: job, subject: '' }
    : { kind: job.slice(0, colon), subject: job.slice(colon + 1) };
}
