import { type OwedSession, owedSessions } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import { fetchSessionsById } from './session-by-id.js';
import { exportSessions } from './session-export.js';
import { listSessions } from './session-list.js';
import { planSessions } from './session-plan.js';
import type { LaneOptions } from './session-store.js';

export interface SessionSyncOptions extends LaneOptions {
  readonly mode: 'auto' | 'by-id' | 'list' | 'export';
  /** Requests by ID under way at the same time. */
  readonly parallel: number;
}

/** Owed sessions that are planned together: bounds memory. */
const CHUNK = 10_000;

/** Fetches every owed session by the lane that is asked for or cheapest, and settles it. */
export class SessionSync {
  private density: number | undefined;

  constructor(private readonly options: SessionSyncOptions) {}

  /** @returns whether nothing is left; false when `isTimeUp` ended it early or some could not be fetched now */
  async run(context: CycleContext, isTimeUp: () => boolean): Promise<boolean> {
    const failed = new Set<string>();
    for (;;) {
      context.signal.throwIfAborted();
      const chunk = await owedSessions(this.options.warehouse, context.lease.applicationId, CHUNK);
      const owed = chunk.filter((session) => !failed.has(session.id));
      if (owed.length === 0) return failed.size === 0;
      const byId = await this.fetchTogether(owed, context, isTimeUp);
      for (const id of await fetchSessionsById(this.options, byId, context, isTimeUp)) failed.add(id);
      if (isTimeUp()) return false;
    }
  }

  /** Fetches what can be had many at a time; returns what is to be asked for by ID. */
  private async fetchTogether(
    owed: readonly OwedSession[],
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<readonly OwedSession[]> {
    const { mode, pageSize } = this.options;
    if (mode === 'export') return exportSessions(this.options, owed, context);
    const plan = planSessions(owed, { mode, pageSize, density: this.density });
    const byId = [...plan.byId];
    for (const window of plan.windows) {
      if (isTimeUp()) return [];
      const { rest, density } = await listSessions(this.options, window, mode === 'auto', context);
      this.density = density ?? this.density;
      byId.push(...rest);
    }
    return byId;
  }
}
