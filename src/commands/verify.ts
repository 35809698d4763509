import type { Config } from '../config.js';
import { UserError } from '../errors.js';
import { earlierOf, formatInstant, type Instant, laterOf, SECOND, seconds } from '../instant.js';
import type { Logger } from '../logger.js';
import { requestContext } from '../sync/cycle-context.js';
import { keptFrom } from '../sync/retention-job.js';
import type { Period } from '../sync/verify/period.js';
import { verifyEvents } from '../sync/verify/verify-events.js';
import { EventList } from '../talon-one/event-list.js';
import type { CursorReach } from '../warehouse/cursor.js';
import { beginVerification, endVerification, type VerificationResult } from '../warehouse/verification.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { chosenApplications } from './chosen-applications.js';
import { createApi, createPartitions, processName } from './context.js';
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

interface Verified extends VerificationResult {
  readonly applicationId: string;
  readonly applicationName: string | undefined;
  readonly period: Period;
  readonly isResumed: boolean;
}

/**
 * Lists a period of events again, compares it with what is stored, and says what is missing, different or unknown.
 * @throws UserError when events are missing and were not repaired
 */
export async function verifyCommand(
  request: VerifyRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const results = await withWarehouse(config, log, signal, async (warehouse) => {
    const { sparing } = createApi(config, log, warehouse);
    const verified: Verified[] = [];
    for (const cursor of await chosenApplications(warehouse, request.application, config)) {
      const period = await periodOf(cursor, request, config, warehouse);
      if (period === undefined) {
        log.warn(
          { applicationId: Number(cursor.applicationId) },
          'nothing to verify: it is not copied so far',
        );
        continue;
      }
      const list = new EventList(sparing, cursor.applicationId, config.talonOne.pageSize);
      verified.push(await verifyOne(cursor, period, list, request, { warehouse, config, log, signal }));
    }
    return verified;
  });
  process.stdout.write(request.json ? toJson(results) : toText(results));
  const left = results.reduce((sum, { missing, repaired, different }) => {
    return sum + Math.max(0, missing - (request.repair ? Math.max(0, repaired - different) : 0));
  }, 0);
  if (left > 0)
    throw new UserError(`${left} events are missing. "talon-one-sync verify --repair" stores them.`);
}

interface Parts {
  readonly warehouse: Warehouse;
  readonly config: Config;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

async function verifyOne(
  { applicationId, applicationName }: CursorReach,
  wanted: Period,
  list: EventList,
  request: VerifyRequest,
  { warehouse, config, log: parentLog, signal }: Parts,
): Promise<Verified> {
  const log = parentLog.child({ applicationId: Number(applicationId) });
  const isDeep = request.deep === true;
  const repairs = request.repair === true;
  const plan = { applicationId, source: 'command', ...wanted, isDeep, repairs } as const;
  const verification = await beginVerification(warehouse, plan, request.to !== undefined);
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

function toText(results: readonly Verified[]): string {
  const lines = results.flatMap((one) => {
    const { applicationId, applicationName: name, period, examples } = one;
    const count = (label: string, value: number, more = '') =>
      `  ${label.padEnd(10)} ${value.toLocaleString('en').padStart(12)}${more}`;
    const ids = (list: readonly string[] | undefined) =>
      list === undefined || list.length === 0 ? '' : `   IDs: ${list.join(', ')}`;
    return [
      `Application ${applicationId}${name === undefined ? '' : ` (${name})`}, ${formatInstant(period.from)} to ${formatInstant(period.to)}`,
      count('listed', one.listed, `   in ${one.pages} pages; ${one.compared} payloads compared`),
      count('missing', one.missing, ids(examples.missing)),
      count('different', one.different, ids(examples.different)),
      count('repaired', one.repaired),
      count('unknown', one.unknown, ids(examples.unknown)),
      count(
        'not kept',
        one.notKept,
        one.notKept > 0 ? '   stored, and older than what the API still lists' : '',
      ),
      ...(one.unusable > 0 ? [count('unusable', one.unusable, '   see talon_one_quarantine')] : []),
      '',
    ];
  });
  return `${lines.join('\n')}\n`;
}

function toJson(results: readonly Verified[]): string {
  const rows = results.map(({ period, late: _, latestSeconds: __, ...rest }) => ({
    ...rest,
    from: formatInstant(period.from),
    to: formatInstant(period.to),
  }));
  return `${JSON.stringify({ verified: rows }, null, 2)}\n`;
}
