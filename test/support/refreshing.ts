import { expect } from 'vitest';
import { seconds } from '../../src/instant.js';
import type { JobKind } from '../../src/sync/job.js';
import { JobRunner } from '../../src/sync/job-runner.js';
import { refreshJobs } from '../../src/sync/refresh/refresh-job.js';
import { type SyncOptions, startSync, type TestLog, type TestSync, testLog } from './sync.js';
import type { TestWarehouse } from './warehouse.js';

// Reading again what changed without an event, job by job.

export type What = 'profiles' | 'sessions';

export const SEARCH = /customer_search$/;
export const isSearch = ({ template }: { template: string | null }) => SEARCH.test(template ?? '');
export const LIST = /GET .*\/sessions$/;
export const BY_ID = /sessions\/\{sessionId\}$/;
/** PROFILE_REFRESH_DAYS of these tests. */
export const PERIOD_DAYS = 30;

/** An Application whose events and snapshots are stored: profiles 1, 2, … and a session of each, as its number begins. */
export async function copied(db: TestWarehouse, count: number, options: SyncOptions = {}): Promise<TestSync> {
  const sync = await startSync(db, options);
  sync.sim.addEvents(
    sync.number,
    Array.from({ length: count }, (_, index) => ({
      profileId: idOf(sync, index + 1),
      sessionId: idOf(sync, index + 1),
    })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  sync.sim.resetStatistics();
  return sync;
}

export const idOf = (sync: TestSync, number: number) => sync.number * 10_000 + number;

export function kindsOf(sync: TestSync): JobKind[] {
  return refreshJobs({ ...sync, sparing: sync.client, period: seconds(PERIOD_DAYS * 86_400) });
}

/** Of this Application alone. */
export function runnerOf(sync: TestSync, what: What, { log }: TestLog, kinds = kindsOf(sync)): JobRunner {
  const own = kinds
    .filter(({ name }) => name === `refresh-${what}`)
    .map((kind): JobKind => ({ ...kind, inOnce: 'always', jobs: [`${kind.name}:${sync.applicationId}`] }));
  return new JobRunner({ warehouse: sync.warehouse, kinds: own, owner: 'test', leaseMs: 2_000, log });
}

/** What a walk said of itself. */
export interface Walked {
  refreshed: number;
  changed: number;
  gone: number;
  /** Errors of the job. */
  failed: unknown[];
  readonly recorded: TestLog;
}

/** Runs the job until it has nothing to do at the moment. */
export async function goOn(
  sync: TestSync,
  what: What,
  runner?: JobRunner,
  recorded = testLog(),
): Promise<Walked> {
  const { failed } = await (runner ?? runnerOf(sync, what, recorded)).runOnce(new AbortController().signal);
  const walked: Walked = { refreshed: 0, changed: 0, gone: 0, failed: [...failed.values()], recorded };
  for (const line of recorded.lines.filter(({ msg }) => msg === 'job finished')) {
    for (const name of ['refreshed', 'changed', 'gone'] as const) walked[name] += Number(line[name] ?? 0);
  }
  return walked;
}

/** A round that is nearly over, and that nothing was read in: all of it is due, and the next one is not. */
export async function makeDue(sync: TestSync, what: What, minutesLeft = 5): Promise<void> {
  const [table, id] = what === 'profiles' ? ['profile', 'profile_id'] : ['session', 'session_id'];
  await sync.db.rows(
    `insert into talon_one_job (job, state)
     select $1, jsonb_build_object('highest', max(${id})::text, 'lowest', min(${id})::text, 'below', (max(${id}) + 1)::text,
       'roundStartedAt', to_char((clock_timestamp() - $3 * interval '1 day' + $4 * interval '1 minute') at time zone 'UTC',
         'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
     from talon_one_${table}_snapshot where application_id = $2
     on conflict (job) do update set state = excluded.state, next_run_at = clock_timestamp(), lease_expires_at = null`,
    `refresh-${what}:${sync.applicationId}`,
    sync.applicationId,
    PERIOD_DAYS,
    minutesLeft,
  );
}

export async function walk(sync: TestSync, what: What): Promise<Walked> {
  await makeDue(sync, what);
  return goOn(sync, what);
}

export const profileRows = (sync: TestSync) =>
  sync.db.rows<{ id: string; found: boolean; payload: string | null; event_id: string | null }>(
    `select profile_id::text as id, found, payload::text, event_id::text from talon_one_profile_snapshot
     where application_id = $1 order by fetched_at, profile_id`,
    sync.applicationId,
  );

export const sessionRows = (sync: TestSync) =>
  sync.db.rows<{
    id: string;
    found: boolean;
    source: string;
    payload: string | null;
    event_id: string | null;
  }>(
    `select session_id::text as id, found, source, payload::text, event_id::text from talon_one_session_snapshot
     where application_id = $1 order by fetched_at, session_id`,
    sync.applicationId,
  );

/** Changes the text that the API sends of a profile. */
export function change(sync: TestSync, number: number, pattern: RegExp, by: string): string {
  const id = String(idOf(sync, number));
  const text = sync.sim.profileText(id)?.replace(pattern, by) ?? '';
  expect(text).toContain(by);
  sync.sim.setProfilePayload(id, text);
  return text;
}

export function changeSession(sync: TestSync, number: number, pattern: RegExp, by: string): void {
  const id = String(idOf(sync, number));
  const text = sync.sim.sessionText(sync.number, id)?.replace(pattern, by) ?? '';
  expect(text).toContain(by);
  sync.sim.setSessionPayload(sync.number, id, text);
}

export const NAME = /"Name":"[^"]*"/;
