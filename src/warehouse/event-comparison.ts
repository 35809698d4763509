import { formatInstant, type Instant, parseInstant } from '../instant.js';
import { cleanJson } from '../json/clean.js';
import { elementsOf } from '../json/elements.js';
import { parseJson } from '../json/parse.js';
import type { Client } from './pool.js';
import type { RecordPage } from './record-page.js';
import { isDataRefused } from './sqlstate.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// Pages of events beside what is stored of them. The text goes to Postgres as the writer sends it, so both sides of a
// comparison have been read by the same parser, and payloads are compared as texts: `1.0` and `1.00` differ.

export interface ComparedEvent {
  readonly id: string;
  readonly created: Instant;
  readonly state: 'same' | 'missing' | 'different';
  readonly isPayloadCompared: boolean;
}

export interface ComparedPage {
  readonly events: readonly ComparedEvent[];
  /** Records that cannot be an event, and whether the quarantine has them. */
  readonly unusable: readonly { readonly raw: string; readonly isKept: boolean }[];
}

export interface ComparisonOptions {
  readonly applicationId: string;
  readonly from: Instant;
  /** Exclusive. */
  readonly to: Instant;
  /** Of so many payloads one is compared; 1: all. */
  readonly oneIn: number;
  /** Which ones: another number, other payloads. */
  readonly seed: string;
}

/** Compares the events of a page that were created in the period with what is stored. Changes nothing. */
export async function comparePage(
  warehouse: Warehouse,
  page: RecordPage,
  options: ComparisonOptions,
): Promise<ComparedPage> {
  if (!page.mayChange && page.problems.size === 0) {
    try {
      return { events: await compareText(warehouse, page.text, options), unusable: [] };
    } catch (error) {
      if (!isDataRefused(error)) throw error;
    }
  }
  const raws = elementsOf(page.text, 'data');
  const unusable = raws.filter((raw, index) => page.problems.has(index) && !isElsewhere(raw, options));
  const usable = raws.filter((_, index) => !page.problems.has(index));
  const found = await compareByHalving(warehouse, usable, options);
  const refused = [...unusable, ...found.refused.filter((raw) => !isElsewhere(raw, options))];
  const kept = await quarantined(warehouse, options.applicationId, refused);
  return {
    events: found.events,
    unusable: refused.map((raw, index) => ({ raw, isKept: kept[index] === true })),
  };
}

/** The record says when it was created, and that is not in the period. What says nothing may belong to it. */
function isElsewhere(raw: string, { from, to }: Pick<ComparisonOptions, 'from' | 'to'>): boolean {
  const { created } = (parseJson(raw) ?? {}) as { readonly created?: unknown };
  const moment = typeof created === 'string' ? parseInstant(created) : undefined;
  return moment !== undefined && (moment < from || moment >= to);
}

async function compareByHalving(
  warehouse: Warehouse,
  raws: readonly string[],
  options: ComparisonOptions,
): Promise<{ events: ComparedEvent[]; refused: string[] }> {
  if (raws.length === 0) return { events: [], refused: [] };
  try {
    const text = `{"data":[${raws.map((raw) => cleanJson(raw).text).join(',')}]}`;
    return { events: await compareText(warehouse, text, options), refused: [] };
  } catch (error) {
    if (!isDataRefused(error)) throw error;
    if (raws.length === 1) return { events: [], refused: [...raws] };
    const middle = Math.ceil(raws.length / 2);
    const head = await compareByHalving(warehouse, raws.slice(0, middle), options);
    const tail = await compareByHalving(warehouse, raws.slice(middle), options);
    return { events: [...head.events, ...tail.events], refused: [...head.refused, ...tail.refused] };
  }
}

// What belongs to a forgotten customer differs on purpose.
const COMPARE = `
  with page as (
    select distinct on (event_id, created) *
    from (
      select (event -> 'id')::bigint as event_id, talon_one_instant(event ->> 'created') as created, event as payload
      from jsonb_array_elements($2::jsonb -> 'data') as list (event)
    ) as listed
    where created >= $3 and created < $4
    order by event_id, created
  )
  select page.event_id::text as id, ${rfc3339('page.created')} as created, s.event_id is null as is_missing,
    is_compared, is_compared and s.payload::text <> page.payload::text as is_different
  from page
  left join talon_one_event s
    on s.application_id = $1 and s.event_id = page.event_id and s.created = page.created
      and s.created >= $3 and s.created < $4
  cross join lateral (
    select s.event_id is not null and (page.event_id + $6::bigint) % $5 = 0
      and talon_one_erasure_of(s.profile_id, s.session_id, s.application_id) is null
  ) as chosen (is_compared)`;

async function compareText(
  warehouse: Warehouse,
  text: string,
  { applicationId, from, to, oneIn, seed }: ComparisonOptions,
): Promise<ComparedEvent[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{
      id: string;
      created: string;
      is_missing: boolean;
      is_compared: boolean;
      is_different: boolean | null;
    }>(COMPARE, [applicationId, text, formatInstant(from), formatInstant(to), oneIn, seed]),
  );
  return rows.map((row) => ({
    id: row.id,
    created: parseInstant(row.created) ?? 0n,
    state: row.is_missing ? 'missing' : row.is_different ? 'different' : 'same',
    isPayloadCompared: row.is_compared,
  }));
}

async function quarantined(
  warehouse: Warehouse,
  applicationId: string,
  raws: readonly string[],
): Promise<boolean[]> {
  if (raws.length === 0) return [];
  const texts = raws.map((raw) => raw.replaceAll('\0', '\\u0000'));
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ is_kept: boolean }>(
      `select exists (
         select from talon_one_quarantine q
         where q.kind = 'event' and q.application_id = $1
           and md5(q.raw) in (md5(asked.raw), md5('erased ' || talon_one_hash(asked.raw)))
       ) as is_kept
       from unnest($2::text[]) with ordinality as asked (raw, position) order by position`,
      [applicationId, texts],
    ),
  );
  return rows.map((row) => row.is_kept);
}

/** An event that is stored and was not listed. */
export interface UnlistedEvent {
  readonly id: string;
  readonly created: Instant;
}

/**
 * Stored events of a stretch that are not among those listed; only what was stored before `storedBefore`, for others
 * may have come after the list was read. At most ten thousand.
 */
export async function unlistedEvents(
  warehouse: Warehouse,
  stretch: {
    readonly applicationId: string;
    readonly from: Instant;
    readonly to: Instant;
    readonly storedBefore: string;
  },
  listed: readonly { readonly id: string; readonly created: Instant }[],
): Promise<UnlistedEvent[]> {
  const { applicationId, from, to, storedBefore } = stretch;
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ id: string; created: string }>(
      `select event_id::text as id, ${rfc3339('created')} as created from talon_one_event
       where application_id = $1 and created >= $2 and created < $3 and synced_at < $4
         and (event_id, created) not in (select * from unnest($5::bigint[], $6::timestamptz[]))
       order by created, event_id limit 10000`,
      [
        applicationId,
        formatInstant(from),
        formatInstant(to),
        storedBefore,
        listed.map((one) => one.id),
        listed.map((one) => formatInstant(one.created)),
      ],
    ),
  );
  return rows.map((row) => ({ id: row.id, created: parseInstant(row.created) ?? 0n }));
}

/** Removes stored events, with their effects, so that the writer can store them anew in the same transaction. */
export async function removeEvents(
  client: Client,
  applicationId: string,
  events: readonly { readonly id: string; readonly created: Instant }[],
): Promise<void> {
  const values = [
    applicationId,
    events.map((one) => one.id),
    events.map((one) => formatInstant(one.created)),
  ];
  await client.query(
    `delete from talon_one_effect f using unnest($2::bigint[], $3::timestamptz[]) as gone (event_id, created)
     where f.application_id = $1 and f.event_id = gone.event_id and f.created = gone.created`,
    values,
  );
  await client.query(
    `delete from talon_one_event e using unnest($2::bigint[], $3::timestamptz[]) as gone (event_id, created)
     where e.application_id = $1 and e.event_id = gone.event_id and e.created = gone.created`,
    values,
  );
}
