import { floorToSecond, type Instant, SECOND } from '../instant.js';
import type { KnownSession } from '../warehouse/known-sessions.js';
import type { OwedSession } from '../warehouse/owed.js';
import { type PlacedSession, placeSessions } from './session-place.js';
import type { Spread } from './session-spread.js';

// How to fetch the owed sessions with the fewest requests. The list of sessions filters by creation time only and
// returns 1000 sessions a request, whether they are owed or not; by ID it is one request each. So the owed sessions are
// points on a line, each at its estimated place among all sessions of the Application, and a page of a list is an
// interval of 1000 places that may lie anywhere.
//
// Steps: (1) place them (session-place.ts); (2) from the left, cover each point that is not covered yet with the page
// that begins there, which is the best cover there is; (3) join neighbours where one longer window has no more pages,
// because its pages are full; (4) what would be alone on its page, or on as many pages as sessions, is asked for by ID.
// Of many that cannot be placed, some are asked for by ID first: their answers tell where the others lie.
// Cost: a sort. Places are estimates, so a list may miss a session: what it does not return is asked for by ID.

/** A stretch of creation times to be listed for the sake of `sessions`. */
export interface SessionWindow {
  readonly after: Instant;
  readonly before: Instant;
  readonly sessions: readonly OwedSession[];
  /** Estimated requests. */
  readonly pages: number;
}

export interface SessionPlan {
  /** The one that saves most first. */
  readonly windows: readonly SessionWindow[];
  readonly byId: readonly OwedSession[];
  /** For the next plan: here they would begin a page that the sessions after them could fill, or nobody knows their place. */
  readonly left: readonly OwedSession[];
}

export interface PlanOptions {
  /** `auto` weighs the lanes; the others are what SESSION_SNAPSHOT_SOURCE demands. */
  readonly mode: 'auto' | 'by-id' | 'list';
  readonly pageSize: number;
  readonly spread: Spread;
  /** Stored sessions around those that nothing else places, in order of their IDs. */
  readonly landmarks?: readonly KnownSession[];
  /** More sessions are owed than these: a window may leave its last ones for the next plan. */
  readonly mayLeave?: boolean;
}

/** Of a page, so that an estimate that is a little too low does not cost a second one. */
const FULL_SHARE = 0.97;
/** Seconds that a window is longer than from its first to its last session, see `toWindow`. */
const SPARE_SECONDS = 4.5;
/** With so many that cannot be placed, a few are asked for first. */
const LEAST_TO_SCOUT = 20;
/** A window that keeps at least so many pages may leave the beginning of another. */
const LEAST_KEPT_PAGES = 2;

export function planSessions(owed: readonly OwedSession[], options: PlanOptions): SessionPlan {
  if (options.mode === 'by-id' || owed.length === 0) return { windows: [], byId: owed, left: [] };
  const { points, unknown } = placeSessions(owed, options.spread, options.landmarks);
  const cost = new ListCost(options.pageSize);
  const groups = joined(pagesOver(points, cost), cost);
  const { kept, left } = options.mayLeave ? withoutTail(groups, cost) : { kept: groups, left: [] };
  const windows: SessionWindow[] = [];
  const { scouts, others } = options.mode === 'auto' ? scoutsOf(unknown) : { scouts: unknown, others: [] };
  const byId = [...scouts];
  for (const group of kept) {
    const pages = cost.pages(group);
    if (options.mode === 'list' || pages < group.length) windows.push(toWindow(group, pages));
    else byId.push(...group.map((point) => point.session));
  }
  windows.sort((a, b) => b.sessions.length / b.pages - a.sessions.length / a.pages);
  return { windows, byId, left: [...left, ...others] };
}

type Group = readonly PlacedSession[];

/** What lists cost, in estimated pages. */
class ListCost {
  constructor(readonly pageSize: number) {}

  rows(first: PlacedSession, last: PlacedSession): number {
    const spareRows = ((first.rowsPerSecond + last.rowsPerSecond) * SPARE_SECONDS) / 2;
    return last.place + last.trail - (first.place - first.lead) + 1 + spareRows;
  }

  pages(group: Group): number {
    const [first, last] = [group[0], group.at(-1)];
    return first && last ? Math.max(1, Math.ceil(this.rows(first, last) / this.pageSize)) : 0;
  }

  fitsOnPage(first: PlacedSession, last: PlacedSession): boolean {
    return this.rows(first, last) <= this.pageSize * FULL_SHARE;
  }
}

function pagesOver(points: readonly PlacedSession[], cost: ListCost): Group[] {
  const groups: PlacedSession[][] = [];
  for (const point of points) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (group && first && cost.fitsOnPage(first, point)) group.push(point);
    else groups.push([point]);
  }
  return groups;
}

// The lowest and the highest ID among them, and others at equal distances in between.
function scoutsOf(unknown: readonly OwedSession[]): { scouts: OwedSession[]; others: OwedSession[] } {
  if (unknown.length < LEAST_TO_SCOUT) return { scouts: [...unknown], others: [] };
  const inOrder = [...unknown].sort((a, b) => Number(a.id) - Number(b.id));
  const steps = Math.ceil(Math.sqrt(unknown.length)) - 1;
  const chosen = new Set(
    Array.from({ length: steps + 1 }, (_, step) => Math.round((step * (inOrder.length - 1)) / steps)),
  );
  return {
    scouts: inOrder.filter((_, index) => chosen.has(index)),
    others: inOrder.filter((_, index) => !chosen.has(index)),
  };
}

// A session alone costs one request by ID, which brings its discounts too: it is joined only where that saves one.
function joined(groups: readonly Group[], cost: ListCost): Group[] {
  const result: PlacedSession[][] = [];
  for (const group of groups) {
    const before = result.at(-1);
    const [first, last] = [before?.[0], group.at(-1)];
    const apart = before ? cost.pages(before) + cost.pages(group) : 0;
    const isAlone = group.length === 1 || before?.length === 1;
    const together = first && last ? Math.ceil(cost.rows(first, last) / cost.pageSize) : 0;
    if (before && (isAlone ? together < apart : together <= apart)) before.push(...group);
    else result.push([...group]);
  }
  return result;
}

function withoutTail(groups: readonly Group[], cost: ListCost): { kept: Group[]; left: OwedSession[] } {
  const last = groups.at(-1);
  const [first] = last ?? [];
  const fullPages = last && cost.pages(last) - 1;
  if (!last || !first || !fullPages || fullPages < LEAST_KEPT_PAGES) return { kept: [...groups], left: [] };
  const isFull = (point: PlacedSession) => cost.rows(first, point) <= fullPages * cost.pageSize;
  const left = last.filter((point) => !isFull(point)).map((point) => point.session);
  return { kept: [...groups.slice(0, -1), last.filter(isFull)], left };
}

// Whole seconds, with more than one to spare on both sides: whether a query may have fractions, and whether the bounds
// are inclusive, is not documented.
function toWindow(group: Group, pages: number): SessionWindow {
  const first = group[0]?.earliest ?? 0n;
  const last = group.at(-1)?.latest ?? first;
  const after = floorToSecond(first) - 2n * SECOND;
  const before = floorToSecond(last) + 2n * SECOND;
  return { after, before, sessions: group.map((point) => point.session), pages };
}
