import { randomUUID } from 'node:crypto';
import { monotonicMs } from '../clock.js';
import { messageOf } from '../errors.js';
import { earlierOf, formatInstant, type Instant, laterOf, secondsBetween } from '../instant.js';
import type { Logger } from '../logger.js';
import type { Observer } from '../observer.js';
import type { Priority } from '../talon-one/request-budget.js';
import { type CycleEnd, endCycle, type Lease, type LeasedCursor } from '../warehouse/cursor.js';
import { type CycleOutcome, type CycleRecord, insertCycle } from '../warehouse/cycle-log.js';
import { type OwedSummary, summariseOwed } from '../warehouse/owed.js';
import type { Client } from '../warehouse/pool.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { ApplicationSync } from './application-sync.js';
import { type CycleContext, type CycleTally, createCycleContext } from './cycle-context.js';
import type { EventWindow } from './events.js';
import { backoffMs, failureLevel, failureOf } from './failure.js';
import { applicationKeeper, type LeaseKeeper } from './lease-keeper.js';
import type { Leftover } from './leftover.js';
import { nextCycleInMs } from './next-cycle.js';

export interface CycleOptions {
  readonly warehouse: Warehouse;
  /** Of this process; default: one for this cycle. */
  readonly keeper?: LeaseKeeper<Lease>;
  readonly intervalMs: number;
  readonly lookback: Instant;
  /** How many Applications are this process's own to keep; default: any number. */
  readonly share?: number | undefined;
  readonly observer?: Observer | undefined;
  /** Others wait for the place of this cycle, if it is a long one. */
  readonly isWaitedFor?: () => boolean;
}

export interface CycleResult {
  readonly outcome: CycleOutcome;
  readonly error: unknown;
  /** What is left of the snapshots. */
  readonly leftover: Leftover;
}

/**
 * One cycle of one Application under its lease: events until caught up, then the snapshots they call for, then the
 * record. Never rejects: what went wrong is in the result, in the log and in the cursor row.
 */
export async function runCycle(
  leased: LeasedCursor,
  application: ApplicationSync,
  options: CycleOptions,
  signal: AbortSignal,
  parentLog: Logger,
): Promise<CycleResult> {
  const { lease, cursor } = leased;
  const cycleId = randomUUID();
  const log = parentLog.child({ applicationId: Number(lease.applicationId), cycleId });
  const startedMs = monotonicMs();
  // The requests of a first sync, or of one after a long absence, make way for Applications that are up to date.
  const priority: Priority = cursor.isLive ? 'live' : 'back-fill';
  const surroundings = { priority, observer: options.observer };
  let context = createCycleContext(lease, signal, log, surroundings);
  let window: EventWindow | undefined;
  let outcome: CycleOutcome = 'caught-up';
  let leftover: Leftover = 'nothing';
  let error: unknown;
  try {
    const keeper = options.keeper ?? applicationKeeper(options.warehouse);
    await keeper.whileLeased(lease, signal, async (leaseSignal) => {
      context = createCycleContext(lease, leaseSignal, log, surroundings);
      window = await application.syncEvents(cursor, context, options.isWaitedFor);
      leftover = window.isCaughtUp ? await application.syncSnapshots(context) : 'time-up';
      if (leftover !== 'nothing') outcome = 'behind';
    });
  } catch (caught) {
    error = caught;
    outcome = failureOf(caught, signal);
  }
  const ending = { cycleId, outcome, leftover, error, window, durationMs: monotonicMs() - startedMs };
  await finish(leased, context, ending, options, log);
  context.observer.cycleEnded(lease.applicationId, outcome, ending.durationMs / 1000);
  return { outcome, error, leftover };
}

interface Ending {
  readonly cycleId: string;
  readonly outcome: CycleOutcome;
  readonly leftover: Leftover;
  readonly error: unknown;
  readonly window: EventWindow | undefined;
  readonly durationMs: number;
}

/** Gives the lease back, writes the record, and logs the one line of the cycle. */
async function finish(
  { lease, cursor, othersWaitMs }: LeasedCursor,
  context: CycleContext,
  ending: Ending,
  options: CycleOptions,
  log: Logger,
): Promise<void> {
  let owed: OwedSummary | undefined;
  let completeThrough: Instant | undefined;
  let failingMs = 0;
  try {
    const end = async (client: Client) => {
      owed = await summariseOwed(client, lease.applicationId);
      completeThrough = completeThroughOf(ending, owed, options.lookback);
      if (ending.outcome !== 'lease-lost') {
        const hasAchieved = ending.outcome === 'failed' && hasStored(context.tally);
        const failures = hasAchieved ? 0 : cursor.failures;
        const standing = { failures, othersWaitMs, completeThrough };
        const standsAs = { ...endOf(ending, standing, options), share: options.share };
        failingMs = await endCycle(client, lease, standsAs);
      }
      await insertCycle(client, lease, toRecord(ending, context, owed.count, completeThrough));
    };
    // Nobody renews the lease any more.
    await options.warehouse.transaction(end, { isUrgent: true });
  } catch (error) {
    // Without Postgres the lease ends by itself; the cursor stands where the last stored page left it.
    log.warn({ err: error }, 'end of cycle could not be recorded');
  }
  logCycle(log, ending, { ...context.tally, owed: owed?.count }, completeThrough, failingMs, lease);
}

// Once the events were read to their end, only what is owed keeps the tables from being complete up to there, and what
// may have become visible behind a reading that took long. A Date header that runs ahead must not promise what is still to
// come, and a promise cannot be taken back: the clock of Postgres or the records themselves have to agree.
function completeThroughOf({ window }: Ending, owed: OwedSummary, lookback: Instant): Instant | undefined {
  if (!window) return undefined;
  const agreed = laterOf(owed.readAt, window.to);
  const readTo = earlierOf(window.closeAt ?? window.readUntil ?? window.to, agreed) - lookback;
  return owed.oldest === undefined ? readTo : earlierOf(readTo, owed.oldest - 1n);
}

/** Something is stored that was not there before. */
function hasStored({ eventsNew, profileSnapshots, sessionSnapshots }: CycleTally): boolean {
  return eventsNew + profileSnapshots + sessionSnapshots > 0;
}

interface Standing {
  /** Failed cycles in a row before this one, as long as none stored anything. */
  readonly failures: number;
  readonly othersWaitMs: number;
  readonly completeThrough: Instant | undefined;
}

function endOf(
  { outcome, leftover, error, window }: Ending,
  { failures, othersWaitMs, completeThrough }: Standing,
  { intervalMs }: CycleOptions,
): CycleEnd {
  if (outcome === 'stopped') return { nextCycleInMs: 0, completeThrough };
  if (outcome === 'failed' || outcome === 'unauthorised') {
    const status = outcome === 'failed' ? 'failing' : 'unauthorised';
    const failure = { message: messageOf(error), isFirst: failures === 0 };
    return { nextCycleInMs: backoffMs(error, failures), completeThrough, status, failure };
  }
  if (outcome !== 'caught-up') {
    const nextCycleInMs = leftover === 'time-up' ? 0 : intervalMs;
    return { nextCycleInMs, completeThrough, status: 'back-filling' };
  }
  const dueIn = nextCycleInMs({ intervalMs, othersWaitMs, quietMs: quietMsOf(window) });
  return { nextCycleInMs: dueIn, completeThrough, status: 'up-to-date' };
}

/** Since the newest event, on the server's clock. */
function quietMsOf(window: EventWindow | undefined): number | undefined {
  if (window?.readUntil === undefined) return undefined;
  return secondsBetween(window.to, window.readUntil) * 1000;
}

function toRecord(
  ending: Ending,
  { tally }: CycleContext,
  owed: number,
  completeThrough: Instant | undefined,
): CycleRecord {
  const { cycleId, durationMs, outcome, window, error } = ending;
  const failed = error === undefined || outcome === 'stopped' ? undefined : messageOf(error);
  return {
    cycleId,
    durationMs,
    outcome,
    windowFrom: window?.from,
    windowTo: window?.to,
    ...tally,
    owed,
    completeThrough,
    error: failed,
  };
}

function logCycle(
  log: Logger,
  { outcome, window, error, durationMs }: Ending,
  figures: CycleTally & { owed: number | undefined },
  completeThrough: Instant | undefined,
  failingMs: number,
  lease: Lease,
): void {
  const serverTime = window?.readUntil ?? window?.to;
  const fields = {
    outcome,
    durationMs: Math.round(durationMs),
    ...figures,
    lastSync: window && formatInstant(window.to),
    completeThrough: completeThrough && formatInstant(completeThrough),
    lagSeconds: completeThrough && serverTime && secondsBetween(completeThrough, serverTime),
  };
  if (outcome === 'lease-lost') log.warn({ ...fields, fence: lease.fence }, 'lease lost to another replica');
  else if (outcome === 'unauthorised') log.error({ ...fields, err: error }, 'the API refuses the key');
  else if (outcome === 'failed') {
    log[failureLevel(failingMs)]({ ...fields, failingMs, err: error }, 'cycle failed');
  } else log.info(fields, 'cycle finished');
}
