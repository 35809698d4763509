import { type KnownSession, newestSessions, sessionsAround } from '../warehouse/known-sessions.js';
import { type OwedSession, owedSessions } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import type { Leftover } from './leftover.js';
import { type ByIdOptions, fetchSessionsById, SessionsFailedError } from './session-by-id.js';
import { exportSessions } from './session-export.js';
import { listSessions, type PendingSessions } from './session-list.js';
import { SessionPages } from './session-pages.js';
import { type PlanOptions, planSessions, type SessionWindow } from './session-plan.js';
import { LearnedSpread } from './session-spread.js';
import { together } from './together.js';

export interface SessionSyncOptions extends ByIdOptions {
  readonly mode: 'auto' | 'by-id' | 'list' | 'export';
  /** Pages of lists under way at a time; default: 1. */
  readonly pagesAtOnce?: number;
}

/** Owed sessions that are planned together: bounds memory. */
const CHUNK = 10_000;
/** Lists that are begun for the sake of one session; a second one is planned with what the first has taught. */
const MOST_LISTS = 2;
/** Stored sessions that tell a process how the sessions lie, before it has read a list. */
const FIRST_LESSON = 1000;

interface Fetched {
  /** IDs of those that could not be fetched. */
  readonly failed: ReadonlySet<string>;
  /** What lists may still spend, see `PendingSessions`. */
  readonly credit: number;
}

/** Windows with so many pages full of what is owed are listed alone, some of their pages at a time; others some at a time. */
const LONG_PAGES = 4;

/** A window that is to be listed, and what of it is still owed. */
interface ListTurn {
  readonly window: SessionWindow;
  readonly wanted: readonly OwedSession[];
}

/** Fetches every owed session by the lane that is asked for or cheapest, and settles it. */
export class SessionSync {
  private readonly spread = new LearnedSpread();
  private readonly pages: SessionPages;
  /** Sessions that could not be fetched lately: asked for last, so that they cannot keep the others from their turn. */
  private suspects = new Set<string>();

  constructor(private readonly options: SessionSyncOptions) {
    this.pages = new SessionPages(options.client, options.pageSize);
  }

  async run(context: CycleContext, isTimeUp: () => boolean): Promise<Leftover> {
    const failed = new Set<string>();
    let credit = 1;
    for (;;) {
      context.signal.throwIfAborted();
      const chunk = await owedSessions(this.options.warehouse, context.lease.applicationId, CHUNK);
      const owed = chunk.filter((session) => !failed.has(session.id));
      if (owed.length === 0) {
        this.suspects = failed;
        return failed.size === 0 ? 'nothing' : 'failed';
      }
      const mayLeave = chunk.length === CHUNK;
      if (mayLeave) credit = Math.max(credit, 1);
      const fetched = await this.fetchThese(owed, { mayLeave, credit }, context, isTimeUp);
      for (const id of fetched.failed) failed.add(id);
      credit = fetched.credit;
      if (isTimeUp()) return 'time-up';
    }
  }

  /**
   * Fetches these sessions, and hands the answers to the store of the context.
   * @param mayLeave more sessions are owed than these, and what is cheaper together with them may be left
   * @param credit what lists may spend, see `PendingSessions`
   */
  async fetchThese(
    owed: readonly OwedSession[],
    { mayLeave, credit }: { mayLeave: boolean; credit: number },
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<Fetched> {
    const mode = this.laneOf();
    if (mode === 'export') {
      const rest = await exportSessions(this.options, owed, context, isTimeUp);
      return { failed: await this.fetchSingly(rest, context, isTimeUp), credit };
    }
    const run: PendingSessions = {
      pending: new Map(owed.map((session) => [session.id, session])),
      arrived: new Set(),
      isPart: mayLeave,
      spread: this.spread,
      credit: mode === 'auto' ? credit : undefined,
    };
    const landmarks = mode === 'by-id' ? [] : await this.landmarks(owed, context);
    const { pages, spread } = this;
    // As it is when a plan is made: a list may have shown that pages have to be smaller.
    const options: PlanOptions = {
      mode,
      spread,
      landmarks,
      mayLeave,
      get pageSize() {
        return pages.pageSize;
      },
    };
    const storedBefore = context.tally.sessionSnapshots;
    const { byId } = planSessions(owed, options);
    // Lists and requests by ID have budgets of their own, so they go side by side.
    const listing = this.listAll(run, options, new Set(byId.map((session) => session.id)), context, isTimeUp);
    const asking = this.fetchSingly(stillPending(byId, run), context, isTimeUp);
    await together<unknown>([listing, asking]);
    const failed = await this.fetchSingly(await listing, context, isTimeUp);
    if (mode === 'by-id') this.pages.noteById(context.tally.sessionSnapshots - storedBefore);
    return { failed: new Set([...(await asking), ...failed]), credit: run.credit ?? credit };
  }

  /**
   * What is stored of the sessions around those that nobody has seen yet, and that are not the newest; and the newest,
   * which tells which ones these are.
   */
  private async landmarks(owed: readonly OwedSession[], { lease }: CycleContext): Promise<KnownSession[]> {
    const { warehouse } = this.options;
    const { applicationId } = lease;
    const isNew = this.spread.idsFollowTime === undefined;
    const known = await newestSessions(warehouse, applicationId, isNew ? FIRST_LESSON : 1);
    if (isNew) this.spread.learn(known);
    const newest = known.at(-1);
    if (!newest || this.spread.idsFollowTime === false) return [];
    const unseen = owed.filter(({ id, isDated }) => !isDated && Number(id) < newest.id).map(({ id }) => id);
    const around = await sessionsAround(warehouse, applicationId, unseen);
    return (around.at(-1)?.id ?? 0) < newest.id ? [...around, newest] : around;
  }

  private laneOf(): SessionSyncOptions['mode'] {
    const { mode } = this.options;
    return mode === 'auto' && !this.pages.areServed ? 'by-id' : mode;
  }

  /**
   * Lists the windows of a plan, some at a time, and plans anew with what the lists have taught. Returns what is better
   * asked for by ID.
   */
  private async listAll(
    run: PendingSessions,
    options: PlanOptions,
    singly: ReadonlySet<string>,
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<OwedSession[]> {
    const tries = new Map<string, number>();
    const mayBeListed = ({ id }: OwedSession) =>
      run.pending.has(id) && !singly.has(id) && (tries.get(id) ?? 0) < MOST_LISTS;
    const list = async ({ window, wanted }: ListTurn, parallel: number) => {
      const options = { ...this.options, pages: this.pages };
      const end = await listSessions(options, window, run, context, isTimeUp, parallel);
      if (end === 'refused') run.credit = 0;
      // What a complete list does not hold is not where it was looked for.
      const tried = end === 'complete' ? MOST_LISTS : 1;
      for (const { id } of wanted) tries.set(id, (tries.get(id) ?? 0) + tried);
    };
    let plan = planSessions([...run.pending.values()].filter(mayBeListed), options);
    let windows = [...plan.windows];
    while (windows.length > 0 && !isTimeUp() && (run.credit === undefined || run.credit >= 1)) {
      const known = this.spread.now();
      const turns = this.nextTurns(windows, run, mayBeListed);
      const parallel = turns.length === 1 ? this.pagesAtOnce : 1;
      await together(turns.map((turn) => list(turn, parallel)));
      if (windows.length > 0 && !this.spread.differsFrom(known)) continue;
      plan = planSessions([...run.pending.values()].filter(mayBeListed), options);
      windows = [...plan.windows];
    }
    const left = new Set(plan.left);
    return [...run.pending.values()].filter((session) => !singly.has(session.id) && !left.has(session));
  }

  /** Takes from `windows` what is listed next: as much as is paid for, and one alone while nothing is known of the sessions. */
  private nextTurns(
    windows: SessionWindow[],
    { credit }: PendingSessions,
    mayBeListed: (session: OwedSession) => boolean,
  ): ListTurn[] {
    const isKnown = this.spread.idsFollowTime !== undefined;
    const most = isKnown ? Math.min(this.pagesAtOnce, Math.floor(credit ?? this.pagesAtOnce)) : 1;
    const turns: ListTurn[] = [];
    for (let [window] = windows; window && turns.length < most; [window] = windows) {
      const wanted = window.sessions.filter(mayBeListed);
      const isLong = wanted.length > (LONG_PAGES - 1) * this.pages.pageSize;
      if (isLong && turns.length > 0) break;
      windows.shift();
      // Lists before it have brought most of it.
      const isWorthless = credit !== undefined && wanted.length <= window.pages;
      if (wanted.length === 0 || isWorthless) continue;
      turns.push({ window, wanted });
      if (isLong) break;
    }
    return turns;
  }

  private get pagesAtOnce(): number {
    return this.options.pagesAtOnce ?? 1;
  }

  private async fetchSingly(
    sessions: Iterable<OwedSession>,
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<ReadonlySet<string>> {
    try {
      return await fetchSessionsById(this.options, this.suspectsLast(sessions), context, isTimeUp);
    } catch (error) {
      if (!(error instanceof SessionsFailedError)) throw error;
      for (const id of error.sessionIds) this.suspects.add(id);
      throw error.cause;
    }
  }

  private *suspectsLast(sessions: Iterable<OwedSession>): Generator<OwedSession, void> {
    const suspects: OwedSession[] = [];
    for (const session of sessions) {
      if (this.suspects.has(session.id)) suspects.push(session);
      else yield session;
    }
    yield* suspects;
  }
}

/** Those that no list has brought by the time when it is their turn. */
function* stillPending(sessions: readonly OwedSession[], run: PendingSessions): Generator<OwedSession, void> {
  for (const session of sessions) if (run.pending.has(session.id)) yield session;
}
