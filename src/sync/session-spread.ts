import { type Instant, secondsBetween } from '../instant.js';

/** What is known of how the sessions of an Application lie in time and among the IDs. */
export interface Spread {
  /** Sessions that there are for each step of the ID: less than 1 where others use the same sequence. */
  readonly rowsPerId: number | undefined;
  /** Sessions created in a second. */
  readonly rowsPerSecond: number | undefined;
  /** A session with a higher ID was created later. */
  readonly idsFollowTime: boolean | undefined;
}

/** One session of a list. */
export interface ListedSession {
  readonly id: number;
  readonly created: Instant;
}

/** Fewer sessions say too little. */
const LEAST_ROWS = 20;
const MOST_DISORDER = 0.05;
/** By this factor sessions must lie closer or further apart than was thought, for a plan to be made anew. */
const NEWS = 1.1;

/** Learns from every page of a list how many sessions there are. Kept in memory: the first list after a start teaches it again. */
export class LearnedSpread implements Spread {
  rowsPerId: number | undefined;
  rowsPerSecond: number | undefined;
  idsFollowTime: boolean | undefined;

  /** What is known at this moment. */
  now(): Spread {
    const { rowsPerId, rowsPerSecond, idsFollowTime } = this;
    return { rowsPerId, rowsPerSecond, idsFollowTime };
  }

  /** A plan made with the other one may be wrong now. */
  differsFrom(other: Spread): boolean {
    if (this.idsFollowTime !== other.idsFollowTime) return true;
    const [a, b] = this.idsFollowTime
      ? [this.rowsPerId, other.rowsPerId]
      : [this.rowsPerSecond, other.rowsPerSecond];
    if (a === undefined || b === undefined) return a !== b;
    return Math.max(a, b) > Math.min(a, b) * NEWS;
  }

  /** A page, or a window that one page held. */
  learn(rows: readonly ListedSession[]): void {
    if (rows.length < LEAST_ROWS) return;
    const byTime = [...rows].sort((a, b) => compare(a.created, b.created) || a.id - b.id);
    this.idsFollowTime = disorder(byTime) <= MOST_DISORDER;
    const [first, last] = [byTime[0], byTime.at(-1)];
    if (!first || !last || !isStretch(rows)) return;
    this.rowsPerSecond = rows.length / Math.max(1, secondsBetween(first.created, last.created));
    const ids = rows.map((row) => row.id);
    const steps = ids.reduce((a, b) => Math.max(a, b)) - ids.reduce((a, b) => Math.min(a, b));
    if (this.idsFollowTime && steps > 0) this.rowsPerId = Math.min(1, (rows.length - 1) / steps);
  }
}

/** Share of neighbours in the order of creation whose IDs go the other way; those of one moment have no order. */
export function disorder(byTime: readonly ListedSession[]): number {
  let pairs = 0;
  let wrong = 0;
  for (let index = 1; index < byTime.length; index += 1) {
    const [before, after] = [byTime[index - 1], byTime[index]];
    if (!before || !after || before.created === after.created) continue;
    pairs += 1;
    if (after.id < before.id) wrong += 1;
  }
  return pairs === 0 ? 0 : wrong / pairs;
}

// In which order a list comes is not documented. Where a page runs along time or the IDs, up or down, nothing is missing
// between its first and its last row.
function isStretch(rows: readonly ListedSession[]): boolean {
  const runs = (before: (a: ListedSession, b: ListedSession) => boolean) =>
    rows.every((row, index) => {
      const previous = rows[index - 1];
      return previous === undefined || before(previous, row);
    });
  return (
    runs((a, b) => a.created <= b.created) ||
    runs((a, b) => a.created >= b.created) ||
    runs((a, b) => a.id <= b.id) ||
    runs((a, b) => a.id >= b.id)
  );
}

function compare(a: Instant, b: Instant): number {
  return a < b ? -1 : Number(a > b);
}
