import { compareEvents, type EventTally } from '../support/event-comparison.js';
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
export async function proveEffects({ warehouse }: Stage): Promise<Check> {
  const row = await warehouse.row(`
    with listed as (
      select e.application_id, e.event_id, e.created, position - 1 as effect_index, effect
      from talon_one_event e, jsonb_array_elements(e.payload -> 'effects') with ordinality as list (effect, position)
    )
    select count(listed.event_id) as listed, count(f.event_id) as stored,
      count(*) filter (where (f.effect_type, f.campaign_id, f.props::text) is distinct from
        (effect ->> 'effectType', (effect -> 'campaignId')::bigint, (effect -> 'props')::text)) as wrong
    from listed full join talon_one_effect f using (application_id, event_id, created, effect_index)`);
  const { listed, stored, wrong } = row;
  return {
    subject: 'effects',
    passed: Number(wrong) === 0,
    text: `${formatCount(Number(listed))} in the payloads, ${formatCount(Number(stored))} rows: ${formatCount(Number(wrong))} missing or different`,
  };
}
