import { hasReadingSince } from '../../warehouse/loyalty-snapshot.js';
import type { SnapshotKind } from '../../warehouse/loyalty-snapshot-sql.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import type { LoyaltyParts } from './loyalty-parts.js';
import { snapshotEntries } from './snapshot-exports.js';
import { nextDay, SnapshotJob } from './snapshot-job.js';

// Readings that nobody wants to wait for until tomorrow: the jobs of the daemon, run now whether they are due or not,
// under the same leases. One that a daemon is running is waited for, and what it has begun to read since the command
// started is not read again.

/** What is wanted of which programs. */
export interface WantedSnapshots {
  readonly kinds: readonly SnapshotKind[];
  readonly programIds: readonly string[];
  /** Readings that began since then count, whoever made them: RFC 3339, on the clock of Postgres. */
  readonly since: string;
}

/** A job for each wanted export and program, to be run once. */
export function snapshotsNow(parts: LoyaltyParts, { kinds, programIds, since }: WantedSnapshots): JobKind[] {
  return snapshotEntries
    .filter(({ kind }) => kinds.includes(kind))
    .map((entry): JobKind => {
      const job = new SnapshotJob(entry, parts);
      const { name, backoff } = job;
      const run = async (context: JobContext): Promise<JobResult> => {
        const { subject } = context;
        if (!(await hasReadingSince(parts.warehouse, subject, entry.kind, since))) return job.run(context);
        return { next: nextDay(parts), figures: { reading: 'made meanwhile by another process' } };
      };
      return { name, backoff, jobs: programIds.map((id) => `${name}:${id}`), inOnce: 'always', run };
    });
}
