import { type OwedSession, owedSessions } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import type { Leftover } from './leftover.js';
import { type ByIdOptions, fetchSessionsById, SessionsFailedError } from './session-by-id.js';
import { exportSessions } from './session-export.js';
import { listSessions, type PendingSessions } from './session-list.js';
import { SessionPages } from './session-pages.js';
import { type PlanOptions, planSessions } from './session-plan.js';
import { LearnedSpread } from './session-spread.js';

export interface SessionSyncOptions extends ByIdOptions {
  readonly mode: 'auto' | 'by-id' | 'list' | 'export';
}

/** Owed sessions that are planned together: bounds memory. */
const CHUNK = 10_000;
/** Lists that are begun for the sake of one session; a second one is planned with what the first has taught. */
const MOST_LISTS = 2;

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
    const mode = this.laneOf();
    if (mode === 'export') {
      const rest = await exportSessions(this.options, owed, context, isTimeUp);
      return this.fetchSingly(rest, context, isTimeUp);
    }
    const run: PendingSessions = {
      pending: new Map(owed.map((session) => [session.id, session])),
      isPart: mayLeave,
      spread: this.spread,
      credit: mode === 'auto' ? 1 : undefined,
    };
    const { pages, spread } = this;
    // As it is when a plan is made: a list may have shown that pages have to be smaller.
    const options: PlanOptions = {
      mode,
      spread,
      mayLeave,
      get pageSize() {
        return pages.pageSize;
      },
    };
    const storedBefore = context.tally.sessionSnapshots;
    const { byId } = planSessions(owed, options);
    // Lists and requests by ID have budgets of their own, so they go side by side.
    const lanes = await Promise.allSettled([
      this.listAll(run, options, new Set(byId.map((session) => session.id)), context, isTimeUp),
      this.fetchSingly(stillPending(byId, run), context, isTimeUp),
    ]);
    for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
    const [listed, singly] = lanes as [
      PromiseFulfilledResult<OwedSession[]>,
      PromiseFulfilledResult<Set<string>>,
    ];
    const failed = await this.fetchSingly(listed.value, context, isTimeUp);
    if (mode === 'by-id') this.pages.noteById(context.tally.sessionSnapshots - storedBefore);
    return new Set([...singly.value, ...failed]);
  }

  private laneOf(): SessionSyncOptions['mode'] {
    const { mode } = this.options;
    return mode === 'auto' && !this.pages.areServed ? 'by-id' : mode;
  }

  /**
   * Lists the windows of a plan one after the other, and plans anew with what the lists have taught. Returns what is
   * better asked for by ID.
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
    let plan = planSessions([...run.pending.values()].filter(mayBeListed), options);
    let windows = [...plan.windows];
    while (windows.length > 0 && !isTimeUp() && (run.credit === undefined || run.credit >= 1)) {
      const window = windows.shift();
      const wanted = window?.sessions.filter(mayBeListed) ?? [];
      // Lists before it have brought most of it.
      const isWorthless = run.credit !== undefined && wanted.length <= (window?.pages ?? 0);
      const known = this.spread.now();
      if (window && wanted.length > 0 && !isWorthless) {
        const end = await listSessions(
          { ...this.options, pages: this.pages },
          window,
          run,
          context,
          isTimeUp,
        );
        if (end === 'refused') run.credit = 0;
        // What a complete list does not hold is not where it was looked for.
        const tried = end === 'complete' ? MOST_LISTS : 1;
        for (const { id } of wanted) tries.set(id, (tries.get(id) ?? 0) + tried);
      }
      if (windows.length > 0 && !this.spread.differsFrom(known)) continue;
      plan = planSessions([...run.pending.values()].filter(mayBeListed), options);
      windows = [...plan.windows];
    }
    const left = new Set(plan.left);
    return [...run.pending.values()].filter((session) => !singly.has(session.id) && !left.has(session));
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
