import { type OwedSession, owedSessions } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import type { Leftover } from './leftover.js';
import { type ByIdOptions, fetchSessionsById, SessionsFailedError } from './session-by-id.js';
import { exportSessions } from './session-export.js';
import { listSessions, type PendingSessions } from './session-list.js';
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
  /** Sessions that could not be fetched lately: asked for last, so that they cannot keep the others from their turn. */
  private suspects = new Set<string>();

  constructor(private readonly options: SessionSyncOptions) {}

  async run(context: CycleContext, isTimeUp: () => boolean): Promise<Leftover> {
    const failed = new Set<string>();
    for (;;) {
      context.signal.throwIfAborted();
      const chunk = await owedSessions(this.options.warehouse, context.lease.applicationId, CHUNK);
      const owed = chunk.filter((session) => !failed.has(session.id));
      if (owed.length === 0) {
        this.suspects = failed;
        return failed.size === 0 ? 'nothing' : 'failed';
      }
      const mayLeave = chunk.length === CHUNK;
      for (const id of await this.fetchChunk(owed, mayLeave, context, isTimeUp)) failed.add(id);
      if (isTimeUp()) return 'time-up';
    }
  }

  /** Returns the IDs of those that could not be fetched. */
  private async fetchChunk(
    owed: readonly OwedSession[],
    mayLeave: boolean,
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<ReadonlySet<string>> {
    const { mode, pageSize } = this.options;
    if (mode === 'export') {
      const rest = await exportSessions(this.options, owed, context, isTimeUp);
      return this.fetchSingly(rest, context, isTimeUp);
    }
    const run: PendingSessions = {
      pending: new Map(owed.map((session) => [session.id, session])),
      arrived: new Set(),
      isPart: mayLeave,
      spread: this.spread,
      credit: mode === 'auto' ? 1 : undefined,
    };
    const options: PlanOptions = { mode, pageSize, spread: this.spread, mayLeave };
    const { byId } = planSessions(owed, options);
    // Lists and requests by ID have budgets of their own, so they go side by side.
    const listing = this.listAll(run, options, new Set(byId.map((session) => session.id)), context, isTimeUp);
    const asking = this.fetchSingly(stillPending(byId, run), context, isTimeUp);
    await together<unknown>([listing, asking]);
    const failed = await this.fetchSingly(await listing, context, isTimeUp);
    return new Set([...(await asking), ...failed]);
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
      const end = await listSessions(this.options, window, run, context, isTimeUp, parallel);
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
      const isLong = wanted.length > (LONG_PAGES - 1) * this.options.pageSize;
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
