import type { Warehouse } from './warehouse.js';

// What each process is to do, noted for whoever asks how things stand: an Application or a job that no process wants any
// more is not behind, it is over. Nothing that is written depends on it.

/** What a daemon is to do. */
export interface DaemonWants {
  /** Names the process. */
  readonly owner: string;
  readonly version: string;
  /** Patterns of LIKE. */
  readonly jobs: readonly string[];
  /** `undefined`: not listed yet, or what was noted before still counts. */
  readonly applicationIds?: readonly string[];
  /** Why the Applications could not be listed; `undefined`: they could, or nobody has tried yet. */
  readonly trouble?: string;
}

/** Notes what a daemon wants; also says that it takes part. */
export async function noteDaemonWants(warehouse: Warehouse, wants: DaemonWants): Promise<void> {
  const { owner, version, jobs, applicationIds, trouble } = wants;
  await warehouse.transaction((client) =>
    client.query(
      `insert into talon_one_replica as known (owner, version, jobs, application_ids, trouble)
       values ($1, $2, $3, $4::bigint[], $5)
       on conflict (owner) do update
         set seen_at = clock_timestamp(), jobs = excluded.jobs, trouble = excluded.trouble,
             application_ids = coalesce(excluded.application_ids, known.application_ids)`,
      [owner, version, jobs, applicationIds ?? null, textOrNull(trouble)],
    ),
  );
}

/** Runs of `once` that are kept. */
const KEPT_RUNS = 50;

/** A run of the command `once` begins. */
export async function beginOnceRun(
  warehouse: Warehouse,
  run: { readonly owner: string; readonly version: string; readonly jobs: readonly string[] },
): Promise<void> {
  await warehouse.transaction(async (client) => {
    await client.query('insert into talon_one_once_run (owner, version, jobs) values ($1, $2, $3)', [
      run.owner,
      run.version,
      run.jobs,
    ]);
    await client.query(
      `delete from talon_one_once_run where owner in (
         select owner from talon_one_once_run order by started_at desc offset $1)`,
      [KEPT_RUNS],
    );
  });
}

/** What the run syncs. */
export async function noteOnceApplications(
  warehouse: Warehouse,
  owner: string,
  applicationIds: readonly string[],
): Promise<void> {
  await warehouse.transaction((client) =>
    client.query('update talon_one_once_run set application_ids = $2::bigint[] where owner = $1', [
      owner,
      applicationIds,
    ]),
  );
}

export type OnceOutcome = 'done' | 'failed' | 'stopped';

/** @param trouble why it failed */
export async function endOnceRun(
  warehouse: Warehouse,
  owner: string,
  outcome: OnceOutcome,
  trouble?: string,
): Promise<void> {
  await warehouse.transaction((client) =>
    client.query(
      'update talon_one_once_run set ended_at = clock_timestamp(), outcome = $2, trouble = $3 where owner = $1',
      [owner, outcome, textOrNull(trouble)],
    ),
  );
}

// A text column cannot hold U+0000 (SQLSTATE 22021).
function textOrNull(text: string | undefined): string | null {
  return text?.replaceAll('\0', '').slice(0, 1000) ?? null;
}
