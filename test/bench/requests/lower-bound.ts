/** What one cycle had to bring. */
export interface CycleWork {
  /** Events that nobody had seen before. */
  readonly events: number;
  /** Distinct profiles that they name. */
  readonly profiles: number;
  /**
   * The distinct sessions that they name, each as its place in the order of creation of all sessions of the Application,
   * ascending.
   */
  readonly sessionRanks: readonly number[];
}

export interface Bound {
  readonly events: number;
  readonly profiles: number;
  readonly sessions: number;
  readonly total: number;
}

const PAGE = 1000;

/**
 * The least number of requests with which the API can bring the work of these cycles, for one who knows the future and
 * has no doubts:
 *
 *   events     ceil(new events / 1000) a cycle, and at least one: only asking shows that there is none. No look-back.
 *   profiles   ceil(distinct profiles / 1000) a cycle
 *   sessions   `fewestSessionRequests` a cycle: the best mixture of lists and requests by ID for one who knows the
 *              creation time of every session, and how many lie between two of them. Bounds of lists are exact.
 *
 * Snapshots are wanted after each cycle, so cycles do not share a request.
 */
export function lowerBound(cycles: readonly CycleWork[]): Bound {
  const sum = (part: (work: CycleWork) => number) => cycles.reduce((total, work) => total + part(work), 0);
  const events = sum((work) => Math.max(1, Math.ceil(work.events / PAGE)));
  const profiles = sum((work) => Math.ceil(work.profiles / PAGE));
  const sessions = sum((work) => fewestSessionRequests(work.sessionRanks, PAGE));
  return { events, profiles, sessions, total: events + profiles + sessions };
}

/**
 * The fewest requests that bring all these sessions. One request brings either one session (by ID) or up to `pageSize`
 * neighbours in the order of creation (a page of a list, whose window may begin and end anywhere). So it is the task of
 * covering points with intervals of equal length, for which it is best to begin each interval at the first point that is
 * not covered yet. `ranks` are the points, ascending.
 */
export function fewestSessionRequests(ranks: readonly number[], pageSize: number): number {
  let requests = 0;
  let coveredBelow = Number.NEGATIVE_INFINITY;
  for (const rank of ranks) {
    if (rank < coveredBelow) continue;
    requests += 1;
    coveredBelow = rank + pageSize;
  }
  return requests;
}

/**
 * What the published recipe spends on the same cycles: pages of 1000 events, at least one a cycle, then one request for
 * each profile and each session that they name (talon-one-api section 0, D2).
 */
export function recipe(cycles: readonly CycleWork[]): number {
  return cycles.reduce(
    (total, { events, profiles, sessionRanks }) =>
      total + Math.max(1, Math.ceil(events / PAGE)) + profiles + sessionRanks.length,
    0,
  );
}
