import { earlierOf, type Instant, laterOf, SECOND } from '../instant.js';
import type { KnownSession } from '../warehouse/known-sessions.js';

// When a session was created that nobody has seen yet, told by its neighbours: where higher IDs were created later, it
// was between the session with the next lower ID and the one with the next higher. How far between follows from its ID,
// by a line through both, as exactly as IDs and times run straight there. How straight they run is seen in the next
// neighbours but them: a line is off by the second divided difference times the distances to both ends.

/** Between which moments a session was created. */
export interface Interval {
  readonly likely: Instant;
  readonly earliest: Instant;
  readonly latest: Instant;
  /** The IDs that belong to `earliest` and `latest`, with fractions. */
  readonly lowest: number;
  readonly highest: number;
}

/** The bend of a line changes from place to place. */
const CAUTION = 2;

/**
 * `landmarks` are known sessions in order of their IDs.
 * @returns `undefined` when there is none on one side, or when around it higher IDs were not created later
 */
export function intervalOf(id: number, landmarks: readonly KnownSession[]): Interval | undefined {
  const index = firstAbove(id, landmarks);
  const near = landmarks.slice(Math.max(0, index - 2), index + 2);
  const [below, above] = [landmarks[index - 1], landmarks[index]];
  if (!below || !above || near.some((one, at) => one.created < (near[at - 1]?.created ?? one.created))) {
    return undefined;
  }
  const rate = Number(above.created - below.created) / (above.id - below.id);
  const likely = below.created + BigInt(Math.round(rate * (id - below.id)));
  const between = { earliest: below.created, latest: above.created, lowest: below.id, highest: above.id };
  if (near.length < 4 || rate === 0) return { likely, ...between };
  const margin = SECOND + BigInt(Math.ceil(bend(near) * CAUTION * (id - below.id) * (above.id - id)));
  const steps = Number(margin) / rate;
  return {
    likely,
    earliest: laterOf(below.created, likely - margin),
    latest: earlierOf(above.created, likely + margin),
    lowest: Math.max(below.id, id - steps),
    highest: Math.min(above.id, id + steps),
  };
}

/** The larger of the second divided differences of the time by the ID over three neighbours. */
function bend(near: readonly KnownSession[]): number {
  const slope = (a: KnownSession, b: KnownSession) => Number(b.created - a.created) / (b.id - a.id);
  const over = (a: KnownSession, b: KnownSession, c: KnownSession) =>
    Math.abs(slope(b, c) - slope(a, b)) / (c.id - a.id);
  const [a, b, c, d] = near as [KnownSession, KnownSession, KnownSession, KnownSession];
  return Math.max(over(a, b, c), over(b, c, d));
}

function firstAbove(id: number, landmarks: readonly KnownSession[]): number {
  let [from, to] = [0, landmarks.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((landmarks[middle]?.id ?? id) > id) to = middle;
    else from = middle + 1;
  }
  return from;
}
