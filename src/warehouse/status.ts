import type { Client } from './pool.js';
import { isTimeout } from './sqlstate.js';
import type { Warehouse } from './warehouse.js';

// What the status page, /status.json and the gauges of /metrics are made of. Moments are seconds since 1970 on the clock
// of Postgres (those that the API told, on its clock); `null`: not known. Every statement is short or fails soon: whoever
// looks must not keep the sync waiting.

const LIMITS = { statementMs: 2_000, lockMs: 500 };
/** Whoever waits for the page waits for the counts, too. */
const COUNT_LIMITS = { statementMs: 1_500, lockMs: 500 };

export type CursorStatus = 'new' | 'back-filling' | 'up-to-date' | 'failing' | 'unauthorised';

/** One Application, from its cursor row and its last cycle. */
export interface ApplicationFacts {
  readonly id: string;
  readonly name: string | null;
  readonly status: CursorStatus;
  readonly failingSince: number | null;
  readonly lastError: string | null;
  readonly firstSync: number | null;
  readonly lastSync: number;
  readonly readUntil: number | null;
  readonly completeThrough: number | null;
  readonly dueAt: number;
  readonly leaseOwner: string | null;
  readonly isHeld: boolean;
  /** lastSync when the cycle at hand began, and when that was; null when no cycle has the lease. */
  readonly paceFrom: number | null;
  readonly paceSince: number | null;
  readonly lastCycleAt: number | null;
  /** Snapshots that were owed at its end. */
  readonly lastOwed: number | null;
  /** Some process that takes part syncs it, or none has said what it syncs. */
  readonly isWanted: boolean;
}

export interface JobFacts {
  readonly job: string;
  /** `revoked`: the key may not do it any more, but it did once. */
  readonly status: 'new' | 'behind' | 'up-to-date' | 'failing' | 'unauthorised' | 'revoked';
  readonly lastError: string | null;
  readonly failingSince: number | null;
  readonly lastFinishedAt: number | null;
  readonly dueAt: number;
}

export interface ReplicaFacts {
  readonly owner: string;
  readonly version: string;
  readonly startedAt: number;
  readonly seenAt: number;
  /** How many Applications it has listed; null: it has not yet. */
  readonly applications: number | null;
  /** Why it could not list them when it tried last. */
  readonly trouble: string | null;
}

/** A run of the command `once`. */
export interface OnceRunFacts {
  readonly startedAt: number;
  /** null: it runs, or was killed. */
  readonly endedAt: number | null;
  readonly outcome: 'done' | 'failed' | 'stopped' | null;
  /** Why it failed. */
  readonly trouble: string | null;
}

/** Slots of the request budget of an endpoint that was used within the last minute: those in use, or just used, of all. */
export interface BudgetFacts {
  readonly endpoint: string;
  readonly slots: number;
  readonly busy: number;
}

/** What the API grants of an endpoint (`*`: of all together) when it answers with 429 below the limit. */
export interface GrantedFacts {
  readonly endpoint: string;
  readonly requestsPerSecond: number;
}

export interface OwedFacts {
  readonly profiles: number;
  readonly sessions: number;
  /** `created` of the earliest event that calls for one of them. */
  readonly oldest: number;
}

/** How everything stands now. */
export interface Standings {
  readonly now: number;
  readonly applications: readonly ApplicationFacts[];
  /** By Application; those that owe nothing are absent. `undefined`: counting took too long. */
  readonly owed: ReadonlyMap<string, OwedFacts> | undefined;
  /** Records by Application, "0" for those that belong to none. `undefined`: counting took too long. */
  readonly quarantined: ReadonlyMap<string, number> | undefined;
  readonly replicas: readonly ReplicaFacts[];
  /** The last ten, newest first. */
  readonly onceRuns: readonly OnceRunFacts[];
  readonly budget: readonly BudgetFacts[];
  /** Endpoints of which the API grants less than the limit, as far as the process that shows it was told. */
  readonly granted: readonly GrantedFacts[];
  /** Jobs that some process wants, by status. */
  readonly jobCounts: ReadonlyMap<string, number>;
  /** Those of them that do not go well, at most 20. */
  readonly jobs: readonly JobFacts[];
}

export async function readStandings(warehouse: Warehouse): Promise<Standings> {
  const main = await warehouse.transaction(
    async (client) => ({
      now: (await rowsOf<{ now: number }>(client, NOW))[0]?.now ?? 0,
      applications: await rowsOf<ApplicationFacts>(client, APPLICATIONS),
      replicas: await rowsOf<ReplicaFacts>(client, REPLICAS),
      onceRuns: await rowsOf<OnceRunFacts>(client, ONCE_RUNS),
      budget: await rowsOf<BudgetFacts>(client, BUDGET),
      jobCounts: await rowsOf<{ status: string; jobs: number }>(client, JOB_COUNTS),
      jobs: await rowsOf<JobFacts>(client, JOBS),
    }),
    LIMITS,
  );
  const [owed, quarantined] = await Promise.all([
    countIfQuick<OwedFacts & { id: string }>(warehouse, OWED),
    countIfQuick<{ id: string; records: number }>(warehouse, QUARANTINED),
  ]);
  return {
    ...main,
    granted: [],
    jobCounts: new Map(main.jobCounts.map(({ status, jobs }) => [status, jobs])),
    owed: owed && new Map(owed.map(({ id, ...facts }) => [id, facts])),
    quarantined: quarantined && new Map(quarantined.map(({ id, records }) => [id, records])),
  };
}

/** Ten minutes of one Application: what its cycles did that began then. */
export interface HistoryBucket {
  readonly id: string;
  /** 0 = the ten minutes that end now. */
  readonly ago: number;
  readonly cycles: number;
  readonly events: number;
  readonly snapshots: number;
  readonly requests: number;
  readonly busySeconds: number;
  /** The worst at the end of a cycle; null when none could tell. */
  readonly lagSeconds: number | null;
}

export interface CycleFacts {
  readonly id: string;
  readonly cycleId: string;
  readonly finishedAt: number;
  readonly durationSeconds: number;
  readonly outcome: string;
  readonly events: number;
  readonly snapshots: number;
  readonly requests: number;
  readonly error: string | null;
}

/** The last hours of some Applications. */
export interface History {
  /** Those that were asked for, whether they have had a cycle or not. */
  readonly ids: readonly string[];
  readonly buckets: readonly HistoryBucket[];
  /** The last five of each, newest first. */
  readonly cycles: readonly CycleFacts[];
  /** The last three of each within a day that failed, newest first. */
  readonly errors: readonly CycleFacts[];
}

export const BUCKET_SECONDS = 600;
export const BUCKETS = 36;

/** @param ids Applications: few, each costs a look at every cycle of six hours */
export function readHistory(warehouse: Warehouse, ids: readonly string[]): Promise<History> {
  return warehouse.transaction(
    async (client) => ({
      ids,
      buckets: await rowsOf<HistoryBucket>(client, HISTORY, [ids, BUCKET_SECONDS, BUCKETS]),
      cycles: await rowsOf<CycleFacts>(client, LAST_CYCLES, [ids]),
      errors: await rowsOf<CycleFacts>(client, LAST_ERRORS, [ids]),
    }),
    LIMITS,
  );
}

async function rowsOf<Row>(client: Client, statement: string, parameters: unknown[] = []): Promise<Row[]> {
  const { rows } = await client.query(statement, parameters);
  return rows as Row[];
}

// A back-fill can owe millions: a figure that takes long is left out, not waited for.
async function countIfQuick<Row>(warehouse: Warehouse, statement: string): Promise<Row[] | undefined> {
  try {
    return await warehouse.transaction((client) => rowsOf<Row>(client, statement), COUNT_LIMITS);
  } catch (error) {
    if (isTimeout(error)) return undefined;
    throw error;
  }
}

const NOW = 'select extract(epoch from clock_timestamp())::float8 as now';

// What the processes want that take part: the daemons that run, else those that did lately, else the last runs of `once`.
const PROCESSES = `
  daemon as (
    select application_ids, jobs, seen_at > clock_timestamp() - interval '2 minutes' as is_alive from talon_one_replica
  ), process as (
    select application_ids, jobs from daemon where is_alive or not exists (select from daemon where is_alive)
    union all
    select application_ids, jobs from talon_one_once_run
    where not exists (select from daemon) and application_ids is not null and started_at > (
      select max(started_at) - interval '1 day' from talon_one_once_run where application_ids is not null)
  )`;

const APPLICATIONS = `
  with ${PROCESSES}
  select c.application_id::text as id, application_name as name, status,
    extract(epoch from failing_since)::float8 as "failingSince", last_error as "lastError",
    extract(epoch from coalesce(first_sync, application_created))::float8 as "firstSync",
    extract(epoch from last_sync)::float8 as "lastSync", extract(epoch from read_until)::float8 as "readUntil",
    extract(epoch from c.complete_through)::float8 as "completeThrough",
    extract(epoch from next_cycle_at)::float8 as "dueAt", lease_owner as "leaseOwner", held as "isHeld",
    case when held and pace_fence = c.fence then extract(epoch from pace_from)::float8 end as "paceFrom",
    case when held and pace_fence = c.fence then extract(epoch from pace_since)::float8 end as "paceSince",
    extract(epoch from last.finished_at)::float8 as "lastCycleAt", last.owed::float8 as "lastOwed",
    not exists (select from process) or exists (
      select from process where coalesce(c.application_id = any(application_ids), true)) as "isWanted"
  from talon_one_sync_cursor c
  cross join lateral (select coalesce(c.lease_expires_at > clock_timestamp(), false) as held) as lease
  left join lateral (
    select finished_at, owed from talon_one_sync_cycle y
    where y.application_id = c.application_id order by started_at desc limit 1
  ) as last on true
  order by c.application_id`;

const REPLICAS = `
  select owner, version, extract(epoch from started_at)::float8 as "startedAt", extract(epoch from seen_at)::float8 as "seenAt",
    cardinality(application_ids) as applications, trouble
  from talon_one_replica order by seen_at desc limit 50`;

const ONCE_RUNS = `
  select extract(epoch from started_at)::float8 as "startedAt", extract(epoch from ended_at)::float8 as "endedAt", outcome, trouble
  from talon_one_once_run order by started_at desc limit 10`;

const BUDGET = `
  select endpoint, count(*)::float8 as slots, (count(*) filter (where free_at > clock_timestamp()))::float8 as busy
  from talon_one_request_slot group by endpoint having max(free_at) > clock_timestamp() - interval '1 minute'
  order by busy desc, endpoint limit 50`;

const WANTED_JOBS = `
  wanted as (
    select j.*, case when status = 'unauthorised' and last_finished_at is not null then 'revoked' else status end as standing
    from talon_one_job j
    where not exists (select from process) or exists (select from process where coalesce(j.job like any(jobs), true))
  )`;

const JOB_COUNTS = `
  with ${PROCESSES}, ${WANTED_JOBS}
  select standing as status, count(*)::float8 as jobs from wanted group by standing order by standing`;

const JOBS = `
  with ${PROCESSES}, ${WANTED_JOBS}
  select job, standing as status, last_error as "lastError", extract(epoch from failing_since)::float8 as "failingSince",
    extract(epoch from last_finished_at)::float8 as "lastFinishedAt", extract(epoch from next_run_at)::float8 as "dueAt"
  from wanted where standing in ('revoked', 'failing', 'unauthorised', 'behind')
  order by array_position(array['revoked', 'failing', 'unauthorised', 'behind'], standing), job limit 20`;

const OWED = `
  select application_id::text as id, (count(*) filter (where kind = 'profile'))::float8 as profiles,
    (count(*) filter (where kind = 'session'))::float8 as sessions,
    extract(epoch from min(first_created))::float8 as oldest
  from talon_one_owed_snapshot group by application_id`;

const QUARANTINED = `
  select application_id::text as id, count(*)::float8 as records from talon_one_quarantine group by application_id`;

const HISTORY = `
  select application_id::text as id,
    floor(extract(epoch from now() - started_at) / $2::float8)::integer as ago,
    count(*)::float8 as cycles, sum(events_new)::float8 as events,
    sum(profile_snapshots + session_snapshots)::float8 as snapshots, sum(requests)::float8 as requests,
    sum(duration_ms)::float8 / 1000 as "busySeconds",
    max(extract(epoch from finished_at - complete_through))::float8 as "lagSeconds"
  from talon_one_sync_cycle
  where application_id = any($1::bigint[]) and started_at > now() - $2::float8 * $3::float8 * interval '1 second'
    and started_at <= now()
  group by application_id, ago order by application_id, ago desc`;

const CYCLE_COLUMNS = `cycle_id as "cycleId", extract(epoch from finished_at)::float8 as "finishedAt",
      duration_ms::float8 / 1000 as "durationSeconds", outcome, events_new::float8 as events,
      (profile_snapshots + session_snapshots)::float8 as snapshots, requests::float8 as requests, error`;

const LAST_CYCLES = `
  select wanted.id::text as id, y.* from unnest($1::bigint[]) as wanted (id)
  cross join lateral (
    select ${CYCLE_COLUMNS}
    from talon_one_sync_cycle where application_id = wanted.id order by started_at desc limit 5
  ) as y`;

const LAST_ERRORS = `
  select wanted.id::text as id, y.* from unnest($1::bigint[]) as wanted (id)
  cross join lateral (
    select ${CYCLE_COLUMNS}
    from talon_one_sync_cycle
    where application_id = wanted.id and started_at > now() - interval '1 day' and error is not null
    order by started_at desc limit 3
  ) as y`;
