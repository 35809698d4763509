import type { Config } from '../../config.js';
import {
  earlierOf,
  formatInstant,
  type Instant,
  laterOf,
  parseInstant,
  SECOND,
  seconds,
  secondsBetween,
} from '../../instant.js';
import type { Observer } from '../../observer.js';
import { EventList } from '../../talon-one/event-list.js';
import type { ManagementClient } from '../../talon-one/management.js';
import { readReaches } from '../../warehouse/cursor.js';
import { advanceJob } from '../../warehouse/job.js';
import { Partitions } from '../../warehouse/partitions.js';
import {
  beginVerification,
  endVerification,
  latenessOf,
  pruneVerifications,
  type VerificationResult,
} from '../../warehouse/verification.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import { applicationJobs, makeApplicationJobs } from '../application-jobs.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import { keptFrom } from '../retention-job.js';
import type { Period } from './period.js';
import { ApplicationBusyError } from './short-lease.js';
import { verifyEvents } from './verify-events.js';

export interface AuditOptions {
  readonly config: Config;
  readonly warehouse: Warehouse;
  /** With a budget below the sync's own. */
  readonly sparing: ManagementClient;
  /** After the end of an hour. */
  readonly delay: Instant;
  /** How long a cycle may keep a repair waiting before the audit makes way; default: 30 seconds. */
  readonly patienceMs?: number;
  /** Told of the pages that a repair stores. */
  readonly observer?: Observer | undefined;
}

const NAME = 'audit-events';
const HOUR: Instant = seconds(3600);
/** After an outage, so much in one run; the next follows at once. */
const MOST_IN_A_RUN = 24n * HOUR;
/** The first sync may take hours. */
const NOT_READ_YET_MS = 300_000;
const LOOK_AGAIN_MS = 60_000;
const PATIENCE_MS = 30_000;
/** An event that used up so much of the look-back was nearly missed. */
const NEARLY = 0.8;

/** `audit-events` makes a job for each Application; `audit-events:42` verifies each closed hour of one. */
export function auditJob(options: AuditOptions): JobKind {
  const lists = new Map<string, EventList>();
  const listOf = (id: string) => {
    const list = lists.get(id) ?? new EventList(options.sparing, id, options.config.talonOne.pageSize);
    lists.set(id, list);
    return list;
  };
  const run = (context: JobContext) =>
    context.subject === '' ? makeJobs(options, context) : audit(listOf(context.subject), options, context);
  return { name: NAME, jobs: applicationJobs(NAME, options.config), inOnce: 'if-due', isAlone: true, run };
}

async function makeJobs({ warehouse }: AuditOptions, { lease }: JobContext): Promise<JobResult> {
  const made = await makeApplicationJobs(NAME, warehouse, lease);
  await pruneVerifications(warehouse);
  return made;
}

async function audit(list: EventList, options: AuditOptions, context: JobContext): Promise<JobResult> {
  const { warehouse, config } = options;
  const { subject, lease, state } = context;
  const [cursor] = await readReaches(warehouse, [subject]);
  // Before the first sync has read everything, everything would be missing.
  if (cursor?.readUntil === undefined) return { next: { inMs: NOT_READ_YET_MS }, figures: {} };
  const delay = laterOf(options.delay, config.sync.lookback);
  const closed = floorToHour(cursor.readUntil - delay);
  const begun = parseInstant(String(state.auditedThrough)) ?? closed - HOUR;
  const from = laterOf(begun, await keptFrom(warehouse, config.retentionMonths));
  if (from >= closed) return { next: { inMs: untilClosed(from, delay, cursor.readUntil) }, figures: {} };
  const period = { from, to: earlierOf(closed, from + MOST_IN_A_RUN) };
  try {
    const found = await auditPeriod(list, period, options, context);
    const auditedThrough = formatInstant(period.to);
    await warehouse.transaction((client) => advanceJob(client, lease, { auditedThrough }));
    warnOfLateness(found, period, options, context);
    const { listed, missing, repaired, different, unknown, late } = found;
    return {
      next: { inMs: untilClosed(period.to, delay, cursor.readUntil) },
      isBehind: period.to < closed,
      figures: { auditedThrough, listed, missing, repaired, different, unknown, late },
    };
  } catch (error) {
    if (!(error instanceof ApplicationBusyError)) throw error;
    return { next: { inMs: LOOK_AGAIN_MS }, figures: { waitingFor: 'the cycle at hand' } };
  }
}

async function auditPeriod(
  list: EventList,
  period: Period,
  { warehouse, config, observer, patienceMs = PATIENCE_MS }: AuditOptions,
  { subject, lease, log, requests }: JobContext,
): Promise<VerificationResult> {
  const plan = {
    applicationId: subject,
    source: 'background',
    ...period,
    isDeep: false,
    repairs: true,
  } as const;
  const verification = await beginVerification(warehouse, plan);
  // First: what is repaired below would look late.
  const lateness = list.isSortedByCreated ? await latenessOf(warehouse, subject, period) : undefined;
  const partitions = new Partitions(warehouse, (error, month) =>
    log.warn({ err: error, month }, 'partition could not be made yet, rows go to the default partition'),
  );
  await verifyEvents(
    list,
    verification,
    {
      warehouse,
      partitions,
      normalizeEffects: config.sync.normalizeEffects,
      replacesDifferent: false,
      owner: lease.owner,
      leaseMs: config.sync.leaseMs,
      patienceMs,
      log,
      observer,
    },
    requests,
  );
  return endVerification(warehouse, verification.id, lateness);
}

function warnOfLateness(
  { missing, repaired, different, unknown, latestSeconds, examples }: VerificationResult,
  period: Period,
  { config }: AuditOptions,
  { log, subject }: JobContext,
): void {
  const lookbackSeconds = Number(laterOf(config.sync.lookback, SECOND)) / 1e6;
  const fields = {
    applicationId: Number(subject),
    from: formatInstant(period.from),
    to: formatInstant(period.to),
    lookbackSeconds,
  };
  if (missing > 0)
    log.warn(
      { ...fields, missing, repaired, eventIds: examples.missing },
      'events became visible later than the look-back: raise SYNC_LOOKBACK_SECONDS',
    );
  else if (
    latestSeconds !== undefined &&
    latestSeconds > lookbackSeconds * NEARLY &&
    latestSeconds <= lookbackSeconds
  )
    log.warn(
      { ...fields, latestSeconds },
      'events became visible nearly later than the look-back: raise SYNC_LOOKBACK_SECONDS',
    );
  if (different > 0 || unknown > 0)
    log.warn(
      {
        ...fields,
        different,
        unknown,
        eventIds: [...(examples.different ?? []), ...(examples.unknown ?? [])],
      },
      'stored events are not what the API lists: see talon-one-sync verify',
    );
}

/** Milliseconds until the hour after `from` is to be audited. */
function untilClosed(from: Instant, delay: Instant, readUntil: Instant): number {
  return Math.max(LOOK_AGAIN_MS, secondsBetween(readUntil, from + HOUR + delay) * 1000);
}

function floorToHour(moment: Instant): Instant {
  return moment - (moment % HOUR);
}
