import { formatInstant, parseInstant } from '../instant.js';
import type { ListPage } from '../talon-one/management.js';
import { type OwedSession, owedSessionsAmong } from '../warehouse/owed.js';
import type { SnapshotBatch } from '../warehouse/snapshot-writer.js';
import type { CycleContext } from './cycle-context.js';
import { PagesUnderWay } from './pages-under-way.js';
import type { SessionPages } from './session-pages.js';
import type { SessionWindow } from './session-plan.js';
import type { LearnedSpread, ListedSession } from './session-spread.js';
import { type LaneOptions, sessionBatch, storeSessions } from './session-store.js';

/** What lists and requests by ID have in common while a run goes on. */
export interface PendingSessions {
  /** Owed and not answered yet, by ID. */
  readonly pending: Map<string, OwedSession>;
  /** IDs of those that a list has brought and that are being stored: another list that holds them passes them over. */
  readonly arrived: Set<string>;
  /** More sessions are owed than `pending` holds. */
  readonly isPart: boolean;
  readonly spread: LearnedSpread;
  /**
   * Requests that lists may still spend: each costs one, each owed session that one brings earns one. So lists never
   * cost more than asking for each session by its ID, but for the first request. What is under way is paid for.
   * `undefined`: no limit.
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
 * @param parallel pages under way at a time, as far as the window certainly has so many
 */
export async function listSessions(
  options: ListOptions,
  window: SessionWindow,
  run: PendingSessions,
  context: CycleContext,
  isTimeUp: () => boolean,
  parallel = 1,
): Promise<ListEnd> {
  const ask = (skip: number, signal: AbortSignal) =>
    askPage(options, window, skip, run, { ...context, requests: { ...context.requests, signal } });
  const pages = new PagesUnderWay(ask, () => options.pages.pageSize, context.signal);
  try {
    return await readWindow(options, window, run, context, isTimeUp, pages, parallel);
  } finally {
    pages.end();
  }
}

interface AskedPage {
  readonly batch: SnapshotBatch<OwedSession>;
  /** `undefined`: the list cannot be had, and there is another lane to take. */
  readonly answer: { readonly page: ListPage; readonly pageSize: number } | undefined;
}

async function askPage(
  options: ListOptions,
  window: SessionWindow,
  skip: number,
  run: PendingSessions,
  context: CycleContext,
): Promise<AskedPage> {
  if (run.credit !== undefined) run.credit -= 1;
  const batch = await sessionBatch(options, [], 'list', context);
  const query = {
    createdAfter: formatInstant(window.after),
    createdBefore: formatInstant(window.before),
    skip,
  };
  return { batch, answer: await options.pages.page(query, run.credit !== undefined, context) };
}

async function readWindow(
  options: ListOptions,
  window: SessionWindow,
  run: PendingSessions,
  context: CycleContext,
  isTimeUp: () => boolean,
  pages: PagesUnderWay<AskedPage>,
  parallel: number,
): Promise<ListEnd> {
  let rows = 0;
  for (let requests = 1; ; requests += 1) {
    // What is left cannot lie on fewer pages; an estimate could be too high, and then a request is wasted.
    const certain = Math.ceil(stillOwed(window, run) / options.pages.pageSize);
    const paid = Math.floor(run.credit ?? parallel);
    const { batch, answer } = await pages.at(rows, Math.max(0, Math.min(parallel, certain, paid) - 1));
    if (answer === undefined) return 'refused';
    const { page, pageSize } = answer;
    rows += page.data.length;
    run.spread.learn(listedSessions(page));
    const planned = owedOn(page, run);
    for (const { id } of planned) run.arrived.add(id);
    const beyond = await owedBeyond(options, page, run, context);
    for (const { id } of beyond) run.arrived.add(id);
    const asked = [...planned, ...beyond];
    const rest = new Set(await storeSessions(options, { ...batch, asked }, page, context));
    for (const session of asked) if (!rest.has(session)) run.pending.delete(session.id);
    for (const { id } of rest) run.arrived.delete(id);
    const brought = asked.length - rest.size;
    if (run.credit !== undefined) run.credit += brought;
    const isLast = page.hasMore === undefined ? page.data.length < pageSize : !page.hasMore;
    if (isLast || page.data.length === 0) return 'complete';
    const left = stillOwed(window, run);
    if (isTimeUp() || (left === 0 && !(brought > 1 && goesOn(run, pageSize)))) return 'cut';
    // Longer than estimated: only while it goes on to bring more than as many requests by ID.
    const isLong = requests >= window.pages && (left === 1 || brought < 2);
    if (run.credit !== undefined && (run.credit < 1 || isLong)) return 'cut';
  }
}

function stillOwed({ sessions }: SessionWindow, { pending }: PendingSessions): number {
  return sessions.filter(({ id }) => pending.has(id)).length;
}

// Windows are cut at whole seconds. Where a second holds more than a page, what is owed beyond the plan could only be had
// by reading the same pages once more.
function goesOn({ isPart, spread }: PendingSessions, pageSize: number): boolean {
  return isPart && (spread.rowsPerSecond ?? 0) * 2 > pageSize / 2;
}

function owedOn(page: ListPage, { pending, arrived }: PendingSessions): OwedSession[] {
  const ids = new Set(page.data.map((record) => (record as { id?: unknown } | null)?.id));
  // Several IDs beyond 2^53 can be one number: Postgres compares them exactly.
  return [...pending.values()].filter(({ id }) => ids.has(Number(id)) && !arrived.has(id));
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
  const unplanned = others.filter((id) => !run.pending.has(id) && !run.arrived.has(id));
  if (unplanned.length === 0) return [];
  const owed = await owedSessionsAmong(warehouse, context.lease.applicationId, unplanned);
  return owed.filter(({ id }) => !run.arrived.has(id));
}

function listedSessions({ data }: ListPage): ListedSession[] {
  return data.flatMap((record) => {
    const { id, created } = (record ?? {}) as { id?: unknown; created?: unknown };
    const at = typeof created === 'string' ? parseInstant(created) : undefined;
    return typeof id === 'number' && at !== undefined ? [{ id, created: at }] : [];
  });
}
