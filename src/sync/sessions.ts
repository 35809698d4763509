import { type OwedSession, owedSessions } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import type { Leftover } from './leftover.js';
import { type ByIdOptions, fetchSessionsById, SessionsFailedError } from './session-by-id.js';
import { exportSessions } from './session-export.js';
import { listSessions } from './session-list.js';
import { planSessions } from './session-plan.js';

export interface SessionSyncOptions extends ByIdOptions {
  readonly mode: 'auto' | 'by-id' | 'list' | 'export';
}

/** Owed sessions that are planned together: bounds memory. */
const CHUNK = 10_000;

/** Fetches every owed session by the lane that is asked for or cheapest, and settles it. */
export class SessionSync {
  private density: number | undefined;
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
      const byId = await this.fetchTogether(owed, context, isTimeUp);
      for (const id of await this.fetchSingly(byId, context, isTimeUp)) failed.add(id);
      if (isTimeUp()) return 'time-up';
    }
  }

  /** Fetches what can be had many at a time; returns what is to be asked for by ID. */
  private async fetchTogether(
    owed: readonly OwedSession[],
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<readonly OwedSession[]> {
    const { mode, pageSize } = this.options;
    if (mode === 'export') return exportSessions(this.options, owed, context, isTimeUp);
    const plan = planSessions(owed, { mode, pageSize, density: this.density });
    const byId = [...plan.byId];
    for (const window of plan.windows) {
      if (isTimeUp()) return [];
      const { rest, density } = await listSessions(this.options, window, mode === 'auto', context, isTimeUp);
      this.density = density ?? this.density;
      byId.push(...rest);
    }
    return byId;
  }

  private async fetchSingly(
    sessions: readonly OwedSession[],
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<ReadonlySet<string>> {
    const isSuspect = (session: OwedSession) => this.suspects.has(session.id);
    const queue = [...sessions.filter((one) => !isSuspect(one)), ...sessions.filter(isSuspect)];
    try {
      return await fetchSessionsById(this.options, queue, context, isTimeUp);
    } catch (error) {
      if (!(error instanceof SessionsFailedError)) throw error;
      for (const id of error.sessionIds) this.suspects.add(id);
      throw error.cause;
    }
  }
}
