import type { ApplicationFacts, OwedFacts } from '../warehouse/status.js';
import { causeOf } from './public-error.js';
import { countWords, durationWords, plural } from './words.js';

/** good: nothing to do; busy: it comes right by itself; bad: somebody should look. */
export type Tone = 'good' | 'busy' | 'bad';

/** What the report takes from the configuration of the process that makes it. */
export interface StatusSettings {
  readonly version: string;
  /** 0 = unlimited */
  readonly requestsPerSecond: number;
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
  /** A daemon has been seen lately. */
  readonly isRunning: boolean;
  readonly owed: OwedFacts | undefined;
  /** Snapshots stored in a second of work, of the last hours; undefined: not known. */
  readonly snapshotsPerSecond: number | undefined;
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
  if (!around.isRunning)
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
      return isReadingEvents(application) ? readingEvents(application, around) : fetching(around);
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

function readingEvents(application: ApplicationFacts, { now, settings }: Surroundings): ApplicationState {
  const progress = progressOf(application, now);
  const { requestsPerSecond } = settings;
  const limit =
    requestsPerSecond > 0
      ? ` at ${requestsPerSecond} ${requestsPerSecond === 1 ? 'request' : 'requests'} a second`
      : '';
  const percent = progress === null ? '' : `, ${progress.percent} %`;
  const left =
    progress === null || progress.secondsLeft === null ? '' : `, ${about(progress.secondsLeft)} left${limit}`;
  return {
    tone: 'busy',
    words: `back-filling${percent}${left}`,
    advice: application.isHeld
      ? null
      : 'No cycle is at it now: more Applications want requests than there are, or the next cycle is about to begin.',
    progress,
  };
}

function fetching({ owed, snapshotsPerSecond }: Surroundings): ApplicationState {
  const count = owed === undefined ? undefined : owed.profiles + owed.sessions;
  if (count === 0 || count === undefined)
    return { tone: 'busy', words: 'finishing a back-fill', advice: null, progress: null };
  const left =
    snapshotsPerSecond === undefined || snapshotsPerSecond <= 0
      ? ''
      : `, ${about(count / snapshotsPerSecond)} left`;
  return {
    tone: 'busy',
    words: `fetching ${countWords(count)} profiles and sessions${left}`,
    advice: 'All events are stored; the profiles and sessions that they touched are still being fetched.',
    progress: null,
  };
}

function upToDate(
  { dueAt, isHeld }: ApplicationFacts,
  { now, owed, settings }: Surroundings,
): ApplicationState {
  const overdue = isHeld ? 0 : now - dueAt;
  if (overdue > Math.max(LASTING, 3 * settings.intervalSeconds))
    return {
      tone: 'bad',
      words: `waiting for its turn for ${durationWords(overdue)}`,
      advice:
        'Its next cycle is overdue: more Applications want requests than REQUESTS_PER_SECOND allows, or the daemons do not want this one (TALON_ONE_APPLICATION_IDS).',
      progress: null,
    };
  const waiting = (owed?.profiles ?? 0) + (owed?.sessions ?? 0);
  const behind = owed === undefined ? 0 : now - owed.oldest;
  if (waiting > 0 && behind > LASTING + settings.lookbackSeconds)
    return {
      tone: 'busy',
      words: `waiting for ${plural(waiting, 'profile or session', 'profiles and sessions')}`,
      advice: 'All events are stored; these could not be fetched yet, and are asked for again.',
      progress: null,
    };
  return { tone: 'good', words: 'up to date', advice: null, progress: null };
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

function about(seconds: number): string {
  return seconds < 60 ? 'less than a minute' : `about ${durationWords(seconds)}`;
}
