import type { Logger } from '../logger.js';
import { type Observer, type SnapshotLane, silentObserver } from '../observer.js';
import type { RequestContext } from '../talon-one/management.js';
import type { Priority } from '../talon-one/request-budget.js';
import type { Lease } from '../warehouse/cursor.js';
import type { StoreCounts } from '../warehouse/record-page.js';
import type { SnapshotStore } from './snapshot-store.js';

/** What every kind of work counts. */
export interface WorkTally {
  requests: number;
  retries: number;
  quarantined: number;
}

/** What one cycle has done so far. */
export interface CycleTally extends WorkTally {
  pages: number;
  eventsNew: number;
  eventsRepeated: number;
  profileSnapshots: number;
  sessionSnapshots: number;
}

/** What the steps of one cycle share. */
export interface CycleContext {
  readonly lease: Lease;
  /** Aborts when the program stops or the lease is lost. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly tally: CycleTally;
  /** To be handed to every request: counts it and logs what failed. */
  readonly requests: RequestContext;
  readonly observer: Observer;
  /** Where answers about profiles and sessions go; default: `owedStore`. */
  readonly store?: SnapshotStore | undefined;
}

/** From this attempt on a failing request is worth a line; before, it is everyday trouble. */
const NOTEWORTHY_ATTEMPT = 3;

export interface CycleSurroundings {
  /** Of its requests; default: `back-fill`. */
  readonly priority?: Priority;
  readonly observer?: Observer | undefined;
}

export function createCycleContext(
  lease: Lease,
  signal: AbortSignal,
  log: Logger,
  { priority = 'back-fill', observer = silentObserver }: CycleSurroundings = {},
): CycleContext {
  const tally: CycleTally = {
    pages: 0,
    requests: 0,
    retries: 0,
    eventsNew: 0,
    eventsRepeated: 0,
    profileSnapshots: 0,
    sessionSnapshots: 0,
    quarantined: 0,
  };
  const requests = { ...requestContext(tally, signal, log), priority };
  return { lease, signal, log, tally, requests, observer };
}

/** To be handed to requests: counts them and logs what failed. */
export function requestContext(tally: WorkTally, signal: AbortSignal, log: Logger): RequestContext {
  return {
    signal,
    onAttempt: (attempt) => {
      tally.requests += 1;
      if (attempt > 1) tally.retries += 1;
    },
    onFailedAttempt: ({ error, attempt }) => {
      // What the server refuses because others use the key is said once, by the budget.
      const isNoteworthy = attempt >= NOTEWORTHY_ATTEMPT && error.status !== 429;
      const level = isNoteworthy ? 'info' : 'debug';
      log[level]({ attempt, retryAfterMs: error.retryAfterMs, err: error }, 'request failed, trying again');
    },
    onPageSize: ({ endpoint, pageSize, isFull }) =>
      log.info(
        { endpoint, pageSize },
        isFull
          ? 'the API delivers full pages again'
          : 'full pages are too much for the API, smaller ones are asked for',
      ),
  };
}

/** Counts snapshots that were stored. */
export function noteSnapshots(
  { lease, tally, observer }: CycleContext,
  lane: SnapshotLane,
  count: number,
): void {
  tally[lane === 'profile' ? 'profileSnapshots' : 'sessionSnapshots'] += count;
  observer.snapshotsStored(lease.applicationId, lane, count);
}

/** Counts what a page brought; says so when records had to be put aside. */
export function noteQuarantined(
  context: { readonly tally: WorkTally; readonly log: Logger },
  counts: StoreCounts,
  source: string,
): void {
  if (counts.quarantined === 0) return;
  context.tally.quarantined += counts.quarantined;
  context.log.warn({ quarantined: counts.quarantined, source }, 'records put into quarantine');
}
