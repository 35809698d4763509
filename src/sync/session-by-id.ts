import { ApiError, hasStatus, isUnauthorised } from '../talon-one/api-error.js';
import type { ListPage } from '../talon-one/management.js';
import type { OwedSession } from '../warehouse/owed.js';
import { writeNotFound } from '../warehouse/snapshot-writer.js';
import type { CycleContext } from './cycle-context.js';
import { type LaneOptions, sessionBatch, storeSessions } from './session-store.js';

/** After so many sessions in a row that cannot be fetched, the trouble is not theirs. */
const MOST_FAILURES = 3;

/** Fetches one session by its ID; what the API does not know is stored as not found. */
export async function fetchSession(
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
    await writeNotFound(options.warehouse, batch, [session]);
    context.tally.sessionSnapshots += 1;
  }
}

/** Fetches sessions by ID, some at a time. One that fails for good is told and does not hold up the others. */
export async function fetchSessionsById(
  options: LaneOptions & { readonly parallel: number },
  sessions: readonly OwedSession[],
  context: CycleContext,
  isTimeUp: () => boolean,
): Promise<Set<string>> {
  const failed = new Set<string>();
  let failuresInARow = 0;
  let failure: unknown;
  const queue = sessions.values();
  const work = async () => {
    for (const session of queue) {
      if (failure !== undefined || context.signal.aborted || isTimeUp()) return;
      try {
        await fetchSession(options, session, context);
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
  await Promise.all(Array.from({ length: options.parallel }, work));
  if (failure !== undefined) throw failure;
  return failed;
}

function problemsOf(page: ListPage, askedId: string): Map<number, string> {
  const id = (page.data[0] as { id?: unknown }).id;
  return id === Number(askedId) ? new Map() : new Map([[0, `id: is not ${askedId}, which was asked for`]]);
}
