import type { IssuedEvent } from '../simulator/issued-events.js';
import { formatCount } from './numbers.js';
import type { Check } from './proof.js';
import type { Stage } from './stage.js';

const BATCH = 1000;

interface Tally {
  issued: number;
  missing: number;
  different: number;
  examples: string[];
}

// Both sides as the text of a jsonb: equal to the last digit, whatever the white space and the order of keys were.
const COMPARE = `
  with issued as (
    select (record -> 'id')::bigint as id, (record ->> 'created')::timestamptz as created, record
    from jsonb_array_elements($1::jsonb) as list (record)
  ), compared as (
    select id, e.event_id is null as is_missing,
      (e.payload::text, e.type, e.profile_id, e.session_id) is distinct from
      (record::text, record ->> 'type', nullif((record -> 'profileId')::bigint, 0),
        nullif((record -> 'sessionId')::bigint, 0)) as is_different
    from issued left join talon_one_event e
      on e.application_id = $2 and e.event_id = issued.id and e.created = issued.created
  )
  select count(*) filter (where is_missing) as missing,
    count(*) filter (where is_different and not is_missing) as different,
    string_agg(id::text, ' ') filter (where is_missing or is_different) as examples
  from compared`;

/** Every event that the simulator ever showed, against the rows: ids, payloads, columns. */
export async function proveEvents(stage: Stage): Promise<Check[]> {
  const { simulator, applicationId, warehouse, display } = stage;
  const tally: Tally = { issued: 0, missing: 0, different: 0, examples: [] };
  const track = display.track('compared', simulator.issuedCount(applicationId));
  try {
    // The next texts are built while Postgres compares these.
    let comparing = Promise.resolve();
    for (const batch of batches(simulator.issuedEvents(applicationId))) {
      const list = `[${batch.map((event) => event.text).join(',')}]`;
      await comparing;
      stage.signal.throwIfAborted();
      track.update(tally.issued);
      comparing = compare(stage, list, batch.length, tally);
    }
    await comparing;
    track.update(tally.issued);
  } finally {
    track.end();
  }
  const row = await warehouse.row(
    'select count(*) as stored, count(*) - count(distinct (application_id, event_id)) as double from talon_one_event',
  );
  const stored = Number(row.stored);
  const double = Number(row.double);
  const neverIssued = stored - double - (tally.issued - tally.missing);
  const examples = tally.examples.length === 0 ? '' : ` (such as ${tally.examples.slice(0, 5).join(', ')})`;
  return [
    {
      subject: 'events',
      passed: tally.missing === 0 && double === 0 && neverIssued === 0,
      text: `${formatCount(tally.issued)} issued, ${formatCount(stored)} stored: ${tally.missing} missing, ${double} double, ${neverIssued} never issued${examples}`,
    },
    {
      subject: 'payloads',
      passed: tally.different === 0,
      text: `${formatCount(tally.issued)} compared digit for digit: ${tally.different} different${examples}`,
    },
  ];
}

async function compare(
  { warehouse, applicationId }: Stage,
  list: string,
  count: number,
  tally: Tally,
): Promise<void> {
  const row = await warehouse.row(COMPARE, [list, applicationId]);
  tally.issued += count;
  tally.missing += Number(row.missing);
  tally.different += Number(row.different);
  if (row.examples && tally.examples.length < 5) tally.examples.push(...row.examples.split(' '));
}

function* batches(events: Iterable<IssuedEvent>): Generator<IssuedEvent[]> {
  let batch: IssuedEvent[] = [];
  for (const event of events) {
    batch.push(event);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
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
