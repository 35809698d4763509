import {
  type ApplicationFacts,
  BUCKET_SECONDS,
  BUCKETS,
  type CycleFacts,
  type History,
  type JobFacts,
  type Standings,
} from '../warehouse/status.js';
import { type ApplicationState, type StatusSettings, stateOf, type Tone } from './application-state.js';
import { causeOf } from './public-error.js';
import { isAlive, type Running, runningOf } from './running.js';
import { summaryOf } from './summary.js';
import { durationWords, momentText } from './words.js';

// What /, /status.json and the command `status` show, as plain data without any markup.

export interface ApplicationReport extends ApplicationState {
  readonly id: string;
  readonly name: string;
  /** Some process copies it. */
  readonly isWanted: boolean;
  /** RFC 3339, UTC; null: nothing is complete yet. */
  readonly completeThrough: string | null;
  readonly lagSeconds: number | null;
  /** null: counting them took too long. */
  readonly owedProfiles: number | null;
  readonly owedSessions: number | null;
  /** As the last cycle counted them; null when there was none. */
  readonly owedAfterLastCycle: number | null;
  readonly quarantined: number | null;
  readonly leaseOwner: string | null;
  readonly lastCycleAt: string | null;
  /** Of the worst Applications only. */
  readonly details: ApplicationDetails | null;
}

export interface ApplicationDetails {
  readonly bucketSeconds: number;
  /** One value for each bucket, the oldest first; lag is null where no cycle could tell. */
  readonly events: readonly number[];
  readonly lagSeconds: readonly (number | null)[];
  readonly requests: readonly number[];
  readonly cycles: readonly CycleReport[];
  readonly errors: readonly { readonly at: string; readonly cycleId: string; readonly text: string }[];
}

export interface CycleReport {
  readonly at: string;
  readonly cycleId: string;
  readonly outcome: string;
  readonly durationSeconds: number;
  readonly events: number;
  readonly snapshots: number;
  readonly requests: number;
}

export interface JobReport {
  readonly job: string;
  readonly tone: Tone;
  readonly words: string;
  readonly lastFinishedAt: string | null;
}

export interface StatusReport {
  /** Clock of Postgres. */
  readonly at: string;
  readonly version: string;
  readonly tone: Tone;
  /** Is the data complete, and until when? */
  readonly headline: string;
  /** If not, why? */
  readonly why: string;
  /** Everything of every Application is stored up to here; null: not of every one. */
  readonly completeThrough: string | null;
  readonly requestsPerSecond: number;
  /** Where the API grants less. */
  readonly granted: readonly { readonly endpoint: string; readonly requestsPerSecond: number }[];
  /** Quarantined records that belong to no Application: of loyalty and reference data; null: counting took too long. */
  readonly quarantinedElsewhere: number | null;
  /** Worst first; those that are no longer copied last. */
  readonly applications: readonly ApplicationReport[];
  readonly jobs: { readonly counts: Readonly<Record<string, number>>; readonly worst: readonly JobReport[] };
  readonly budget: readonly { readonly endpoint: string; readonly slots: number; readonly busy: number }[];
  readonly replicas: readonly {
    readonly owner: string;
    readonly version: string;
    readonly startedAt: string;
    readonly seenAt: string;
    readonly isAlive: boolean;
  }[];
}

const SEVERITY: Record<Tone, number> = { bad: 0, busy: 1, good: 2 };

/** The Applications whose history is wanted, the worst first. */
export function worstApplications(standings: Standings, settings: StatusSettings, most: number): string[] {
  return statusReport(standings, NO_HISTORY, settings)
    .applications.slice(0, most)
    .map(({ id }) => id);
}

const NO_HISTORY: History = { ids: [], buckets: [], cycles: [], errors: [] };

/** A pure function of what Postgres holds. */
export function statusReport(standings: Standings, history: History, settings: StatusSettings): StatusReport {
  const { now, quarantined } = standings;
  const running = runningOf(standings, settings);
  const detailed = byId(history);
  const applications = standings.applications
    .map((facts) =>
      applicationReport(facts, { standings, settings, running, history: detailed.get(facts.id) }),
    )
    .sort(worstFirst);
  const jobs = standings.jobs.map((job) => jobReport(job, now, settings));
  return {
    at: momentText(now),
    version: settings.version,
    ...summaryOf({ standings, settings, running, applications, jobs }),
    requestsPerSecond: settings.requestsPerSecond,
    granted: standings.granted,
    quarantinedElsewhere: quarantined === undefined ? null : (quarantined.get('0') ?? 0),
    applications,
    jobs: { counts: Object.fromEntries(standings.jobCounts), worst: jobs },
    budget: standings.budget,
    replicas: standings.replicas.map(({ owner, version, startedAt, seenAt }) => ({
      owner,
      version,
      startedAt: momentText(startedAt),
      seenAt: momentText(seenAt),
      isAlive: owner === settings.owner || isAlive(seenAt, now, settings),
    })),
  };
}

function worstFirst(a: ApplicationReport, b: ApplicationReport): number {
  if (a.isWanted !== b.isWanted) return a.isWanted ? -1 : 1;
  const severity = SEVERITY[a.tone] - SEVERITY[b.tone];
  if (severity !== 0) return severity;
  const lag = (b.lagSeconds ?? Number.MAX_VALUE) - (a.lagSeconds ?? Number.MAX_VALUE);
  return lag === 0 ? Number(a.id) - Number(b.id) : lag;
}

interface Input {
  readonly standings: Standings;
  readonly settings: StatusSettings;
  readonly running: Running;
  readonly history: History | undefined;
}

function applicationReport(facts: ApplicationFacts, input: Input): ApplicationReport {
  const { standings, settings, running, history } = input;
  const { now } = standings;
  const owed = standings.owed?.get(facts.id);
  const state = stateOf(facts, {
    now,
    running,
    owed,
    granted: standings.granted,
    snapshotsPerSecond: history && snapshotsPerSecond(history),
    settings,
  });
  const isCounted = standings.owed !== undefined;
  return {
    id: facts.id,
    name: facts.name ?? `Application ${facts.id}`,
    isWanted: facts.isWanted,
    ...state,
    completeThrough: facts.completeThrough === null ? null : momentText(facts.completeThrough),
    lagSeconds: facts.completeThrough === null ? null : Math.max(0, Math.round(now - facts.completeThrough)),
    owedProfiles: isCounted ? (owed?.profiles ?? 0) : null,
    owedSessions: isCounted ? (owed?.sessions ?? 0) : null,
    owedAfterLastCycle: facts.lastOwed,
    quarantined: standings.quarantined === undefined ? null : (standings.quarantined.get(facts.id) ?? 0),
    leaseOwner: facts.isHeld ? facts.leaseOwner : null,
    lastCycleAt: facts.lastCycleAt === null ? null : momentText(facts.lastCycleAt),
    details: history === undefined ? null : detailsOf(history, settings),
  };
}

function detailsOf(history: History, settings: StatusSettings): ApplicationDetails {
  const buckets = Array.from({ length: BUCKETS }, (_, index) =>
    history.buckets.find(({ ago }) => ago === BUCKETS - 1 - index),
  );
  return {
    bucketSeconds: BUCKET_SECONDS,
    events: buckets.map((bucket) => bucket?.events ?? 0),
    lagSeconds: buckets.map((bucket) => bucket?.lagSeconds ?? null),
    requests: buckets.map((bucket) => bucket?.requests ?? 0),
    cycles: history.cycles.map(cycleReport),
    errors: history.errors.map(({ finishedAt, cycleId, error }) => ({
      at: momentText(finishedAt),
      cycleId,
      text: causeOf(error ?? '', settings.scrub).text,
    })),
  };
}

function cycleReport({ finishedAt, error: _, id: __, ...figures }: CycleFacts): CycleReport {
  return { at: momentText(finishedAt), ...figures };
}

function snapshotsPerSecond({ buckets }: History): number | undefined {
  const snapshots = buckets.reduce((sum, bucket) => sum + bucket.snapshots, 0);
  const seconds = buckets.reduce((sum, bucket) => sum + bucket.busySeconds, 0);
  return seconds > 0 && snapshots > 0 ? snapshots / seconds : undefined;
}

function byId({ ids, buckets, cycles, errors }: History): Map<string, History> {
  return new Map(
    ids.map((id) => [
      id,
      {
        ids: [id],
        buckets: buckets.filter((one) => one.id === id),
        cycles: cycles.filter((one) => one.id === id),
        errors: errors.filter((one) => one.id === id),
      },
    ]),
  );
}

/** Failing for so long is no longer everyday trouble, in seconds. */
const LASTING = 300;

function jobReport(job: JobFacts, now: number, { scrub }: StatusSettings): JobReport {
  const finished = job.lastFinishedAt === null ? null : momentText(job.lastFinishedAt);
  const { text } = causeOf(job.lastError ?? '', scrub);
  const failingFor = now - (job.failingSince ?? now);
  const words = {
    unauthorised: `the key may not do this (${text})`,
    revoked: `the key may not do this any more (${text})`,
    failing: `failing for ${durationWords(failingFor)} (${text})`,
    behind: 'still reading',
    new: 'waiting for its first run',
    'up-to-date': 'up to date',
  }[job.status];
  return { job: job.job, tone: jobTone(job, failingFor), words, lastFinishedAt: finished };
}

// A key made for events alone is no fault; one that has lost a right is.
function jobTone({ status }: JobFacts, failingFor: number): Tone {
  if (status === 'revoked') return 'bad';
  if (status === 'failing') return failingFor >= LASTING ? 'bad' : 'busy';
  return status === 'up-to-date' ? 'good' : 'busy';
}
