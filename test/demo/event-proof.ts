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

async function compareAll({
  simulator,
  applicationId,
  warehouse,
  display,
  signal,
}: Stage): Promise<EventTally> {
  const track = display.track('compared', simulator.issuedCount(applicationId));
  const query = (text: string, values: readonly unknown[]) => warehouse.query(text, values);
  try {
    return await compareEvents(query, applicationId, simulator.issuedEvents(applicationId), {
      onBatch: (compared) => {
        signal.throwIfAborted();
        track.update(compared);
      },
    });
  } finally {
    track.end();
  }
}

/** The effects against the payloads, which have just been proven. */
export async function proveEffects({ warehouse, applicationId }: Stage): Promise<Check> {
  const query = (text: string, values: readonly unknown[]) => warehouse.query(text, values);
  const { listed, stored, wrong } = await compareEffects(query, applicationId);
  return {
    subject: 'effects',
    passed: wrong === 0,
    text: `${formatCount(listed)} in the payloads, ${formatCount(stored)} rows: ${formatCount(wrong)} missing or different`,
  };
}
