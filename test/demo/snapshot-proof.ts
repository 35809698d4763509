import { compareSnapshots, type SnapshotKind } from '../support/snapshot-comparison.js';
import { formatCount } from './numbers.js';
import type { Check } from './proof.js';
import type { Stage } from './stage.js';

/** Every profile, or session, that an issued event names: is its newest snapshot fresh, and is it what the API says now? */
export async function proveSnapshots(stage: Stage, kind: SnapshotKind): Promise<Check[]> {
  const { warehouse, simulator } = stage;
  const query = (text: string, values: readonly unknown[]) => warehouse.query(text, values);
  const tally = { named: 0, fresh: 0, owed: 0, stale: 0, different: 0 };
  for (const applicationId of simulator.applicationIds) {
    const one = await compareSnapshots(query, simulator, applicationId, kind);
    tally.named += one.named;
    tally.fresh += one.fresh;
    tally.owed += one.owed;
    tally.stale += one.stale;
    tally.different += one.different;
  }
  const named = formatCount(tally.named);
  return [
    {
      subject: `${kind}s`,
      passed: tally.fresh === tally.named,
      text: `${named} named by events, ${formatCount(tally.fresh)} with a snapshot newer than their newest event (${tally.owed} owed, ${tally.stale} forgotten)`,
    },
    {
      subject: `${kind}s`,
      passed: tally.different === 0,
      text: `${named} newest snapshots compared with what the API says now: ${formatCount(tally.different)} different`,
    },
  ];
}
