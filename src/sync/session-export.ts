import { earlierOf, floorToSecond, formatInstant, type Instant, parseInstant, SECOND } from '../instant.js';
import { isTooMuch } from '../talon-one/api-error.js';
import type { OwedSession } from '../warehouse/owed.js';
import type { CycleContext } from './cycle-context.js';
import { type LaneOptions, sessionBatch, storeSessions } from './session-store.js';

/** Periods overlap: the bounds are compared in whole seconds, and whether they are inclusive is not documented. */
const MARGIN = 2n * SECOND;

/**
 * Exports what was updated since the earliest event that is owed for, in as few files as the server can deliver: a
 * period whose file is too large or too slow is halved. Returns the sessions that no file held (archived ones).
 */
export async function exportSessions(
  options: LaneOptions,
  sessions: readonly OwedSession[],
  context: CycleContext,
  isTimeUp: () => boolean,
): Promise<OwedSession[]> {
  const first = sessions.map((session) => session.touched).reduce(earlierOf);
  let rest = [...sessions];
  let after = floorToSecond(first) - MARGIN;
  let before: Instant | undefined;
  while (rest.length > 0 && !isTimeUp()) {
    context.signal.throwIfAborted();
    const batch = await sessionBatch(options, rest, 'export', context);
    const period = {
      updatedAfter: formatInstant(after),
      updatedBefore: before === undefined ? undefined : formatInstant(before),
    };
    try {
      const page = await options.client.exportedSessions(
        context.lease.applicationId,
        period,
        context.requests,
      );
      rest = await storeSessions(options, batch, page, context);
      if (before === undefined) break;
      after = before - MARGIN;
      before = undefined;
    } catch (error) {
      const end = before ?? parseInstant(batch.askedAt);
      const canHalve = isTooMuch(error) && end !== undefined && end - after > 4n * MARGIN;
      if (!canHalve) throw error;
      before = floorToSecond(after + (end - after) / 2n);
    }
  }
  return rest;
}
