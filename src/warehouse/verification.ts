import { formatInstant, type Instant, parseInstant } from '../instant.js';
import type { Client } from './pool.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// The rows of talon_one_verification: what was compared, how far it has come, what was found.

/** What is to be compared. */
export interface VerificationPlan {
  /** Plans that belong together have the same; a UUID. */
  readonly run?: string | undefined;
  readonly applicationId: string;
  readonly source: 'command' | 'background';
  readonly from: Instant;
  /** Exclusive. */
  readonly to: Instant;
  readonly isDeep: boolean;
  readonly repairs: boolean;
}

/** One row, as it was when it was begun or taken up again. */
export interface Verification extends VerificationPlan {
  readonly id: string;
  /** Everything created before is compared. */
  readonly reached: Instant;
  readonly isResumed: boolean;
}

export const FINDINGS = ['missing', 'different', 'unknown'] as const;
export type FindingKind = (typeof FINDINGS)[number];

export interface VerificationCounts {
  readonly pages: number;
  readonly listed: number;
  readonly compared: number;
  readonly missing: number;
  readonly repaired: number;
  readonly different: number;
  readonly unknown: number;
  readonly notKept: number;
  readonly unusable: number;
  /** Profiles and sessions that the events name and that nothing had been fetched of. */
  readonly lackingSnapshots: number;
  /** Events without all of their effects. */
  readonly lackingEffects: number;
}

export interface VerificationResult extends VerificationCounts {
  /** Event IDs, up to twenty of each. */
  readonly examples: Readonly<Partial<Record<FindingKind, readonly string[]>>>;
  /** Of background verifications: how many events were stored after newer ones, and by how many seconds at most. */
  readonly late: number | undefined;
  readonly latestSeconds: number | undefined;
}

/**
 * Begins a verification, or takes up one of the last day that was interrupted: of the same Application, beginning and
 * manner. Without `to` the end of that one counts, too.
 */
export async function beginVerification(
  warehouse: Warehouse,
  plan: VerificationPlan,
  isEndGiven = true,
): Promise<Verification> {
  return warehouse.transaction(async (client) => {
    const values = [
      plan.applicationId,
      plan.source,
      formatInstant(plan.from),
      formatInstant(plan.to),
      plan.isDeep,
      plan.repairs,
    ];
    const { rows: open } = await client.query<{
      id: string;
      run: string | null;
      period_to: string;
      reached: string;
    }>(
      `select verification_id::text as id, run, ${rfc3339('period_to')} as period_to, ${rfc3339('reached')} as reached
       from talon_one_verification
       where application_id = $1 and source = $2 and period_from = $3 and (period_to = $4 or not $7)
         and is_deep = $5 and repairs = $6 and finished_at is null
         and started_at > clock_timestamp() - interval '1 day'
       order by started_at desc limit 1`,
      [...values, isEndGiven],
    );
    const [known] = open;
    if (known) {
      const [to, reached] = [instantOf(known.period_to), instantOf(known.reached)];
      return { ...plan, id: known.id, run: known.run ?? undefined, to, reached, isResumed: true };
    }
    const { rows } = await client.query<{ id: string }>(
      `insert into talon_one_verification (application_id, source, period_from, period_to, reached, is_deep, repairs, run)
       values ($1, $2, $3, $4, $3, $5, $6, $7) returning verification_id::text as id`,
      [...values, plan.run ?? null],
    );
    return { ...plan, id: rows[0]?.id ?? '0', reached: plan.from, isResumed: false };
  });
}

/** A verification that came to its end in the same run, and what it found. */
export interface FinishedVerification extends VerificationResult {
  readonly from: Instant;
  readonly to: Instant;
}

/** What was found of a plan in the run that it belongs to; `undefined`: it is not finished. */
export async function finishedVerification(
  warehouse: Warehouse,
  plan: VerificationPlan,
  isEndGiven: boolean,
): Promise<FinishedVerification | undefined> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<Record<string, string | null>>(
      `select ${RESULT}, ${rfc3339('period_from')} as period_from, ${rfc3339('period_to')} as period_to
       from talon_one_verification
       where run = $1 and application_id = $2 and period_from = $3 and (period_to = $4 or not $5)
         and finished_at is not null`,
      [plan.run ?? null, plan.applicationId, formatInstant(plan.from), formatInstant(plan.to), isEndGiven],
    ),
  );
  const [row] = rows;
  if (!row) return undefined;
  return { ...toResult(row), from: instantOf(row.period_from ?? ''), to: instantOf(row.period_to ?? '') };
}

/** The run of which one of these plans was interrupted within the last day. */
export async function interruptedRun(
  warehouse: Warehouse,
  plans: readonly VerificationPlan[],
  isEndGiven: boolean,
): Promise<string | undefined> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ run: string }>(
      `select run from talon_one_verification v
       join unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::boolean[], $5::boolean[])
         as plan (application_id, period_from, period_to, is_deep, repairs)
         on v.application_id = plan.application_id and v.period_from = plan.period_from
           and (v.period_to = plan.period_to or not $6) and v.is_deep = plan.is_deep and v.repairs = plan.repairs
       where run is not null and finished_at is null and started_at > clock_timestamp() - interval '1 day'
       order by started_at desc limit 1`,
      [
        plans.map((plan) => plan.applicationId),
        plans.map((plan) => formatInstant(plan.from)),
        plans.map((plan) => formatInstant(plan.to)),
        plans.map((plan) => plan.isDeep),
        plans.map((plan) => plan.repairs),
        isEndGiven,
      ],
    ),
  );
  return rows[0]?.run;
}

/** What one stretch of a verification adds to its row. */
export interface VerificationStep {
  readonly reached: Instant;
  readonly counts: VerificationCounts;
  readonly examples: Readonly<Record<FindingKind, readonly string[]>>;
}

/** Adds to the row what was found up to `reached`. */
export async function noteVerified(client: Client, id: string, step: VerificationStep): Promise<void> {
  const { counts, examples } = step;
  await client.query(
    `update talon_one_verification v
     set reached = greatest(reached, $2), pages = pages + $3, listed = listed + $4, compared = compared + $5,
       missing = missing + $6, repaired = repaired + $7, different = different + $8, unknown = unknown + $9,
       not_kept = not_kept + $10, unusable = unusable + $11, lacking_snapshots = lacking_snapshots + $13,
       lacking_effects = lacking_effects + $14,
       examples = (
         select jsonb_object_agg(kind, (
           select coalesce(jsonb_agg(id), '[]') from (
             select id from jsonb_array_elements(coalesce(v.examples -> kind, '[]') || ids) with ordinality as list (id, position)
             order by position limit 20) as first))
         from jsonb_each($12::jsonb) as found (kind, ids))
     where verification_id = $1`,
    [
      id,
      formatInstant(step.reached),
      counts.pages,
      counts.listed,
      counts.compared,
      counts.missing,
      counts.repaired,
      counts.different,
      counts.unknown,
      counts.notKept,
      counts.unusable,
      JSON.stringify(examples),
      counts.lackingSnapshots,
      counts.lackingEffects,
    ],
  );
}

/** Ends the verification and says what it found, earlier parts of it included. */
export async function endVerification(
  warehouse: Warehouse,
  id: string,
  lateness?: Lateness,
): Promise<VerificationResult> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<Record<string, string | null>>(
      `update talon_one_verification
       set finished_at = clock_timestamp(), reached = period_to, late = $2, latest_seconds = $3
       where verification_id = $1
       returning ${RESULT}`,
      [id, lateness?.late ?? null, lateness?.latestSeconds ?? null],
    ),
  );
  return toResult(rows[0] ?? {});
}

const RESULT = `pages::text, listed::text, compared::text, missing::text, repaired::text, different::text,
  unknown::text, not_kept::text, unusable::text, lacking_snapshots::text, lacking_effects::text, late::text,
  latest_seconds::text, examples::text`;

function toResult(row: Record<string, string | null>): VerificationResult {
  const count = (name: string) => Number(row[name] ?? 0);
  const optional = (name: string) => (row[name] == null ? undefined : Number(row[name]));
  return {
    pages: count('pages'),
    listed: count('listed'),
    compared: count('compared'),
    missing: count('missing'),
    repaired: count('repaired'),
    different: count('different'),
    unknown: count('unknown'),
    notKept: count('not_kept'),
    unusable: count('unusable'),
    lackingSnapshots: count('lacking_snapshots'),
    lackingEffects: count('lacking_effects'),
    late: optional('late'),
    latestSeconds: optional('latest_seconds'),
    examples: JSON.parse(row.examples ?? '{}') as VerificationResult['examples'],
  };
}

/** How late events of a period came, by what is stored: compared with the newest event stored before each. */
export interface Lateness {
  readonly late: number;
  readonly latestSeconds: number;
}

/**
 * Reads the lateness of a period from the order in which its events were stored. Both times are the API's, so no clock
 * of ours is in it. Events that were stored within a second came on one page, whatever its order. What was stored between
 * two cycles is left out: repairs and back-fills take the lease only there, and bring events long after their time. Sorts
 * the events of the period once.
 */
export async function latenessOf(
  warehouse: Warehouse,
  applicationId: string,
  { from, to }: { readonly from: Instant; readonly to: Instant },
): Promise<Lateness> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ late: string; latest: string }>(
      `select count(*)::text as late, coalesce(extract(epoch from max(newest - created)), 0)::text as latest
       from (
         select created, synced_at, max(created) over (order by synced_at range between unbounded preceding and interval '1 second' preceding) as newest
         from talon_one_event where application_id = $1 and created >= $2 and created < $3
       ) as stored
       where newest > created and synced_at <= (
         select finished_at from talon_one_sync_cycle
         where application_id = $1 and started_at <= synced_at order by started_at desc limit 1)`,
      [applicationId, formatInstant(from), formatInstant(to)],
    ),
  );
  return { late: Number(rows[0]?.late ?? 0), latestSeconds: Number(rows[0]?.latest ?? 0) };
}

/** Deletes background rows older than 30 days; those of commands are few, and stay. */
export async function pruneVerifications(warehouse: Warehouse): Promise<void> {
  await warehouse.transaction((client) =>
    client.query(
      `delete from talon_one_verification
       where source = 'background' and started_at < clock_timestamp() - interval '30 days'`,
    ),
  );
}

function instantOf(text: string): Instant {
  return parseInstant(text) ?? 0n;
}
