import { earlierOf, type Instant, laterOf, SECOND, secondsBetween } from '../instant.js';
import type { KnownSession } from '../warehouse/known-sessions.js';
import type { OwedSession } from '../warehouse/owed.js';
import { intervalOf } from './session-landmarks.js';
import { disorder, type Spread } from './session-spread.js';

// Where an owed session lies among all sessions of its Application. What is known of it: its ID, and the time of its
// first stored event or, from a snapshot, of its creation.
//
// Where higher IDs were created later, both are worth more than each of them. No session is younger than one with a
// higher ID, so an event of today about a session of months ago does not pass for a new session: when that one was
// created its neighbours tell, if they are known (session-landmarks.ts). And between two IDs there are at most as many
// sessions as numbers, a bound that holds before any list was read. Whether it is so is looked at: on every page of a
// list, and before the first one among the newest stored sessions, or the owed ones themselves.
//
// Otherwise sessions are counted by time. So they are before the first list, unless the IDs say that there are fewer:
// others may use most of the sequence. That list may turn out to be useless, but then it is the last one.

export interface PlacedSession {
  readonly session: OwedSession;
  /** Between these moments: equal, or estimated as far as that is possible. */
  readonly earliest: Instant;
  readonly latest: Instant;
  /** How many sessions were created before it, from the first one on: estimated, rather too many than too few. */
  readonly place: number;
  /** How many were created between `earliest` and it, and between it and `latest`. */
  readonly lead: number;
  readonly trail: number;
  /** Sessions created in a second, about there. */
  readonly rowsPerSecond: number;
}

export interface PlacedSessions {
  /** In order of creation. */
  readonly points: readonly PlacedSession[];
  /** Created long before their first stored event, nobody knows when: no list can be asked for them. */
  readonly unknown: readonly OwedSession[];
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
  readonly earliest: Instant;
  readonly latest: Instant;
  readonly lowest: number;
  readonly highest: number;
}

/** `landmarks` are stored sessions in order of their IDs: those around sessions that nobody has seen, and the newest. */
export function placeSessions(
  owed: readonly OwedSession[],
  spread: Spread,
  landmarks: readonly KnownSession[] = [],
): PlacedSessions {
  const known = owed.map((session) => exactly(session, Number(session.id), session.created)).sort(byTime);
  const follows = spread.idsFollowTime ?? (known.length > LEAST_PAIRS && disorder(known) <= MOST_DISORDER);
  const densest = Math.max(spread.rowsPerSecond ?? 0, densestSample(known));
  if (!follows) {
    const between = (a: Known, b: Known) => secondsBetween(a.created, b.created) * densest;
    return { points: placed(known, between, () => spread.rowsPerSecond ?? densest), unknown: [] };
  }
  const { rowsPerId } = spread;
  const { credible, unknown } = notYoungerThanHigherIds(known, landmarks);
  const found = unknown.flatMap((session) => {
    const interval = intervalOf(Number(session.id), landmarks);
    return interval ? [{ session, id: Number(session.id), created: interval.likely, ...interval }] : [];
  });
  const isFound = new Set(found.map(({ session }) => session));
  const inOrder = narrowed([...credible, ...found].sort((a, b) => a.id - b.id));
  const between = (a: Known, b: Known) =>
    rowsPerId === undefined
      ? Math.min(b.id - a.id, Math.max(0, secondsBetween(a.created, b.created)) * densest)
      : (b.id - a.id) * rowsPerId;
  const rate = (a: Known, b: Known) =>
    Math.min(densest, ((rowsPerId ?? 1) * (b.id - a.id)) / Math.max(1, secondsBetween(a.created, b.created)));
  return {
    points: placed(inOrder, between, rate, rowsPerId),
    unknown: unknown.filter((session) => !isFound.has(session)),
  };
}

function exactly(session: OwedSession, id: number, created: Instant): Known {
  return { session, id, created, earliest: created, latest: created, lowest: id, highest: id };
}

function placed(
  inOrder: readonly Known[],
  rowsBetween: (a: Known, b: Known) => number,
  rateBetween: (a: Known, b: Known) => number,
  rowsPerId = 1,
): PlacedSession[] {
  let place = 0;
  return inOrder.map((one, index) => {
    const [before, after] = [inOrder[index - 1], inOrder[index + 1]];
    // The owed sessions before it are there for certain.
    if (before) place = Math.max(index, place + rowsBetween(before, one));
    const rates = [before && rateBetween(before, one), after && rateBetween(one, after)];
    return {
      session: one.session,
      earliest: one.earliest,
      latest: one.latest,
      place,
      lead: Math.max(0, one.id - one.lowest) * rowsPerId,
      trail: Math.max(0, one.highest - one.id) * rowsPerId,
      rowsPerSecond: Math.max(...rates.map((rate) => rate ?? 0)),
    };
  });
}

// Along the IDs nothing begins before the earliest moment of what lies below it, nor after the latest of what lies above.
function narrowed(inOrder: readonly Known[]): Known[] {
  const result = [...inOrder];
  for (const [index, one] of result.entries()) {
    const before = result[index - 1];
    if (!before) continue;
    const earliest = laterOf(before.earliest, one.earliest);
    result[index] = { ...one, earliest, lowest: Math.max(before.lowest, one.lowest) };
  }
  for (const [index, one] of [...result.entries()].reverse()) {
    const after = result[index + 1];
    if (!after) continue;
    const latest = earlierOf(after.latest, one.latest);
    // What contradicts itself is looked for where it was thought to begin.
    result[index] = {
      ...one,
      latest: laterOf(one.earliest, latest),
      highest: Math.max(one.lowest, Math.min(after.highest, one.highest)),
    };
  }
  return result;
}

function notYoungerThanHigherIds(
  known: readonly Known[],
  landmarks: readonly KnownSession[],
): { credible: Known[]; unknown: OwedSession[] } {
  const credible: Known[] = [];
  const unknown: OwedSession[] = [];
  const higher = [...landmarks];
  let youngest: Instant | undefined;
  for (const one of [...known].sort((a, b) => b.id - a.id)) {
    for (let last = higher.at(-1); last && last.id > one.id; last = higher.at(-1)) {
      youngest = earlierOf(youngest ?? last.created, last.created);
      higher.pop();
    }
    youngest = earlierOf(youngest ?? one.created, one.created);
    if (one.created - youngest > TOLERANCE) unknown.push(one.session);
    else credible.push(exactly(one.session, one.id, youngest));
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
