import type { SnapshotKind } from '../../warehouse/loyalty-snapshot-sql.js';
import type { JobKind } from '../job.js';
import type { LoyaltyParts } from './loyalty-parts.js';
import { ProgramsJob } from './programs-job.js';
import { snapshotEntries } from './snapshot-exports.js';
import { SnapshotJob } from './snapshot-job.js';
import { TransactionsJob } from './transactions-job.js';

/** What is read of every program each day, as the configuration wants it. */
export function dailyKinds({ config }: Pick<LoyaltyParts, 'config'>): SnapshotKind[] {
  const { projectionDays } = config.loyalty;
  return snapshotEntries
    .map(({ kind }) => kind)
    .filter((kind) => kind !== 'projection' || projectionDays > 0);
}

/** The jobs that keep loyalty data up to date; the first of them finds the programs and makes the rows of the others. */
export function loyaltyKinds(parts: LoyaltyParts): [ProgramsJob, ...JobKind[]] {
  const kinds = dailyKinds(parts);
  const entries = snapshotEntries.filter(({ kind }) => kinds.includes(kind));
  const transactions = new TransactionsJob(parts);
  const jobsOfProgram = (programId: string, isCardBased: boolean | undefined) => [
    `${transactions.name}:${programId}`,
    ...entries
      .filter(({ card }) => isCardBased !== true || card !== undefined)
      .map(({ kind }) => `loyalty-${kind}:${programId}`),
  ];
  const snapshots = entries.map((entry) => new SnapshotJob(entry, parts));
  return [new ProgramsJob(parts, jobsOfProgram), transactions, ...snapshots];
}
