import { formatInstant, secondsBetween } from '../instant.js';
import { ApiError, hasStatus, isUnauthorised } from '../talon-one/api-error.js';
import type { ListPage, ManagementClient } from '../talon-one/management.js';
import { databaseTime, type OwedSession, owedSessions } from '../warehouse/owed.js';
import { type SnapshotBatch, writeNotFound, writeSnapshots } from '../warehouse/snapshot-writer.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { type CycleContext, noteQuarantined } from './cycle-context.js';
import { planSessions, type SessionWindow } from './session-plan.js';

export interface SessionSyncOptions {
  readonly warehouse: Warehouse;
  readonly client: ManagementClient;
  readonly mode: 'auto' | 'by-id' | 'list';
  readonly pageSize: number;
  /** Requests by ID under way at the same time. */
  readonly parallel: number;
}

/** Owed sessions that are planned together: bounds memory. */
const CHUNK = 10_000;
/** After so many sessions in a row that cannot be fetched, the trouble is not theirs. */
const MOST_FAILURES = 3;

/** Fetches every owed session, by list or by ID as planned, and settles it. */
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
      const { mode, pageSize } = this.options;
      const plan = planSessions(owed, { mode, pageSize, density: this.density });
      const byId = [...plan.byId];
      for (const window of plan.windows) {
        if (isTimeUp()) return false;
        byId.push(...(await this.list(window, context)));
      }
      await this.fetchById(byId, failed, context, isTimeUp);
      if (isTimeUp()) return false;
    }
  }

  /** Lists one window as long as that is cheaper than asking by ID; returns what it did not bring. */
  private async list(window: SessionWindow, context: CycleContext): Promise<OwedSession[]> {
    const { warehouse, client, pageSize, mode } = this.options;
    const { applicationId } = context.lease;
    let rest = [...window.sessions];
    let rows = 0;
    for (let requests = 0; rest.length > 0; requests += 1) {
      if (mode === 'auto' && requests > window.pages && requests >= rest.length) break;
      context.signal.throwIfAborted();
      const askedAt = await databaseTime(warehouse);
      const query = {
        createdAfter: formatInstant(window.after),
        createdBefore: formatInstant(window.before),
        pageSize,
        skip: rows,
      };
      const page = await client.sessions(applicationId, query, context.requests);
      rows += page.data.length;
      const batch: SnapshotBatch = {
        kind: 'session',
        lease: context.lease,
        asked: rest,
        askedAt,
        source: 'list',
      };
      const answered = await this.store(batch, page, context);
      rest = rest.filter((session) => !answered.has(session.id));
      const isLast = page.hasMore === undefined ? page.data.length < pageSize : !page.hasMore;
      if (isLast || page.data.length === 0) {
        this.density = rows / Math.max(1, secondsBetween(window.after, window.before));
        break;
      }
    }
    return rest;
  }

  /** One request a session, some at a time. One that fails for good stays owed and does not hold up the others. */
  private async fetchById(
    sessions: readonly OwedSession[],
    failed: Set<string>,
    context: CycleContext,
    isTimeUp: () => boolean,
  ): Promise<void> {
    let failuresInARow = 0;
    let failure: unknown;
    const queue = sessions.values();
    const work = async () => {
      for (const session of queue) {
        if (failure !== undefined || context.signal.aborted || isTimeUp()) return;
        try {
          await this.fetchOne(session, context);
          failuresInARow = 0;
        } catch (error) {
          failed.add(session.id);
          failuresInARow += 1;
          const isLasting =
            !(error instanceof ApiError) || isUnauthorised(error) || failuresInARow >= MOST_FAILURES;
          if (isLasting) failure ??= error;
          else
            context.log.warn(
              { sessionId: session.id, err: error },
              'session could not be fetched, it stays owed',
            );
        }
      }
    };
    await Promise.all(Array.from({ length: this.options.parallel }, work));
    if (failure !== undefined) throw failure;
  }

  private async fetchOne(session: OwedSession, context: CycleContext): Promise<void> {
    const { warehouse, client } = this.options;
    const { lease } = context;
    const askedAt = await databaseTime(warehouse);
    const batch: SnapshotBatch = { kind: 'session', lease, asked: [session], askedAt, source: 'by-id' };
    try {
      const page = await client.session(lease.applicationId, session.id, context.requests);
      await this.store(batch, page, context, problemsOf(page, session.id));
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      await writeNotFound(warehouse, batch, [session]);
      context.tally.sessionSnapshots += 1;
    }
  }

  private async store(
    batch: SnapshotBatch,
    page: ListPage,
    context: CycleContext,
    problems: ReadonlyMap<number, string> = new Map(),
  ): Promise<ReadonlySet<string>> {
    const counts = await writeSnapshots(this.options.warehouse, batch, { ...page, problems });
    context.tally.sessionSnapshots += counts.inserted;
    noteQuarantined(context, counts, page.source);
    return counts.answered;
  }
}

function problemsOf(page: ListPage, askedId: string): Map<number, string> {
  const id = (page.data[0] as { id?: unknown }).id;
  return id === Number(askedId) ? new Map() : new Map([[0, `id: is not ${askedId}, which was asked for`]]);
}
