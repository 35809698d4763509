import { type Instant, SECOND, secondsBetween } from '../instant.js';
import type { OwedSession } from '../warehouse/owed.js';
import { disorder, type Spread } from './session-spread.js';

// Where an owed session lies among all sessions of its Application. What is known of it: its ID, and the time of its
// first stored event or, from a snapshot, of its creation.
//
// Where higher IDs were created later, both are worth more than each of them. No session is younger than one with a
// higher ID, so an event of today about a session of months ago does not pass for a new session: when that one was
// created nobody knows. And between two IDs there are at most as many sessions as numbers, a bound that holds before any
// list was read. Whether it is so is looked
// at: on every page of a list, and before the first one among the owed sessions themselves.
//
// Otherwise sessions are counted by time. So they are before the first list, unless the IDs say that there are fewer:
// others may use most of the sequence. That list may turn out to be useless, but then it is the last one.

export interface PlacedSession {
  readonly session: OwedSession;
  /** Estimated, or at least not before. */
  readonly created: Instant;
  /** How many sessions were created before it, from the first one on: estimated, rather too many than too few. */
  readonly place: number;
}

export interface PlacedSessions {
  /** In order of creation. */
  readonly points: readonly PlacedSession[];
  /** Created long before their first stored event, nobody knows when: no list can be asked for them. */
  readonly unknown: readonly OwedSession[];
  readonly rowsPerSecond: number;
}

/** Owed sessions over which the local density is taken. */
const SAMPLE = 20;
/** With fewer neighbours it may be chance that IDs and times grow together. */
const LEAST_PAIRS = 8;
const MOST_DISORDER = 0.1;
/** Two sessions that begin at the same time may get their IDs and times in a different order. */
const TOLERANCE = 10n * SECOND;

interface Known {
  readonly session: OwedSession;
  readonly id: number;
  readonly created: Instant;
}

export function placeSessions(owed: readonly OwedSession[], spread: Spread): PlacedSessions {
  const known = owed.map((session) => ({ session, id: Number(session.id), created: session.created }));
  known.sort(byTime);
  const follows = spread.idsFollowTime ?? (known.length > LEAST_PAIRS && disorder(known) <= MOST_DISORDER);
  const rowsPerSecond = Math.max(spread.rowsPerSecond ?? 0, densestSample(known));
  const { credible, unknown } = follows ? notYoungerThanHigherIds(known) : { credible: known, unknown: [] };
  const between = (a: Known, b: Known) => {
    const byTime = secondsBetween(a.created, b.created) * rowsPerSecond;
    if (!follows) return byTime;
    const numbers = b.id - a.id;
    return spread.rowsPerId === undefined ? Math.min(numbers, byTime) : numbers * spread.rowsPerId;
  };
  let place = 0;
  const points = credible.map((one, index) => {
    const before = credible[index - 1];
    // The owed sessions before it are there for certain.
    if (before) place = Math.max(index, place + between(before, one));
    return { session: one.session, created: one.created, place };
  });
  return { points, unknown, rowsPerSecond: spread.rowsPerSecond ?? rowsPerSecond };
}

function notYoungerThanHigherIds(known: readonly Known[]): { credible: Known[]; unknown: OwedSession[] } {
  const credible: Known[] = [];
  const unknown: OwedSession[] = [];
  let youngest: Instant | undefined;
  for (const one of [...known].sort((a, b) => b.id - a.id)) {
    if (youngest === undefined || one.created <= youngest) youngest = one.created;
    if (one.created - youngest > TOLERANCE) unknown.push(one.session);
    else credible.push({ ...one, created: youngest });
  }
  return { credible: credible.reverse(), unknown };
}

// Sessions per second where they lie closest: an estimate that is rather too high, which keeps lists from being
// started where few of their rows are owed.
function densestSample(sorted: readonly Known[]): number {
  const size = Math.min(SAMPLE, sorted.length);
  let densest = 0;
  for (let end = size - 1; end < sorted.length; end += 1) {
    const span = secondsBetween(sorted[end - size + 1]?.created ?? 0n, sorted[end]?.created ?? 0n);
    densest = Math.max(densest, size / Math.max(span, 1));
  }
  return densest;
}

function byTime(a: Known, b: Known): number {
  return a.created < b.created ? -1 : a.created > b.created ? 1 : a.id - b.id;
}
