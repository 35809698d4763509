import { setTimeout as delay } from 'node:timers/promises';
import { formatClock } from '../demo/numbers.js';
import { Dice } from '../simulator/dice.js';
import { catalogue } from './catalogue.js';
import { LANES, type PlannedFault } from './schedule.js';
import type { Stage } from './stage.js';

export interface NemesisOptions {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Carries out the plan; every fault that was begun is ended, also when `signal` aborts in the middle.
 * @returns the faults that this machine could carry out
 */
export async function rage(
  stage: Stage,
  plan: readonly PlannedFault[],
  { say, signal }: NemesisOptions,
): Promise<PlannedFault[]> {
  const begun: PlannedFault[] = [];
  const startedAt = performance.now();
  const lanes = LANES.map(async (lane) => {
    for (const fault of plan) {
      if (fault.lane !== lane) continue;
      await delay(Math.max(0, fault.atMs - (performance.now() - startedAt)), undefined, { signal });
      const clock = formatClock(performance.now() - startedAt);
      say(
        `${clock.padStart(6)}  #${fault.number} ${lane}: ${fault.kind} for ${(fault.forMs / 1000).toFixed(1)} s`,
      );
      if (await carryOut(stage, fault, signal)) begun.push(fault);
    }
  });
  const results = await Promise.allSettled(lanes);
  signal.throwIfAborted();
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return begun;
}

async function carryOut(stage: Stage, fault: PlannedFault, signal: AbortSignal): Promise<boolean> {
  const script = catalogue[fault.lane][fault.kind];
  if (!script) throw new Error(`there is no fault "${fault.kind}" of ${fault.lane}`);
  const begun = await script.begin(stage, new Dice(fault.seed));
  if (typeof begun !== 'function') {
    const restriction = `${fault.kind}: ${begun.skipped}`;
    if (!stage.restrictions.includes(restriction)) stage.restrictions.push(restriction);
    return false;
  }
  try {
    await delay(fault.forMs, undefined, { signal });
  } finally {
    await begun();
  }
  return true;
}
