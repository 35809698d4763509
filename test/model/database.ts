import { formatInstant, type Instant, seconds } from '../../src/instant.js';
import { moment, type TestWarehouse } from '../support/warehouse.js';
import type { Tables } from './state.js';
import { EVENTS, type EventSet, members, toSet } from './timeline.js';

// The tables of the model, written into Postgres and read back. Each transition has an Application of its own, so all of
// them are prepared, and afterwards read, in one go.

/** Every event names both: profiles and sessions have to follow the same rules. */
export const PROFILE = '7';
export const SESSION = '8';
/** Of the cursor rows; a replica that lost its lease has the one before. */
export const FENCE = '5';
export const OUTDATED_FENCE = '4';

const START = moment('2026-03-01T00:00:00Z');
/** Long before the test runs: what it stores itself comes later. */
const STORED_AT = moment('2026-01-01T00:00:00Z');

export function instantOf(time: number): Instant {
  return START + seconds(time);
}

export function createdText(index: number): string {
  return formatInstant(instantOf(EVENTS[index]?.created ?? 0));
}

/** Tables of one Application, and what a fetch under way has covered. */
export interface Prepared {
  readonly applicationId: string;
  readonly tables: Tables;
  readonly asked: EventSet | null;
}

/**
 * When the snapshots were asked for, and the events stored: each event after every snapshot that does not cover it. The
 * sets contain one another, since what is stored only grows.
 */
export function timesOf({ tables, asked }: Prepared) {
  const sets = [tables.covered, asked ?? tables.covered].sort((a, b) => a - b);
  const askedAt = (set: EventSet) => formatInstant(STORED_AT + seconds(10 * sets.lastIndexOf(set) + 5));
  const storedAt = (index: number) => {
    const level = sets.filter((set) => (set & toSet([index])) === 0).length;
    return formatInstant(STORED_AT + seconds(10 * level));
  };
  return { askedAt, storedAt };
}

export async function prepare(db: TestWarehouse, all: readonly Prepared[]): Promise<void> {
  const insert = (text: string, rows: readonly unknown[]) => db.rows(text, JSON.stringify(rows));
  await insert(
    `insert into talon_one_sync_cursor (application_id, last_sync, complete_through, fence, lease_owner, lease_expires_at)
     select id, last_sync, complete_through, ${FENCE}, 'a', clock_timestamp() + lease * interval '1 hour'
     from json_to_recordset($1) as r (id bigint, last_sync timestamptz, complete_through timestamptz, lease integer)`,
    all.map(({ applicationId: id, tables: { lastSync, completeThrough, isLeased } }) => ({
      id,
      last_sync: formatInstant(instantOf(lastSync)),
      complete_through: completeThrough === null ? null : formatInstant(instantOf(completeThrough)),
      lease: isLeased ? 1 : -1,
    })),
  );
  await insert(
    `insert into talon_one_event (application_id, event_id, created, profile_id, session_id, payload, synced_at)
     select id, event, created, ${PROFILE}, ${SESSION}, '{}', stored
     from json_to_recordset($1) as r (id bigint, event bigint, created timestamptz, stored timestamptz)`,
    all.flatMap((one) =>
      members(one.tables.stored).map((index) => ({
        id: one.applicationId,
        event: index + 1,
        created: createdText(index),
        stored: timesOf(one).storedAt(index),
      })),
    ),
  );
  await insert(
    `insert into talon_one_owed_snapshot (kind, application_id, id, event_id, first_created, version)
     select kind, r.id, of, 1, first_created, version
     from json_to_recordset($1) as r (id bigint, first_created timestamptz, version bigint),
       (values ('profile', ${PROFILE}), ('session', ${SESSION})) as owed (kind, of)`,
    all.flatMap(({ applicationId: id, tables: { owed } }) =>
      owed ? [{ id, first_created: formatInstant(instantOf(owed.firstCreated)), version: owed.version }] : [],
    ),
  );
  await insert(
    `with r as (select * from json_to_recordset($1) as r (id bigint, asked timestamptz)), profiles as (
       insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found)
       select ${PROFILE}, asked, id, true from r
     )
     insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source)
     select id, ${SESSION}, asked, true, 'by-id' from r`,
    all.flatMap((one) => {
      const { covered } = one.tables;
      return covered === 0 ? [] : [{ id: one.applicationId, asked: timesOf(one).askedAt(covered) }];
    }),
  );
}

/**
 * The tables of an Application as they are now; every list is one of event ids. complete_through stands a microsecond
 * below what is owed, which in the model is a second.
 */
export interface Found {
  readonly id: string;
  readonly fence: string;
  readonly is_leased: boolean;
  readonly last_sync: string;
  readonly complete_through: string | null;
  readonly stored: string | null;
  readonly owed: string | null;
  readonly profile_covers: string | null;
  readonly session_covers: string | null;
  readonly cycles: number;
}

export async function readBack(db: TestWarehouse): Promise<Map<string, Found>> {
  const covered = (kind: 'profile' | 'session') => `(select string_agg(event_id::text, ',' order by event_id)
    from talon_one_event e where e.application_id = c.application_id and synced_at < (
      select max(fetched_at) from talon_one_${kind}_snapshot s where s.application_id = c.application_id))`;
  const rows = await db.rows<Found & Record<string, unknown>>(
    `select application_id::text as id, fence::text, lease_expires_at > clock_timestamp() as is_leased,
       extract(epoch from last_sync - '${formatInstant(START)}')::float::text as last_sync,
       floor(extract(epoch from complete_through - '${formatInstant(START)}'))::text as complete_through,
       (select string_agg(event_id::text, ',' order by event_id) from talon_one_event e
        where e.application_id = c.application_id) as stored,
       (select string_agg(format('%s %s v%s %s', kind, id, version,
          extract(epoch from first_created - '${formatInstant(START)}')::float), ',' order by kind)
        from talon_one_owed_snapshot o where o.application_id = c.application_id) as owed,
       ${covered('profile')} as profile_covers, ${covered('session')} as session_covers,
       (select count(*)::integer from talon_one_sync_cycle y where y.application_id = c.application_id) as cycles
     from talon_one_sync_cursor c`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** What `readBack` has to find. */
export function expected({ applicationId, tables }: Prepared, fence: string, cycles: number): Found {
  const { isLeased, lastSync, completeThrough, stored, owed, covered } = tables;
  const ids = (set: EventSet) =>
    set === 0
      ? null
      : members(set)
          .map((index) => index + 1)
          .join(',');
  const row = (kind: string, id: string) => `${kind} ${id} v${owed?.version} ${owed?.firstCreated}`;
  return {
    id: applicationId,
    fence,
    is_leased: isLeased,
    last_sync: String(lastSync),
    complete_through: completeThrough === null ? null : String(completeThrough),
    stored: ids(stored),
    owed: owed === null ? null : `${row('profile', PROFILE)},${row('session', SESSION)}`,
    profile_covers: ids(covered),
    session_covers: ids(covered),
    cycles,
  };
}
