import { compareEffects, compareEvents, type EventTally } from '../support/event-comparison.js';
import { formatCount } from './numbers.js';
import type { Check } from './proof.js';
import type { Stage } from './stage.js';

/** Every event that the simulator ever showed, against the rows: ids, payloads, columns. */
export async function proveEvents(stage: Stage): Promise<Check[]> {
  const { issued, missing, double, neverIssued, different, examples } = await compareAll(stage);
  const such = examples.length === 0 ? '' : ` (such as ${examples.join(', ')})`;
  const stored = formatCount(issued - missing + double + neverIssued);
  return [
    {
      subject: 'events',
      passed: missing === 0 && double === 0 && neverIssued === 0,
      text: `${formatCount(issued)} issued, ${stored} stored: ${missing} missing, ${double} double, ${neverIssued} never issued${such}`,
    },
    {
      subject: 'payloads',
      passed: different === 0,
      text: `${formatCount(issued)} compared digit for digit: ${different} different${such}`,
    },
  ];
}

/** Over both Applications. */
async function compareAll({ simulator, warehouse, display, signal }: Stage): Promise<EventTally> {
  const { applicationIds } = simulator;
  const all = applicationIds.reduce((sum, id) => sum + simulator.issuedCount(id), 0);
  const track = display.track('compared', all);
  const query = (text: string, values: readonly unknown[]) => warehouse.query(text, values);
  const tallies: EventTally[] = [];
  const sum = (of: (tally: EventTally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  try {
    for (const applicationId of applicationIds) {
      const before = sum(({ issued }) => issued);
      const onBatch = (compared: number) => {
        signal.throwIfAborted();
        track.update(before + compared);
      };
      const events = simulator.issuedEvents(applicationId);
      tallies.push(await compareEvents(query, applicationId, events, { onBatch }));
    }
  } finally {
    track.end();
  }
  return {
    issued: sum(({ issued }) => issued),
    missing: sum(({ missing }) => missing),
    lost: sum(({ lost }) => lost),
    double: sum(({ double }) => double),
    neverIssued: sum(({ neverIssued }) => neverIssued),
    different: sum(({ different }) => different),
    examples: tallies.flatMap(({ examples }) => examples),
  };
}

/** The effects against the payloads, which have just been proven. */
export async function proveEffects({ warehouse, simulator }: Stage): Promise<Check> {
  const query = (text: string, values: readonly unknown[]) => warehouse.query(text, values);
  let [listed, stored, wrong] = [0, 0, 0];
  for (const applicationId of simulator.applicationIds) {
    const tally = await compareEffects(query, applicationId);
    listed += tally.listed;
    stored += tally.stored;
    wrong += tally.wrong;
  }
  return {
    subject: 'effects',
    passed: wrong === 0,
    text: `${formatCount(listed)} in the payloads, ${formatCount(stored)} rows: ${formatCount(wrong)} missing or different`,
  };
}
