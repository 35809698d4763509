import { formatInstant, secondsBetween } from '../instant.js';
import { hasStatus } from '../talon-one/api-error.js';
import type { ListPage, SessionQuery } from '../talon-one/management.js';
import type { OwedSession } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import type { SessionWindow } from './session-plan.js';
import { type LaneOptions, sessionBatch, storeSessions } from './session-store.js';

export interface ListResult {
  /** Owed sessions that the list did not bring. */
  readonly rest: OwedSession[];
  /** Sessions created per second in this window; `undefined` when it was not read to its end. */
  readonly density: number | undefined;
}

/** Lists one window page by page. With `isWeighed`, only as long as that is cheaper than asking by ID. */
export async function listSessions(
  options: LaneOptions,
  window: SessionWindow,
  isWeighed: boolean,
  context: CycleContext,
  isTimeUp: () => boolean,
): Promise<ListResult> {
  const createdAfter = formatInstant(window.after);
  const createdBefore = formatInstant(window.before);
  let rest = [...window.sessions];
  let rows = 0;
  for (let requests = 0; rest.length > 0; requests += 1) {
    if (isTimeUp() || (isWeighed && requests > window.pages && requests >= rest.length)) break;
    context.signal.throwIfAborted();
    const batch = await sessionBatch(options, rest, 'list', context);
    const query = { createdAfter, createdBefore, pageSize: options.pageSize, skip: rows };
    const page = await listPage(options, query, isWeighed, context);
    if (page === undefined) break;
    rows += page.data.length;
    rest = await storeSessions(options, batch, page, context);
    const isLast = page.hasMore === undefined ? page.data.length < options.pageSize : !page.hasMore;
    if (isLast || page.data.length === 0) {
      return { rest, density: rows / Math.max(1, secondsBetween(window.after, window.before)) };
    }
  }
  return { rest, density: undefined };
}

/** `undefined`: the server refuses the list, and there is another lane to take. */
async function listPage(
  options: LaneOptions,
  query: SessionQuery,
  isWeighed: boolean,
  context: CycleContext,
): Promise<ListPage | undefined> {
  try {
    return await options.client.sessions(context.lease.applicationId, query, context.requests);
  } catch (error) {
    if (isWeighed && hasStatus(error, 400)) return undefined;
    throw error;
  }
}
