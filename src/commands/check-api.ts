import { wallClockMs } from '../clock.js';
import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import { floorToSecond, formatInstant, SECOND } from '../instant.js';
import type { Logger } from '../logger.js';
import { listAll } from '../sync/applications.js';
import { ApiError, hasStatus, isUnauthorised } from '../talon-one/api-error.js';
import type { ListPage, ManagementClient, RequestContext } from '../talon-one/management.js';
import { defaultRetry } from '../talon-one/retry.js';
import type { Application } from '../talon-one/schemas.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { checkIntegrationKey } from './check-integration.js';
import { checkLoyalty } from './check-loyalty.js';
import { checkReference } from './check-reference.js';
import { createApi } from './context.js';
import type { Finding } from './finding.js';

const CLOCK_TOLERANCE_MS = 30_000;
const RETRY = { ...defaultRetry, retries: 1, maxRetryAfterMs: 5_000 };

/** Tries every endpoint the sync uses, with the smallest possible requests. */
export async function checkApi(
  config: Config,
  log: Logger,
  warehouse: Warehouse | undefined,
  signal: AbortSignal,
): Promise<Finding[]> {
  const api = createApi(config, log, warehouse, { retry: RETRY });
  const { client } = api;
  const context: RequestContext = { signal };
  const findings: Finding[] = [];
  if (config.talonOne.baseUrl.startsWith('http:')) {
    findings.push({
      what: 'API address',
      state: 'note',
      found: `${config.talonOne.baseUrl} is not encrypted`,
      advice: 'The key travels in the clear: only for tests. Use https:// for a real deployment.',
    });
  }
  const applications = await findApplications(config, client, context, log, findings);
  for (const application of applications)
    findings.push(...(await checkApplication(application, config, client, context)));
  findings.push(...(await checkLoyalty(config, api, context)));
  const [first] = applications;
  if (first) {
    const check = { ...api, config, applicationId: first.id };
    findings.push(...(await checkReference(check, context)));
  }
  findings.push(...(await checkIntegrationKey(config, log, RETRY, context)));
  return findings;
}

interface Target {
  readonly id: string;
  readonly name: string;
  readonly sandbox: boolean;
}

async function findApplications(
  config: Config,
  client: ManagementClient,
  context: RequestContext,
  log: Logger,
  findings: Finding[],
): Promise<Target[]> {
  const { applicationIds: wanted, pageSize } = config.talonOne;
  if (wanted === 'all') {
    const what = 'GET /v1/applications';
    try {
      const found = await listAll({ client, pageSize, log }, context);
      findings.push(
        found.length > 0
          ? { what, state: 'ok', found: `${found.length} Applications` }
          : {
              what,
              state: 'problem',
              found: 'no Application',
              advice: 'The key sees none: create it for the right account and environment.',
            },
      );
      return found.map(toTarget);
    } catch (error) {
      findings.push(explain(what, error));
      return [];
    }
  }
  const targets: Target[] = [];
  for (const id of wanted) {
    const what = `GET /v1/applications/${id}`;
    try {
      const application = await client.application(id, context);
      findings.push({ what, state: 'ok', found: application.name });
      targets.push(toTarget(application));
    } catch (error) {
      findings.push(
        hasStatus(error, 404)
          ? {
              what,
              state: 'problem',
              found: 'the API does not know this Application',
              advice: 'Mend TALON_ONE_APPLICATION_IDS; the ID stands in the address of the Campaign Manager.',
            }
          : explain(what, error),
      );
      if (isUnauthorised(error)) targets.push({ id, name: id, sandbox: false });
    }
  }
  return targets;
}

function toTarget(application: Application): Target {
  return { id: String(application.id), name: application.name, sandbox: application.sandbox === true };
}

async function checkApplication(
  target: Target,
  config: Config,
  client: ManagementClient,
  context: RequestContext,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const base = `/v1/applications/${target.id}`;
  if (target.sandbox) {
    findings.push({
      what: `Application ${target.id}`,
      state: 'note',
      found: `${target.name} is a sandbox`,
      advice: 'The key decides the environment: use one of a live Application for live data.',
    });
  }
  const one = { pageSize: 1, skip: 0 };
  const since = '2015-01-01T00:00:00Z';
  const events = await attempt(findings, `GET ${base}/events/no_total`, () =>
    readEvents(client, target.id, since, context),
  );
  if (events) findings.push(...clockFindings(events));
  const event = events?.data[0] as
    | { sessionId?: unknown; profileId?: unknown; created?: unknown }
    | undefined;
  const profileId =
    typeof event?.profileId === 'number' && event.profileId > 0 ? String(event.profileId) : '1';
  await attempt(
    findings,
    `POST ${base}/customer_search`,
    () => client.customerSearch(target.id, [profileId], one, context),
    [404],
  );
  const now = floorToSecond(BigInt(Math.trunc(wallClockMs())) * 1000n);
  const until = formatInstant(now);
  const sessions = await attempt(findings, `GET ${base}/sessions`, () =>
    client.sessions(target.id, { ...one, createdAfter: since, createdBefore: until }, context),
  );
  const listed = (sessions?.data[0] as { id?: unknown } | undefined)?.id;
  const sessionId = [listed, event?.sessionId].find((id) => typeof id === 'number' && id > 0) ?? 1;
  await attempt(
    findings,
    `GET ${base}/sessions/{sessionId}`,
    () => client.session(target.id, String(sessionId), context),
    [404],
  );
  if (config.sync.sessionSource === 'export') {
    const period = { updatedAfter: formatInstant(now - SECOND), updatedBefore: until };
    await attempt(findings, `GET ${base}/export_customer_sessions`, () =>
      client.exportedSessions(target.id, period, context),
    );
  }
  return findings;
}

async function readEvents(
  client: ManagementClient,
  applicationId: string,
  createdAfter: string,
  context: RequestContext,
): Promise<ListPage> {
  const query = { createdAfter, pageSize: 1, skip: 0 };
  try {
    return await client.events(applicationId, query, context);
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    return client.eventsWithTotal(applicationId, query, context);
  }
}

/** Runs one request and notes how it went; statuses in `alsoFine` prove the right to ask just as well. */
async function attempt(
  findings: Finding[],
  what: string,
  request: () => Promise<ListPage>,
  alsoFine: readonly number[] = [],
): Promise<ListPage | undefined> {
  try {
    const page = await request();
    findings.push({ what, state: 'ok', found: 'answers' });
    return page;
  } catch (error) {
    if (hasStatus(error, ...alsoFine)) findings.push({ what, state: 'ok', found: 'answers' });
    else findings.push(explain(what, error));
    return undefined;
  }
}

function clockFindings(page: ListPage): Finding[] {
  const what = 'API clock';
  if (page.serverTime === undefined) {
    return [
      {
        what,
        state: 'note',
        found: 'the API sends no Date header',
        advice: 'complete_through then follows the events instead of the clock.',
      },
    ];
  }
  const behindMs = wallClockMs() - Number(page.serverTime / 1000n);
  const seconds = Math.round(Math.abs(behindMs) / 1000);
  if (Math.abs(behindMs) < CLOCK_TOLERANCE_MS) return [];
  return [
    {
      what,
      state: 'note',
      found: `this machine's clock is ${seconds} s ${behindMs > 0 ? 'ahead of' : 'behind'} the API's`,
      advice: 'Nothing is lost by that, but set the clock (NTP): times in the logs are wrong.',
    },
  ];
}

/** A failed request as a line that says what to do. */
function explain(what: string, error: unknown): Finding {
  const problem = (found: string, advice: string): Finding => ({ what, state: 'problem', found, advice });
  if (!(error instanceof ApiError)) return { what, state: 'problem', found: messageOf(error) };
  if (isUnauthorised(error)) {
    return problem(
      `the API refuses the key for this endpoint (${error.status})`,
      'If every endpoint says so, TALON_ONE_API_KEY is wrong, expired or of another environment; if only some do, allow them for the key in Campaign Manager (Account, Tools, Management API Keys).',
    );
  }
  if (error.failure === 'network') return problem(error.message, networkAdvice(error.code));
  if (error.failure === 'timeout')
    return problem(
      error.message,
      'Check that nothing between here and the API holds the connection; raise REQUEST_TIMEOUT_SECONDS.',
    );
  if (error.failure === 'body' || hasStatus(error, 301, 302, 307, 308)) {
    return problem(
      error.message,
      'TALON_ONE_BASE_URL does not lead to the API: use the address of the Campaign Manager, without a path.',
    );
  }
  if (error.status === 404)
    return problem(error.message, 'Check TALON_ONE_BASE_URL and TALON_ONE_APPLICATION_IDS.');
  if (error.status === 429)
    return problem(
      error.message,
      'Another program uses up the limit of this key: try again, or lower REQUESTS_PER_SECOND.',
    );
  return problem(error.message, 'Try again later; if it stays, ask Talon.One.');
}

function networkAdvice(code: string | undefined): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'The host in TALON_ONE_BASE_URL cannot be resolved: check its spelling and the DNS here.';
  if (code === 'ECONNREFUSED') return 'Nothing listens there: check host and port in TALON_ONE_BASE_URL.';
  if (/CERT|TLS|SSL|SIGNED|UNABLE_TO|EPROTO/.test(code ?? '')) {
    return 'The certificate is not trusted, or the server does not speak TLS: check the address; for a private CA set NODE_EXTRA_CA_CERTS.';
  }
  return 'Check the address, the firewall and any proxy.';
}
