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
import { countWords, durationWords, momentText, momentWords } from './words.js';

// What /, /status.json and the command `status` show, as plain data without any markup.

export interface ApplicationReport extends ApplicationState {
  readonly id: string;
  readonly name: string;
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
  /** Worst first. */
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

/** A daemon says several times a lease that it runs; after this long without a word it counts as gone, in seconds. */
const GONE_AFTER = 120;
const SEVERITY: Record<Tone, number> = { bad: 0, busy: 1, good: 2 };

/** The Applications whose history is wanted, the worst first. */
export function worstApplications(standings: Standings, settings: StatusSettings, most: number): string[] {
  return statusReport(standings, NO_HISTORY, settings)
    .applications.slice(0, most)
    .map(({ id }) => id);
}

const NO_HISTORY: History = { buckets: [], cycles: [], errors: [] };

/** A pure function of what Postgres holds. */
export function statusReport(standings: Standings, history: History, settings: StatusSettings): StatusReport {
  const { now } = standings;
  const isAlive = (seenAt: number) => now - seenAt < Math.max(GONE_AFTER, settings.leaseSeconds);
  const isRunning =
    standings.replicas.some((one) => isAlive(one.seenAt)) || standings.applications.some((one) => one.isHeld);
  const detailed = byId(history);
  const applications = standings.applications
    .map((facts) =>
      applicationReport(facts, { standings, settings, isRunning, history: detailed.get(facts.id) }),
    )
    .sort(worstFirst);
  return {
    at: momentText(now),
    version: settings.version,
    ...summary(applications, isRunning),
    requestsPerSecond: settings.requestsPerSecond,
    applications,
    jobs: {
      counts: Object.fromEntries(standings.jobCounts),
      worst: standings.jobs.map((job) => jobReport(job, now, settings)),
    },
    budget: standings.budget,
    replicas: standings.replicas.map(({ owner, version, startedAt, seenAt }) => ({
      owner,
      version,
      startedAt: momentText(startedAt),
      seenAt: momentText(seenAt),
      isAlive: isAlive(seenAt),
    })),
  };
}

function worstFirst(a: ApplicationReport, b: ApplicationReport): number {
  const severity = SEVERITY[a.tone] - SEVERITY[b.tone];
  if (severity !== 0) return severity;
  const lag = (b.lagSeconds ?? Number.MAX_VALUE) - (a.lagSeconds ?? Number.MAX_VALUE);
  return lag === 0 ? Number(a.id) - Number(b.id) : lag;
}

interface Input {
  readonly standings: Standings;
  readonly settings: StatusSettings;
  readonly isRunning: boolean;
  readonly history: History | undefined;
}

function applicationReport(facts: ApplicationFacts, input: Input): ApplicationReport {
  const { standings, settings, isRunning, history } = input;
  const { now } = standings;
  const owed = standings.owed?.get(facts.id);
  const state = stateOf(facts, {
    now,
    isRunning,
    owed,
    snapshotsPerSecond: history && snapshotsPerSecond(history),
    settings,
  });
  const isCounted = standings.owed !== undefined;
  return {
    id: facts.id,
    name: facts.name ?? `Application ${facts.id}`,
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

function byId({ buckets, cycles, errors }: History): Map<string, History> {
  const ids = new Set([...buckets, ...cycles, ...errors].map(({ id }) => id));
  return new Map(
    [...ids].map((id) => [
      id,
      {
        buckets: buckets.filter((one) => one.id === id),
        cycles: cycles.filter((one) => one.id === id),
        errors: errors.filter((one) => one.id === id),
      },
    ]),
  );
}

/** The one sentence a person looks for, and the next. */
function summary(
  applications: readonly ApplicationReport[],
  isRunning: boolean,
): Pick<StatusReport, 'tone' | 'headline' | 'why' | 'completeThrough'> {
  if (applications.length === 0)
    return {
      tone: 'busy',
      headline: 'No Application is known yet',
      why: isRunning
        ? 'The daemon has not listed the Applications yet, or the key can see none: /readyz says which.'
        : 'No daemon has been running with this database.',
      completeThrough: null,
    };
  const moments = applications.map(({ completeThrough }) => completeThrough);
  const known = moments.filter((moment): moment is string => moment !== null).sort();
  const oldest = known.length === moments.length ? (known[0] ?? null) : null;
  const lacking = applications.filter(({ tone }) => tone !== 'good');
  const [worst] = lacking;
  if (!worst)
    return {
      tone: 'good',
      headline: oldest === null ? 'Up to date' : `All data is complete until ${momentWords(oldest)}`,
      why: 'Newer events follow with the next cycles.',
      completeThrough: oldest,
    };
  const until = oldest === null ? 'not complete yet' : `complete only until ${momentWords(oldest)}`;
  return {
    tone: isRunning ? worst.tone : 'bad',
    headline: isRunning ? `Data is ${until}` : `Nothing runs: data is ${until}`,
    why:
      applications.length === 1
        ? `${worst.name}: ${worst.words}.`
        : `${countWords(lacking.length)} of ${countWords(applications.length)} Applications ${lacking.length === 1 ? 'is' : 'are'} not up to date. The worst is ${worst.name}: ${worst.words}.`,
    completeThrough: oldest,
  };
}

function jobReport(job: JobFacts, now: number, { scrub }: StatusSettings): JobReport {
  const finished = job.lastFinishedAt === null ? null : momentText(job.lastFinishedAt);
  const { text } = causeOf(job.lastError ?? '', scrub);
  const since = durationWords(now - (job.failingSince ?? now));
  const words = {
    unauthorised: `the key may not do this (${text})`,
    failing: `failing for ${since} (${text})`,
    behind: 'still reading',
    new: 'waiting for its first run',
    'up-to-date': 'up to date',
  }[job.status];
  // A key made for events alone is no fault.
  const tone = job.status === 'failing' ? 'bad' : job.status === 'up-to-date' ? 'good' : 'busy';
  return { job: job.job, tone, words, lastFinishedAt: finished };
}
