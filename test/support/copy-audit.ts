import type { Simulator } from '../simulator/simulator-handle.js';
import type { TestDatabase } from './postgres.js';

type Queryable = Pick<TestDatabase, 'query'>;

// Compares the warehouse with what the simulator has issued, in SQL, so that neither ids nor numbers pass through
// JavaScript. Each finding is one line; none means that all is well.

/** What is missing, double, changed or out of date, once the daemon has caught up. */
export async function findDifferences(simulator: Simulator, database: Queryable): Promise<string[]> {
  if (!(await hasTables(database))) return ['there are no tables yet'];
  const findings: string[] = [];
  for (const id of simulator.applicationIds) {
    const [stored] = await database.query<{ count: string }>(
      'select count(*) from talon_one_event where application_id = $1',
      [id],
    );
    const issued = simulator.issuedCount(id);
    if (stored?.count === String(issued)) findings.push(...(await auditApplication(simulator, database, id)));
    else findings.push(`Application ${id}: ${stored?.count} events stored, ${issued} issued`);
  }
  return findings;
}

/** What may be wrong at no moment: a page stored in part, or a cursor ahead of what is stored. */
export async function findHalfStored(simulator: Simulator, database: Queryable): Promise<string[]> {
  if (!(await hasTables(database))) return [];
  const findings: string[] = [];
  for (const id of simulator.applicationIds) {
    findings.push(...(await audit(database, id, issuedJson(simulator, id), HALF_STORED)));
  }
  return findings;
}

async function auditApplication(simulator: Simulator, database: Queryable, id: number): Promise<string[]> {
  return audit(database, id, issuedJson(simulator, id), `${HALF_STORED} union all ${DIFFERENCES}`);
}

async function audit(database: Queryable, id: number, issued: string, checks: string): Promise<string[]> {
  const rows = await database.query<{ finding: string; count: string; example: string }>(
    `with ${ISSUED}
     select finding, count(*), min(id)::text as example from (${checks}) as checks (finding, id) group by finding`,
    [id, issued],
  );
  return rows.map((row) => `Application ${id}: ${row.finding}, ${row.count} times, such as ${row.example}`);
}

async function hasTables(database: Queryable): Promise<boolean> {
  const [row] = await database.query<{ present: boolean }>(
    `select to_regclass('talon_one_owed_snapshot') is not null as present`,
  );
  return row?.present === true;
}

function issuedJson(simulator: Simulator, applicationId: number): string {
  const events = [...simulator.issuedEvents(applicationId)];
  return JSON.stringify(events.map(({ id, created, text }) => ({ id, created, text })));
}

// $1 Application, $2 the issued events.
const ISSUED = `
  issued as materialized (
    select id, created, text::jsonb as payload
    from json_to_recordset($2) as e (id bigint, created timestamptz, text text)
  ), event as materialized (
    select * from talon_one_event where application_id = $1
  ), touched as materialized (
    select event_id, synced_at, kind, id
    from event, lateral (values ('profile', profile_id), ('session', session_id)) as named (kind, id)
    where id is not null
  ), snapshot as materialized (
    select 'profile' as kind, profile_id as id, max(fetched_at) as fetched_at from talon_one_profile_snapshot
    where application_id = $1 and found group by profile_id
    union all
    select 'session', session_id, max(fetched_at) from talon_one_session_snapshot
    where application_id = $1 and found group by session_id
  )`;

const HALF_STORED = `
  select 'an event below the cursor is not stored', id from issued
  where created <= (select last_sync from talon_one_sync_cursor where application_id = $1)
    and id not in (select event_id from event)
  union all
  select 'an event below complete_through is not stored', id from issued
  where created <= (select complete_through from talon_one_sync_cursor where application_id = $1)
    and id not in (select event_id from event)
  union all
  select 'the effects of an event are not its rows', event_id from event
  where jsonb_array_length(payload -> 'effects') <> (
    select count(*) from talon_one_effect f
    where f.application_id = $1 and f.event_id = event.event_id and f.created = event.created)
  union all
  select 'neither owed nor fetched since: the ' || kind || ' of an event', event_id from touched t
  where not exists (select from snapshot s where s.kind = t.kind and s.id = t.id and s.fetched_at >= t.synced_at)
    and not exists (
      select from talon_one_owed_snapshot o where o.kind = t.kind and o.application_id = $1 and o.id = t.id)`;

const DIFFERENCES = `
  select 'an issued event is not stored', id from issued where id not in (select event_id from event)
  union all
  select 'a stored event was never issued', event_id from event where event_id not in (select id from issued)
  union all
  select 'an event is stored twice', event_id from event group by event_id having count(*) > 1
  union all
  select 'an event is not stored as it was sent', event_id from event join issued on id = event_id
  where event.payload <> issued.payload or event.created <> issued.created
  union all
  select 'a ' || kind || ' is owed', id from talon_one_owed_snapshot where application_id = $1
  union all
  select 'a record is in quarantine', quarantine_id from talon_one_quarantine where application_id = $1`;
