import { waitUntil } from '../demo/wait.js';
import type { Stage } from './stage.js';

/** Longer than the longest back-off of an Application that has been failing. */
const PATIENCE_MS = 400_000;

/** All faults are over: waits until the daemons have copied everything. Returns whether they have. */
export async function makePeace(
  stage: Stage,
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<boolean> {
  const { traffic, replicas, simulator, habits } = stage;
  traffic.stop();
  for (const replica of replicas) replica.start();
  // By then the last late event is visible.
  const quietFrom = new Date(Date.parse(simulator.now()) + habits.latestMs + 1_000).toISOString();
  try {
    const condition = () => isCaughtUp(stage, quietFrom);
    const what = 'the daemons have caught up';
    await waitUntil(condition, { signal, what, timeoutMs: patienceMs, everyMs: 500 });
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  } finally {
    simulator.clearFaults();
    for (const replica of replicas) await replica.measureMemory();
  }
}

// By the daemons' own account: all was read to its end after the last event had become visible. What is missing then
// will never come.
async function isCaughtUp({ simulator, database }: Stage, quietFrom: string): Promise<boolean> {
  const row = await database.row(
    `select count(*) as caught_up from talon_one_sync_cursor c
     where status = 'up-to-date' and read_until >= $1
       and not exists (select from talon_one_owed_snapshot o where o.application_id = c.application_id)`,
    [quietFrom],
  );
  return Number(row.caught_up) === simulator.applicationIds.length;
}
