import { formatInstant, parseInstant } from '../instant.js';
import type { ListPage } from '../talon-one/management.js';
import { type OwedSession, owedSessionsAmong } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import type { SessionPages } from './session-pages.js';
import type { SessionWindow } from './session-plan.js';
import type { LearnedSpread, ListedSession } from './session-spread.js';
import { type LaneOptions, sessionBatch, storeSessions } from './session-store.js';

/** What lists and requests by ID have in common while a run goes on. */
export interface PendingSessions {
  /** Owed and not answered yet, by ID. */
  readonly pending: Map<string, OwedSession>;
  /** More sessions are owed than `pending` holds. */
  readonly isPart: boolean;
  readonly spread: LearnedSpread;
  /**
   * Requests that lists may still spend: each costs one, each owed session that one brings earns one. So lists never
   * cost more than asking for each session by its ID, but for the first request. `undefined`: no limit.
   */
  credit: number | undefined;
}

export interface ListOptions extends LaneOptions {
  readonly pages: SessionPages;
}

/** How reading a window ended: with its last page; before that; or lists cannot be had. */
export type ListEnd = 'complete' | 'cut' | 'refused';

/**
 * Lists one window page by page, and stores what is owed of it, whether it was listed for its sake or not, and what
 * carries news. Stops when nothing that the window was listed for is left, or when what is left is cheaper elsewhere.
 */
export async function listSessions(
  options: ListOptions,
  window: SessionWindow,
  run: PendingSessions,
  context: CycleContext,
  isTimeUp: () => boolean,
): Promise<ListEnd> {
  const createdAfter = formatInstant(window.after);
  const createdBefore = formatInstant(window.before);
  let rows = 0;
  for (let requests = 1; ; requests += 1) {
    context.signal.throwIfAborted();
    const batch = await sessionBatch(options, [], 'list', context);
    const query = { createdAfter, createdBefore, skip: rows };
    const answer = await options.pages.page(query, run.credit !== undefined, context);
    if (answer === undefined) return 'refused';
    const { page, pageSize } = answer;
    rows += page.data.length;
    run.spread.learn(listedSessions(page));
    const asked = [...owedOn(page, run.pending), ...(await owedBeyond(options, page, run, context))];
    const rest = new Set(await storeSessions(options, { ...batch, asked }, page, context));
    for (const session of asked) if (!rest.has(session)) run.pending.delete(session.id);
    const brought = asked.length - rest.size;
    if (run.credit !== undefined) run.credit += brought - 1;
    const isLast = page.hasMore === undefined ? page.data.length < pageSize : !page.hasMore;
    if (isLast || page.data.length === 0) return 'complete';
    const left = window.sessions.filter(({ id }) => run.pending.has(id)).length;
    if (isTimeUp() || (left === 0 && !(brought > 1 && goesOn(run, pageSize)))) return 'cut';
    // Longer than estimated: only while it goes on to bring more than as many requests by ID.
    const isLong = requests >= window.pages && (left === 1 || brought < 2);
    if (run.credit !== undefined && (run.credit < 1 || isLong)) return 'cut';
  }
}

// Windows are cut at whole seconds. Where a second holds more than a page, what is owed beyond the plan could only be had
// by reading the same pages once more.
function goesOn({ isPart, spread }: PendingSessions, pageSize: number): boolean {
  return isPart && (spread.rowsPerSecond ?? 0) * 2 > pageSize / 2;
}

function owedOn(page: ListPage, pending: ReadonlyMap<string, OwedSession>): OwedSession[] {
  const ids = new Set(page.data.map((record) => (record as { id?: unknown } | null)?.id));
  // Several IDs beyond 2^53 can be one number: Postgres compares them exactly.
  return [...pending.values()].filter((session) => ids.has(Number(session.id)));
}

/** Owed sessions of the page that the plan did not know of: its window would have to be read again for them. */
async function owedBeyond(
  { warehouse }: LaneOptions,
  page: ListPage,
  run: PendingSessions,
  context: CycleContext,
): Promise<OwedSession[]> {
  if (!run.isPart) return [];
  const ids = page.data.map((record) => (record as { id?: unknown } | null)?.id);
  // A number beyond 2^53 is not exact: such a session waits for a plan of its own.
  const others = ids.filter((id): id is number => Number.isSafeInteger(id)).map(String);
  const unplanned = others.filter((id) => !run.pending.has(id));
  return unplanned.length === 0 ? [] : owedSessionsAmong(warehouse, context.lease.applicationId, unplanned);
}

function listedSessions({ data }: ListPage): ListedSession[] {
  return data.flatMap((record) => {
    const { id, created } = (record ?? {}) as { id?: unknown; created?: unknown };
    const at = typeof created === 'string' ? parseInstant(created) : undefined;
    return typeof id === 'number' && at !== undefined ? [{ id, created: at }] : [];
  });
}
