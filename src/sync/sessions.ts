import { type KnownSession, newestSessions, sessionsAround } from '../warehouse/known-sessions.js';
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
/** Stored sessions that tell a process how the sessions lie, before it has read a list. */
const FIRST_LESSON = 1000;

interface Fetched {
  /** IDs of those that could not be fetched. */
  readonly failed: ReadonlySet<string>;
  /** What lists may still spend, see `PendingSessions`. */
  readonly credit: number;
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
    return { failed: new Set([...singly.value, ...failed]), credit: run.credit ?? credit };
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
