import { randomUUID } from 'node:crypto';
import type { Config } from '../config.js';
import { UserError } from '../errors.js';
import { earlierOf, formatInstant, type Instant, laterOf, SECOND, seconds } from '../instant.js';
import type { Logger } from '../logger.js';
import { requestContext } from '../sync/cycle-context.js';
import { keptFrom } from '../sync/retention-job.js';
import type { Period } from '../sync/verify/period.js';
import { verifyEvents } from '../sync/verify/verify-events.js';
import { ApiError } from '../talon-one/api-error.js';
import { EventList } from '../talon-one/event-list.js';
import type { CursorReach } from '../warehouse/cursor.js';
import {
  beginVerification,
  endVerification,
  finishedVerification,
  interruptedRun,
  type Verification,
  type VerificationPlan,
} from '../warehouse/verification.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { chosenApplications } from './chosen-applications.js';
import { createApi, createPartitions, processName } from './context.js';
import { toJson, toText, type VerifiedApplication } from './verify-report.js';
import { withWarehouse } from './with-warehouse.js';

export interface VerifyRequest {
  readonly application?: string;
  readonly from?: Instant;
  readonly to?: Instant;
  readonly repair?: boolean;
  readonly deep?: boolean;
  readonly json?: boolean;
}

/** What Talon.One keeps of events by default: docs/api-facts.md, Retention. */
const KEPT_BY_DEFAULT = seconds(30 * 86_400);

interface Parts {
  readonly warehouse: Warehouse;
  readonly config: Config;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Wanted {
  readonly cursor: CursorReach;
  readonly plan: VerificationPlan;
}

/**
 * Lists a period of events again, compares it with what is stored, and says what is missing, different or unknown.
 * @throws UsageError when the period ends before it begins
 * @throws UserError when something is lacking and was not repaired, or could not be looked at
 */
export async function verifyCommand(
  request: VerifyRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { results, failed } = await withWarehouse(config, log, signal, async (warehouse) => {
    const parts: Parts = { warehouse, config, log, signal };
    const cursors = await chosenApplications(warehouse, request.application, config);
    const wanted = await plan(cursors, request, parts);
    if (wanted.length === 0)
      throw new UserError('There is nothing to verify: none of this period is copied so far.');
    return verifyAll(wanted, request, parts);
  });
  if (request.json) process.stdout.write(toJson(results));
  complain(results, failed, request.repair === true);
}

/** One plan for each Application of which something is copied, all in one run: the interrupted one, if there is one. */
async function plan(
  cursors: readonly CursorReach[],
  request: VerifyRequest,
  { warehouse, config, log }: Parts,
): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const cursor of cursors) {
    const { applicationId } = cursor;
    const period = await periodOf(cursor, request, config, warehouse);
    if (period === undefined) {
      log.warn({ applicationId: Number(applicationId) }, 'nothing to verify: it is not copied so far');
      continue;
    }
    const manner = { isDeep: request.deep === true, repairs: request.repair === true };
    wanted.push({ cursor, plan: { applicationId, source: 'command', ...period, ...manner } });
  }
  const isEndGiven = request.to !== undefined;
  const plans = wanted.map((one) => one.plan);
  const run = (await interruptedRun(warehouse, plans, isEndGiven)) ?? randomUUID();
  return wanted.map(({ cursor, plan }) => ({ cursor, plan: { ...plan, run } }));
}

/** What an Application has refused does not keep the others from being looked at. */
async function verifyAll(
  wanted: readonly Wanted[],
  request: VerifyRequest,
  parts: Parts,
): Promise<{ results: VerifiedApplication[]; failed: string[] }> {
  const { warehouse, config, log, signal } = parts;
  const { sparing } = createApi(config, log, warehouse);
  const isEndGiven = request.to !== undefined;
  const results: VerifiedApplication[] = [];
  const failed: string[] = [];
  const found = (one: VerifiedApplication) => {
    results.push(one);
    if (!request.json) process.stdout.write(toText(one));
  };
  const left: { cursor: CursorReach; verification: Verification }[] = [];
  for (const { cursor, plan } of wanted) {
    const finished = await finishedVerification(warehouse, plan, isEndGiven);
    const { applicationId, applicationName } = cursor;
    if (finished) found({ ...finished, applicationId, applicationName, period: finished, isResumed: true });
    else left.push({ cursor, verification: await beginVerification(warehouse, plan, isEndGiven) });
  }
  for (const { cursor, verification } of left) {
    const { applicationId } = cursor;
    try {
      const list = new EventList(sparing, applicationId, config.talonOne.pageSize);
      found(await verifyOne(cursor, verification, list, parts));
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      failed.push(applicationId);
      log.error(
        { applicationId: Number(applicationId), err: error },
        'the Application could not be verified',
      );
    }
  }
  return { results, failed };
}

async function verifyOne(
  { applicationId, applicationName }: CursorReach,
  verification: Verification,
  list: EventList,
  { warehouse, config, log: parentLog, signal }: Parts,
): Promise<VerifiedApplication> {
  const log = parentLog.child({ applicationId: Number(applicationId) });
  const { from, to, isResumed, reached } = verification;
  if (isResumed) log.info({ reached: formatInstant(reached) }, 'going on with an interrupted verification');
  const options = {
    warehouse,
    partitions: createPartitions(warehouse, log),
    normalizeEffects: config.sync.normalizeEffects,
    replacesDifferent: true,
    owner: processName(),
    leaseMs: config.sync.leaseMs,
    log,
  };
  const tally = { requests: 0, retries: 0, quarantined: 0 };
  await verifyEvents(list, verification, options, requestContext(tally, signal, log));
  const result = await endVerification(warehouse, verification.id);
  return { ...result, applicationId, applicationName, period: { from, to }, isResumed };
}

/** Says by the exit code what was not repaired. */
function complain(
  results: readonly VerifiedApplication[],
  failed: readonly string[],
  repairs: boolean,
): void {
  const sum = (count: (one: VerifiedApplication) => number) =>
    results.reduce((all, one) => all + count(one), 0);
  const unrepaired = sum(({ missing, different, repaired }) => Math.max(0, missing + different - repaired));
  const missing = Math.min(
    unrepaired,
    sum((one) => one.missing),
  );
  const consequences = repairs ? 0 : sum((one) => one.lackingSnapshots + one.lackingEffects);
  const problems = [
    ...(missing > 0 ? [`${missing} events are missing.`] : []),
    ...(unrepaired > missing ? [`${unrepaired - missing} events are different.`] : []),
    ...(consequences > 0 ? [`${consequences} snapshots or effects of stored events are missing.`] : []),
    ...(failed.length > 0 ? [`Applications ${failed.join(', ')} could not be verified.`] : []),
  ];
  if (problems.length === 0) return;
  const way = unrepaired + consequences > 0 ? [' "talon-one-sync verify --repair" mends it.'] : [];
  throw new UserError(`${problems.join(' ')}${way.join('')}`);
}

/** Ends where the copy is certain to be: what may still become visible is not missing. */
async function periodOf(
  { lastSync, readUntil }: CursorReach,
  { from, to }: VerifyRequest,
  { sync: { lookback }, retentionMonths }: Config,
  warehouse: Warehouse,
): Promise<Period | undefined> {
  const copied = (readUntil ?? lastSync) - laterOf(lookback, SECOND);
  const end = to === undefined ? copied : earlierOf(to, copied);
  // Whole days, so that an interrupted verification is found again.
  const day = seconds(86_400);
  const start = from ?? end - (end % day) - KEPT_BY_DEFAULT;
  const period = { from: laterOf(start, await keptFrom(warehouse, retentionMonths)), to: end };
  return period.from < period.to ? period : undefined;
}
