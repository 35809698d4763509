import { wallClockMs } from '../clock.js';
import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import { floorToSecond, formatInstant, SECOND } from '../instant.js';
import { codePaths } from '../sync/reference/code-job.js';
import { entities, rulesetPath } from '../sync/reference/entities.js';
import { hasStatus, isUnauthorised } from '../talon-one/api-error.js';
import { exportedCodes } from '../talon-one/code-export.js';
import type { CsvExports } from '../talon-one/csv-exports.js';
import type { ListPage, ManagementClient, RequestContext } from '../talon-one/management.js';
import type { Finding } from './finding.js';

export interface ReferenceCheck {
  readonly config: Config;
  readonly client: ManagementClient;
  readonly exports: CsvExports;
  /** Rights are given by endpoint, not by Application: one is enough to try them. */
  readonly applicationId: string;
}

/**
 * Tries the lists of the reference data. What cannot be had is only noted: its tables stay as they are, and the daemon
 * does everything else.
 */
export async function checkReference(check: ReferenceCheck, context: RequestContext): Promise<Finding[]> {
  const { config, client, applicationId } = check;
  if (config.reference.intervalMs === undefined) return [];
  const findings: Finding[] = [];
  const one = { pageSize: 1, skip: 0 };
  let campaigns: ListPage | undefined;
  for (const { kind, list, older } of entities) {
    // Tried for the events, and for loyalty.
    if (kind === 'application' || (kind === 'loyalty-program' && config.loyalty.isOn)) continue;
    const query = list.isUnpaged ? {} : one;
    const read = () => client.list(list.path, { applicationId }, query, context);
    const page = await attempt(findings, list.path, read, older !== undefined);
    if (kind === 'campaign') campaigns = page;
  }
  await attempt(findings, '/v1/changes', () => client.list('/v1/changes', {}, one, context));
  const ids = activeRuleset(campaigns);
  if (ids) {
    await attempt(findings, rulesetPath, () =>
      client.one(rulesetPath, { applicationId, ...ids }, {}, context),
    );
  }
  if (config.reference.coupons) await tryExports(check, findings, context);
  return findings;
}

function activeRuleset(
  campaigns: ListPage | undefined,
): { campaignId: string; rulesetId: string } | undefined {
  const first = campaigns?.data[0] as { id?: unknown; activeRulesetId?: unknown } | undefined;
  if (typeof first?.id !== 'number' || typeof first.activeRulesetId !== 'number') return undefined;
  return { campaignId: String(first.id), rulesetId: String(first.activeRulesetId) };
}

async function tryExports(
  { exports, applicationId }: ReferenceCheck,
  findings: Finding[],
  context: RequestContext,
): Promise<void> {
  const now = floorToSecond(BigInt(Math.trunc(wallClockMs())) * 1000n);
  const [createdAfter, createdBefore] = [formatInstant(now - SECOND), formatInstant(now)];
  for (const template of Object.values(codePaths)) {
    const wanted = { template, applicationId, createdAfter, createdBefore };
    await attempt(findings, template, () => exportedCodes(exports, wanted, context).next());
  }
}

/** Runs one request and notes how it went. */
async function attempt<T>(
  findings: Finding[],
  path: string,
  request: () => Promise<T>,
  mayBeUnknown = false,
): Promise<T | undefined> {
  const what = `GET ${path}`;
  try {
    const answer = await request();
    findings.push({ what, state: 'ok', found: 'answers' });
    return answer;
  } catch (error) {
    findings.push(
      mayBeUnknown && hasStatus(error, 404)
        ? { what, state: 'ok', found: 'not known to this deployment; the older form is used' }
        : explain(what, error),
    );
    return undefined;
  }
}

function explain(what: string, error: unknown): Finding {
  const advice = isUnauthorised(error)
    ? 'Its table stays empty, everything else works. Allow it for the key in Campaign Manager, or set REFERENCE_INTERVAL_MINUTES=0 to copy no reference data.'
    : 'Its table stays as it is until the API answers; everything else works.';
  return { what, state: 'note', found: messageOf(error), advice };
}
