import type { IssuedEvent } from '../simulator/issued-events.js';

// What the simulator issued against the rows of talon_one_event, in SQL, so that neither ids nor numbers pass through
// JavaScript.

/** Runs a statement; values come back as the text that Postgres writes. */
export type TextQuery = (
  text: string,
  values: readonly unknown[],
) => Promise<Record<string, string | null>[]>;

export interface EventTally {
  issued: number;
  missing: number;
  /** Of the missing ones those that lie behind the cursor and its look-back: they will never be read again. */
  lost: number;
  double: number;
  neverIssued: number;
  /** Payload, columns or kept original are not what was sent. */
  different: number;
  /** IDs of some that are missing or different. */
  readonly examples: string[];
}

export interface ComparisonOptions {
  /** Look-back of the daemons, to tell what is lost from what is still to come. */
  readonly lookbackSeconds?: number;
  readonly onBatch?: (compared: number) => void;
}

const BATCH = 1000;
const MOST_EXAMPLES = 5;
/** Escapes that jsonb refuses: NUL, and the half of a surrogate pair that the campaign's texts hold. */
const ODD = /\\u0000|\\ud83d/g;

// Both sides as the text of a jsonb: equal to the last digit, whatever the white space and the order of keys were.
// $1 Application, $2 the records, $3 the untouched texts of those that jsonb cannot hold, by ID, $4 what lies before it is
// behind the cursor.
const COMPARE = `
  with issued as (
    select (record -> 'id')::bigint as id, (record ->> 'created')::timestamptz as created, record
    from jsonb_array_elements($2::jsonb) as list (record)
  ), odd as (
    select id, original from json_to_recordset($3) as list (id bigint, original text)
  ), compared as (
    select issued.id, e.event_id is null as is_missing, issued.created < $4 as is_behind,
      (e.payload::text, e.type, e.profile_id, e.session_id) is distinct from
        (record::text, record ->> 'type', nullif((record -> 'profileId')::bigint, 0),
          nullif((record -> 'sessionId')::bigint, 0))
      or odd.id is not null and not exists (
        select from talon_one_original_text o
        where o.kind = 'event' and o.application_id = $1 and o.id = odd.id and o.original = odd.original
      ) as is_different
    from issued left join odd using (id)
    left join talon_one_event e on e.application_id = $1 and e.event_id = issued.id and e.created = issued.created
  )
  select count(*) filter (where is_missing) as missing, count(*) filter (where is_missing and is_behind) as lost,
    count(*) filter (where is_different and not is_missing) as different,
    (array_agg(id::text) filter (where is_missing or is_different))[1:${MOST_EXAMPLES}]::text as examples
  from compared`;

const CURSOR = `
  select last_sync - $2 * interval '1 s' as reads_from from talon_one_sync_cursor where application_id = $1`;

const STORED = `
  select count(*) as stored, count(*) - count(distinct event_id) as double
  from talon_one_event where application_id = $1`;

/** Every event that a request could have seen, against the rows of its Application. */
export async function compareEvents(
  query: TextQuery,
  applicationId: number,
  events: Iterable<IssuedEvent>,
  { lookbackSeconds = 0, onBatch = () => {} }: ComparisonOptions = {},
): Promise<EventTally> {
  const tally: EventTally = {
    issued: 0,
    missing: 0,
    lost: 0,
    double: 0,
    neverIssued: 0,
    different: 0,
    examples: [],
  };
  const [cursor] = await query(CURSOR, [applicationId, lookbackSeconds]);
  // The next texts are built while Postgres compares these.
  let comparing = Promise.resolve();
  for (const batch of batches(events)) {
    const parameters = parametersOf(batch);
    await comparing;
    onBatch(tally.issued);
    comparing = query(COMPARE, [applicationId, ...parameters, cursor?.reads_from]).then(([row]) =>
      note(tally, batch.length, row),
    );
  }
  await comparing;
  onBatch(tally.issued);
  const [row] = await query(STORED, [applicationId]);
  tally.double = Number(row?.double);
  tally.neverIssued = Number(row?.stored) - tally.double - (tally.issued - tally.missing);
  return tally;
}

function parametersOf(batch: readonly IssuedEvent[]): [records: string, odd: string] {
  const odd: { id: string | null; original: string }[] = [];
  const texts = batch.map(({ id, text }) => {
    const clean = text.replace(ODD, '\\ufffd');
    if (clean !== text) odd.push({ id, original: text });
    return clean;
  });
  return [`[${texts.join(',')}]`, JSON.stringify(odd)];
}

function note(tally: EventTally, count: number, row: Record<string, string | null> = {}): void {
  tally.issued += count;
  tally.missing += Number(row.missing);
  tally.lost += Number(row.lost);
  tally.different += Number(row.different);
  const examples = row.examples?.match(/\d+/g) ?? [];
  tally.examples.push(...examples.slice(0, MOST_EXAMPLES - tally.examples.length));
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

// Effects against the payloads, which are compared with what was issued on their own.
const EFFECTS = `
  with listed as (
    select e.event_id, e.created, position - 1 as effect_index, effect
    from talon_one_event e, jsonb_array_elements(e.payload -> 'effects') with ordinality as list (effect, position)
    where e.application_id = $1
  ), stored as (
    select * from talon_one_effect where application_id = $1
  )
  select count(listed.event_id) as listed, count(stored.event_id) as stored,
    count(*) filter (where (effect_type, campaign_id, props::text) is distinct from
      (effect ->> 'effectType', (effect -> 'campaignId')::bigint, (effect -> 'props')::text)) as wrong
  from listed full join stored using (event_id, created, effect_index)`;

export interface EffectTally {
  readonly listed: number;
  readonly stored: number;
  /** Missing, different, or belonging to no event. */
  readonly wrong: number;
}

/** The effects of an Application's events against their rows. */
export async function compareEffects(query: TextQuery, applicationId: number): Promise<EffectTally> {
  const [row] = await query(EFFECTS, [applicationId]);
  return { listed: Number(row?.listed), stored: Number(row?.stored), wrong: Number(row?.wrong) };
}
