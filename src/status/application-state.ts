import type { ApplicationFacts, GrantedFacts, OwedFacts } from '../warehouse/status.js';
import { causeOf } from './public-error.js';
import type { Running } from './running.js';
import { grantedFor, isLess, rateWords, snapshotTime, type TimeLeft } from './time-left.js';
import { durationWords, momentText, momentWords, plural } from './words.js';

/** good: nothing to do; busy: it comes right by itself; bad: somebody should look. */
export type Tone = 'good' | 'busy' | 'bad';

/** What the report takes from the configuration of the process that makes it. */
export interface StatusSettings {
  readonly version: string;
  /** The daemon that serves the page: whoever sees it knows that this one runs. `undefined`: a command asks. */
  readonly owner: string | undefined;
  /** 0 = unlimited */
  readonly requestsPerSecond: number;
  /** `key`: one budget for all endpoints. */
  readonly rateLimitScope: 'endpoint' | 'key';
  readonly sessionSource: 'auto' | 'by-id' | 'list' | 'export';
  /** Profiles in a request. */
  readonly pageSize: number;
  readonly intervalSeconds: number;
  readonly lookbackSeconds: number;
  readonly leaseSeconds: number;
  /** Blanks the secrets in a text. */
  readonly scrub: (text: string) => string;
}

export interface Progress {
  /** Of the time from where the sync began until now, in whole percent, 0 to 99. */
  readonly percent: number;
  /** At the pace of the cycle at hand; null while that is not known. */
  readonly secondsLeft: number | null;
}

export interface ApplicationState {
  readonly tone: Tone;
  /** In words: "up to date", "waiting for the API: 429" … */
  readonly words: string;
  /** What it means, and what to do; null when nothing has to be said. */
  readonly advice: string | null;
  readonly progress: Progress | null;
}

export interface Surroundings {
  /** Seconds since 1970, clock of Postgres. */
  readonly now: number;
  readonly running: Running;
  readonly owed: OwedFacts | undefined;
  /** Snapshots stored in a second of work, of the last hours; undefined: not known. */
  readonly snapshotsPerSecond: number | undefined;
  readonly granted: readonly GrantedFacts[];
  readonly settings: StatusSettings;
}

/** Failing for so long, or due for so long, is no longer everyday trouble, in seconds. */
const LASTING = 300;
/** A pace that has been measured for less than this says little, in seconds. */
const SHORTEST_PACE = 15;
/** read_until and last_sync come from two clocks and a header in whole seconds. */
const CLOCK_TOLERANCE = 60;

/** Why an Application is, or is not, complete: a pure function of what Postgres holds. */
export function stateOf(application: ApplicationFacts, around: Surroundings): ApplicationState {
  if (!application.isWanted)
    return {
      tone: 'good',
      words: 'no longer copied',
      advice: 'No process copies it any more (TALON_ONE_APPLICATION_IDS, or the key cannot see it).',
      progress: null,
    };
  if (around.running.kind === 'stopped')
    return {
      tone: 'bad',
      words: 'stopped',
      advice: 'No daemon is running: start "talon-one-sync run", and look at its last log line.',
      progress: progressOf(application, around.now),
    };
  // Until it ends, a cycle that reads again after a failure leaves the failure in the row.
  if (isMoving(application) && isReadingEvents(application)) return readingEvents(application, around);
  switch (application.status) {
    case 'unauthorised':
      return unauthorised(application, around);
    case 'failing':
      return failing(application, around);
    case 'new':
      return {
        tone: 'busy',
        words: application.isHeld ? 'reading its first page' : 'waiting for its first cycle',
        advice: null,
        progress: null,
      };
    case 'back-filling':
      return backFilling(application, around);
    case 'up-to-date':
      return upToDate(application, around);
  }
}

function unauthorised({ lastError }: ApplicationFacts, { settings }: Surroundings): ApplicationState {
  const { text } = causeOf(lastError ?? '', settings.scrub);
  return {
    tone: 'bad',
    words: 'not authorised',
    advice: `Talon.One refuses the key (${text}). It may have expired, belong to another environment, or lack this endpoint: "talon-one-sync check" tells which.`,
    progress: null,
  };
}

function failing(application: ApplicationFacts, { now, settings }: Surroundings): ApplicationState {
  const { awaited, text } = causeOf(application.lastError ?? '', settings.scrub);
  const failingFor = now - (application.failingSince ?? now);
  const next = application.dueAt > now ? ` Next try in ${durationWords(application.dueAt - now)}.` : '';
  const hint =
    awaited === 'the API: 429'
      ? ' Another program may use the same key: lower REQUESTS_PER_SECOND, or set RATE_LIMIT_SCOPE=key.'
      : '';
  return {
    tone: failingFor >= LASTING ? 'bad' : 'busy',
    words: awaited === undefined ? 'failing' : `waiting for ${awaited}`,
    advice: `${text}, for ${durationWords(failingFor)}. It is tried again by itself.${next}${hint}`,
    progress: isReadingEvents(application) ? progressOf(application, now) : null,
  };
}

/** Whether the cycle at hand has stored events that bring it forward. */
function isMoving({ isHeld, paceFrom, lastSync }: ApplicationFacts): boolean {
  return isHeld && paceFrom !== null && lastSync > paceFrom;
}

/** Whether events are missing, and not only snapshots. */
function isReadingEvents({ readUntil, lastSync }: ApplicationFacts): boolean {
  return readUntil === null || lastSync > readUntil + CLOCK_TOLERANCE;
}

function readingEvents(application: ApplicationFacts, around: Surroundings): ApplicationState {
  const { now, running } = around;
  const progress = progressOf(application, now);
  const percent = progress === null ? '' : `, ${progress.percent} %`;
  const left =
    progress === null || progress.secondsLeft === null ? undefined : allLeft(application, progress, around);
  const waiting =
    running.kind === 'once'
      ? 'Nothing is at it now: the next "once" goes on with it.'
      : 'No cycle is at it now: more Applications want requests than there are, or the next cycle is about to begin.';
  return {
    tone: 'busy',
    words: `back-filling${percent}${leftWords(left, EVENTS, around)}`,
    advice: application.isHeld ? grantedAdvice(EVENTS, around) : waiting,
    progress: progress && left ? { ...progress, secondsLeft: left.seconds } : progress,
  };
}

// The snapshots come after the events, and the events that are still to be read call for more of them.
function allLeft(
  { firstSync, lastSync }: ApplicationFacts,
  { secondsLeft }: Progress,
  around: Surroundings,
): TimeLeft {
  const { now, owed } = around;
  const share = firstSync === null ? 1 : Math.max(0.01, (lastSync - firstSync) / (now - firstSync));
  const expected = owed && { profiles: owed.profiles / share, sessions: owed.sessions / share };
  const snapshots = (expected && snapshotsLeft(expected, around)) ?? { seconds: 0, isMost: false };
  return { seconds: (secondsLeft ?? 0) + snapshots.seconds, isMost: snapshots.isMost };
}

const EVENTS = /\/events/;
const SNAPSHOTS = /\/sessions|customer_search/;

function snapshotsLeft(
  owed: Pick<OwedFacts, 'profiles' | 'sessions'>,
  { snapshotsPerSecond, settings, granted }: Surroundings,
): TimeLeft | undefined {
  if (snapshotsPerSecond !== undefined && snapshotsPerSecond > 0)
    return { seconds: (owed.profiles + owed.sessions) / snapshotsPerSecond, isMost: false };
  return snapshotTime(owed, { ...settings, requestsPerSecond: grantedFor(SNAPSHOTS, granted, settings) });
}

function leftWords(
  left: TimeLeft | undefined,
  endpoints: RegExp,
  { granted, settings }: Surroundings,
): string {
  const rate = grantedFor(endpoints, granted, settings);
  const less = isLess(endpoints, granted, settings) ? ', all that the API grants (429)' : '';
  if (left === undefined) return less === '' ? '' : `, ${rateWords(rate)}${less}`;
  const limit = rate > 0 ? ` at ${rateWords(rate)}${less}` : '';
  const most = left.isMost && left.seconds >= 60 ? 'at most ' : '';
  return `, ${most}${about(left.seconds, most === '')} left${limit}`;
}

function grantedAdvice(endpoints: RegExp, { granted, settings }: Surroundings): string | null {
  return isLess(endpoints, granted, settings)
    ? `The API answers 429 below REQUESTS_PER_SECOND=${settings.requestsPerSecond}: another program may use the same key. Lower it if that is usual, or set RATE_LIMIT_SCOPE=key.`
    : null;
}

function backFilling(application: ApplicationFacts, around: Surroundings): ApplicationState {
  const { now, settings } = around;
  if (isReadingEvents(application)) return readingEvents(application, around);
  const { completeThrough } = application;
  // A cycle of several pages, as they come every minute.
  if (completeThrough !== null && now - completeThrough <= LASTING + settings.lookbackSeconds)
    return upToDate(application, around);
  return owing(application, around);
}

/** All events are stored, but profiles or sessions are owed. */
function owing({ isHeld, dueAt }: ApplicationFacts, around: Surroundings): ApplicationState {
  const { now, owed } = around;
  const count = owed === undefined ? undefined : owed.profiles + owed.sessions;
  if (owed === undefined || count === undefined || count === 0)
    return { tone: 'busy', words: 'finishing a back-fill', advice: null, progress: null };
  if (!isHeld && dueAt > now)
    return {
      tone: 'busy',
      words: `waiting for ${plural(count, 'profile or session', 'profiles and sessions')}`,
      advice: `All events are stored; these could not be fetched yet, and are asked for again in ${durationWords(dueAt - now)}.`,
      progress: null,
    };
  const advice =
    'All events are stored; the profiles and sessions that they touched are still being fetched.';
  const less = grantedAdvice(SNAPSHOTS, around);
  return {
    tone: 'busy',
    words: `fetching ${plural(count, 'profile or session', 'profiles and sessions')}${leftWords(snapshotsLeft(owed, around), SNAPSHOTS, around)}`,
    advice: less === null ? advice : `${advice} ${less}`,
    progress: null,
  };
}

function upToDate(application: ApplicationFacts, around: Surroundings): ApplicationState {
  const { now, owed, running, settings } = around;
  const { completeThrough, dueAt, isHeld } = application;
  const overdue = isHeld || running.kind === 'once' ? 0 : now - dueAt;
  if (overdue > Math.max(LASTING, 3 * settings.intervalSeconds))
    return {
      tone: 'bad',
      words: `waiting for its turn for ${durationWords(overdue)}`,
      advice:
        'Its next cycle is overdue: more Applications want requests than REQUESTS_PER_SECOND allows, or the daemons could not list the Applications.',
      progress: null,
    };
  const waiting = (owed?.profiles ?? 0) + (owed?.sessions ?? 0);
  const behind = owed === undefined ? 0 : now - owed.oldest;
  if (waiting > 0 && (completeThrough === null || behind > LASTING + settings.lookbackSeconds))
    return owing(application, around);
  if (running.kind === 'once' && !isHeld)
    return asOfOnce(application.lastCycleAt ?? running.lastAt, running.patience, now);
  return { tone: 'good', words: 'up to date', advice: null, progress: null };
}

/** @param lastAt when `once` last had it */
function asOfOnce(lastAt: number, patience: number, now: number): ApplicationState {
  if (now - lastAt > patience)
    return {
      tone: 'busy',
      words: `no run since ${momentWords(momentText(lastAt))}`,
      advice:
        'No daemon is running. If cron starts "talon-one-sync once", look there; otherwise start "talon-one-sync run".',
      progress: null,
    };
  return {
    tone: 'good',
    words: `up to date as of the last "once", ${durationWords(now - lastAt)} ago`,
    advice: null,
    progress: null,
  };
}

function progressOf(
  { firstSync, lastSync, paceFrom, paceSince, readUntil }: ApplicationFacts,
  now: number,
): Progress | null {
  if (
    firstSync === null ||
    firstSync >= now ||
    (readUntil !== null && lastSync <= readUntil + CLOCK_TOLERANCE)
  )
    return null;
  const share = (lastSync - firstSync) / (now - firstSync);
  const percent = Math.max(0, Math.min(99, Math.floor(share * 100)));
  return { percent, secondsLeft: secondsLeft(now, lastSync, paceFrom, paceSince) };
}

// The end moves on while it is read: what counts is how much quicker than time the reading is.
function secondsLeft(
  now: number,
  lastSync: number,
  from: number | null,
  since: number | null,
): number | null {
  if (from === null || since === null || now - since < SHORTEST_PACE) return null;
  const pace = (lastSync - from) / (now - since);
  return pace <= 1 ? null : Math.max(0, (now - lastSync) / (pace - 1));
}

function about(seconds: number, isAbout: boolean): string {
  return seconds < 60 || !isAbout ? durationWords(seconds) : `about ${durationWords(seconds)}`;
}
