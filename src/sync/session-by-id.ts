import { ApiError, hasStatus, isUnauthorised } from '../talon-one/api-error.js';
import type { ListPage } from '../talon-one/management.js';
import { isRetryable } from '../talon-one/retry.js';
import type { OwedSession } from '../warehouse/owed.js';
import { type CycleContext, noteQuarantined, noteSnapshots } from './cycle-context.js';
import { type LaneOptions, sessionBatch, storeSessions } from './session-store.js';
import { owedStore } from './snapshot-store.js';

/** After so many sessions in a row that cannot be fetched, the trouble is not theirs. */
const MOST_FAILURES = 3;

export interface ByIdOptions extends LaneOptions {
  /** Requests under way at the same time. */
  readonly parallel: number;
}

/**
 * Fetches sessions by ID, some at a time. One that fails does not hold up the others: it stays owed and is returned,
 * or goes to the quarantine when the API refuses it for good while it answers for others.
 */
export async function fetchSessionsById(
  options: ByIdOptions,
  sessions: Iterable<OwedSession>,
  context: CycleContext,
  isTimeUp: () => boolean,
): Promise<Set<string>> {
  const failures = new Map<OwedSession, ApiError>();
  let fetched = 0;
  let failuresInARow = 0;
  let failure: unknown;
  const queue = sessions[Symbol.iterator]();
  const work = async () => {
    while (failure === undefined && !context.signal.aborted && !isTimeUp()) {
      const { done, value: session } = queue.next();
      if (done) return;
      try {
        await fetchSession(options, session, context);
        fetched += 1;
        failuresInARow = 0;
      } catch (error) {
        failuresInARow += 1;
        if (error instanceof ApiError && !isUnauthorised(error)) failures.set(session, error);
        else failure ??= error;
        if (failuresInARow >= MOST_FAILURES) failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, work));
  if (fetched > 0) await putRefusedAside(options, failures, context);
  for (const [session, error] of failures) {
    context.log.warn(
      { sessionId: session.id, err: error },
      'session could not be fetched, it is asked for again later',
    );
  }
  if (failure !== undefined) throw new SessionsFailedError(failure, ids(failures));
  return ids(failures);
}

/** Too many sessions in a row could not be fetched; `cause` is why, `sessionIds` which. */
export class SessionsFailedError extends Error {
  override name = 'SessionsFailedError';
  constructor(
    override readonly cause: unknown,
    readonly sessionIds: ReadonlySet<string>,
  ) {
    super('sessions could not be fetched');
  }
}

function ids(failures: ReadonlyMap<OwedSession, ApiError>): Set<string> {
  return new Set([...failures.keys()].map((session) => session.id));
}

/** Fetches one session; what the API does not know is stored as not found. */
async function fetchSession(
  options: LaneOptions,
  session: OwedSession,
  context: CycleContext,
): Promise<void> {
  const batch = await sessionBatch(options, [session], 'by-id', context);
  try {
    const page = await options.client.session(context.lease.applicationId, session.id, context.requests);
    await storeSessions(options, batch, page, context, problemsOf(page, session.id));
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    await (context.store ?? owedStore(options.warehouse)).notFound(batch, [session]);
    noteSnapshots(context, 'by-id', 1);
  }
}

// A lasting answer such as 400 or 410 while other sessions are answered concerns this session alone.
async function putRefusedAside(
  options: LaneOptions,
  failures: Map<OwedSession, ApiError>,
  context: CycleContext,
): Promise<void> {
  for (const [session, error] of failures) {
    if (error.failure !== 'status' || isRetryable(error)) continue;
    const batch = await sessionBatch(options, [session], 'by-id', context);
    await (context.store ?? owedStore(options.warehouse)).refused(batch, [session], {
      reason: error.message,
      source: error.endpoint,
    });
    noteQuarantined(context, { inserted: 0, quarantined: 1 }, error.endpoint);
    failures.delete(session);
  }
}

function problemsOf(page: ListPage, askedId: string): Map<number, string> {
  const id = (page.data[0] as { id?: unknown }).id;
  return id === Number(askedId) ? new Map() : new Map([[0, `id: is not ${askedId}, which was asked for`]]);
}
