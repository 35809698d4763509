import type { JobKind } from '../job.js';
import type { LoyaltyParts } from './loyalty-parts.js';
import { ProgramsJob } from './programs-job.js';
import { snapshotEntries } from './snapshot-exports.js';
import { SnapshotJob } from './snapshot-job.js';
import { TransactionsJob } from './transactions-job.js';

/** The jobs that keep loyalty data up to date. */
export function loyaltyKinds(parts: LoyaltyParts): JobKind[] {
  const { projectionDays } = parts.config.loyalty;
  const entries = snapshotEntries.filter(({ kind }) => kind !== 'projection' || projectionDays > 0);
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
