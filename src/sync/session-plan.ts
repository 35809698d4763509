import { floorToSecond, type Instant, SECOND, secondsBetween } from '../instant.js';
import type { OwedSession } from '../warehouse/owed.js';

// How to fetch the owed sessions with the fewest requests. The list of sessions filters by creation time only and
// returns 1000 sessions a request, whether they are owed or not; by ID it is one request each. So a stretch of time in
// which many owed sessions were created is listed, and a session that stands alone is asked for by its ID.
//
// Steps: (1) sort by creation time; (2) join neighbours while bridging the gap between them costs less than the page
// that a new stretch would begin; (3) list a stretch when its pages are fewer than its owed sessions. How many sessions
// a stretch holds is estimated from `density`. Linear but for the sort. Creation times are what the stored events and
// snapshots know, so a list may miss a session: whatever it does not return is asked for by ID afterwards.

/** A stretch of creation times to be listed for the sake of `sessions`. */
export interface SessionWindow {
  readonly after: Instant;
  readonly before: Instant;
  readonly sessions: readonly OwedSession[];
  /** Estimated requests. */
  readonly pages: number;
}

export interface SessionPlan {
  readonly windows: readonly SessionWindow[];
  readonly byId: readonly OwedSession[];
}

export interface PlanOptions {
  /** `auto` weighs the lanes; the others are what SESSION_SNAPSHOT_SOURCE demands. */
  readonly mode: 'auto' | 'by-id' | 'list';
  readonly pageSize: number;
  /** Sessions created per second as lists have shown; `undefined` before the first one. */
  readonly density: number | undefined;
}

/** Owed sessions over which the local density is taken. */
const SAMPLE = 20;

export function planSessions(owed: readonly OwedSession[], options: PlanOptions): SessionPlan {
  if (options.mode === 'by-id' || owed.length === 0) return { windows: [], byId: owed };
  const sorted = [...owed].sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0));
  const density = Math.max(options.density ?? 0, densestSample(sorted));
  const windows: SessionWindow[] = [];
  const byId: OwedSession[] = [];
  for (const stretch of stretchesOf(sorted, density, options.pageSize)) {
    const window = toWindow(stretch, density, options.pageSize);
    if (options.mode === 'list' || window.pages < stretch.length) windows.push(window);
    else byId.push(...stretch);
  }
  return { windows, byId };
}

// Sessions per second where they lie closest: an estimate that is rather too high, which keeps lists from being
// started where few of their rows are owed.
function densestSample(sorted: readonly OwedSession[]): number {
  const size = Math.min(SAMPLE, sorted.length);
  let densest = 0;
  for (let end = size - 1; end < sorted.length; end += 1) {
    const span = secondsBetween(sorted[end - size + 1]?.created ?? 0n, sorted[end]?.created ?? 0n);
    densest = Math.max(densest, size / Math.max(span, 1));
  }
  return densest;
}

function* stretchesOf(
  sorted: readonly OwedSession[],
  density: number,
  pageSize: number,
): Generator<OwedSession[]> {
  let stretch: OwedSession[] = [];
  for (const session of sorted) {
    const last = stretch.at(-1);
    if (last && secondsBetween(last.created, session.created) * density > pageSize) {
      yield stretch;
      stretch = [];
    }
    stretch.push(session);
  }
  if (stretch.length > 0) yield stretch;
}

// Whole seconds, with more than one to spare on both sides: whether a query may have fractions, and whether the bounds
// are inclusive, is not documented.
function toWindow(sessions: readonly OwedSession[], density: number, pageSize: number): SessionWindow {
  const first = sessions[0]?.created ?? 0n;
  const last = sessions.at(-1)?.created ?? first;
  const after = floorToSecond(first) - 2n * SECOND;
  const before = floorToSecond(last) + 3n * SECOND;
  const expected = Math.max(sessions.length, density * secondsBetween(first, last));
  return { after, before, sessions, pages: Math.max(1, Math.ceil(expected / pageSize)) };
}
