import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { type Observer, silentObserver } from '../observer.js';
import { packageVersion } from '../package-info.js';
import { SharedBudget } from '../sync/shared-budget.js';
import { CsvExports } from '../talon-one/csv-exports.js';
import { GrantedBudget, type GrantedRate } from '../talon-one/granted-budget.js';
import { createSender, createStreamSender, type HttpOptions, type OpenStream } from '../talon-one/http.js';
import { ImportClient } from '../talon-one/import-client.js';
import { ManagementClient } from '../talon-one/management.js';
import { observedBudget } from '../talon-one/observed.js';
import {
  budgetShape,
  LocalBudget,
  type RequestBudget,
  unlimitedBudget,
} from '../talon-one/request-budget.js';
import { defaultRetry, type RetryOptions } from '../talon-one/retry.js';
import { sparingBudget } from '../talon-one/sparing-budget.js';
import { Partitions } from '../warehouse/partitions.js';
import { createPool } from '../warehouse/pool.js';
import { Warehouse } from '../warehouse/warehouse.js';

// Here the parts are put together, by hand, for every command.

/** Something that was opened and must be closed again, the last one first. */
export class Releasers {
  private readonly releases: (() => Promise<void>)[] = [];

  add(release: () => Promise<void>): void {
    this.releases.push(release);
  }

  /** Closes everything; a failure to close does not keep the rest open. */
  async release(log: Logger): Promise<void> {
    for (const release of this.releases.reverse()) {
      await release().catch((error: unknown) => log.warn({ err: error }, 'could not be closed properly'));
    }
  }
}

export interface OpenWarehouse {
  readonly warehouse: Warehouse;
  /** Address of the database with its password: for people who want to look, never for logs. */
  readonly url: string;
}

/** The warehouse of DATABASE_URL, or else the embedded Postgres of DATA_DIR. */
export async function openWarehouse(
  config: Config,
  log: Logger,
  releasers: Releasers,
  signal: AbortSignal,
): Promise<OpenWarehouse> {
  const url = config.database.url ?? (await startEmbedded(config, log, releasers, signal));
  const pool = createPool({
    url,
    size: config.database.poolSize,
    applicationName: 'talon-one-sync',
    onError: (error) => log.info({ err: error }, 'idle connection to Postgres lost'),
  });
  releasers.add(() => pool.end());
  const warehouse = new Warehouse({
    pool,
    schema: config.database.schema,
    idleInTransactionMs: config.sync.leaseMs,
  });
  return { warehouse, url };
}

async function startEmbedded(
  config: Config,
  log: Logger,
  releasers: Releasers,
  signal: AbortSignal,
): Promise<string> {
  const { startEmbeddedPostgres } = await import('../warehouse/embedded/cluster.js');
  const embedded = await startEmbeddedPostgres({ dataDir: config.database.dataDir, signal });
  releasers.add(() => embedded.stop());
  const { outcome, dataDir, version } = embedded;
  const address = withoutPassword(embedded.url);
  log.info({ outcome, dataDir, version, address }, 'DATABASE_URL is not set: using the embedded Postgres');
  return embedded.url;
}

/** For people who want to look at it with psql; the password is a file in DATA_DIR. */
function withoutPassword(url: string): string {
  const address = new URL(url);
  address.password = '';
  return address.href;
}

/** How long a server may be silent before and within an export: it may compute for long before the first byte. */
export const EXPORT_IDLE_MS = 120_000;

/** The API, with the budget that all processes of this key share; without a warehouse, a budget of its own. */
export interface Api {
  readonly client: ManagementClient;
  /** The same with half of the budget at most: for work that must leave enough to the sync. */
  readonly sparing: ManagementClient;
  readonly exports: CsvExports;
  /** Where the API grants less than the limit. */
  readonly granted: () => readonly GrantedRate[];
}

export interface ApiOptions {
  readonly retry?: RetryOptions;
  /** Told of every attempt and of every wait for the budget. */
  readonly observer?: Observer;
}

export function createApi(
  config: Config,
  log: Logger,
  warehouse: Warehouse | undefined,
  { retry = defaultRetry, observer = silentObserver }: ApiOptions = {},
): Api {
  const budget = createBudget(config, log, warehouse);
  const options = httpOptions(config, observedBudget(budget, observer));
  const half = sparingBudget(options.budget, createHalf(config, log, warehouse));
  const streamMs = Math.max(EXPORT_IDLE_MS, options.timeoutMs);
  return {
    client: new ManagementClient(createSender(options), retry, observer),
    sparing: new ManagementClient(createSender({ ...options, budget: half }), retry, observer),
    exports: new CsvExports(createStreamSender({ ...options, timeoutMs: streamMs }), retry, observer),
    granted: () => (budget instanceof GrantedBudget ? budget.granted : []),
  };
}

/** The two ways of an export to the API, with one budget: JSON, and bodies of any size with an idle deadline. */
export function createExportClients(
  config: Config,
  log: Logger,
  warehouse: Warehouse | undefined,
  idleMs: number,
): { readonly client: ManagementClient; readonly open: OpenStream } {
  const options = httpOptions(config, createBudget(config, log, warehouse));
  return {
    client: new ManagementClient(createSender(options), defaultRetry),
    open: createStreamSender({ ...options, timeoutMs: idleMs }),
  };
}

function httpOptions(config: Config, budget: RequestBudget): HttpOptions {
  const { baseUrl, apiKey, requestTimeoutMs } = config.talonOne;
  return {
    baseUrl,
    apiKey,
    timeoutMs: requestTimeoutMs,
    userAgent: `talon-one-sync/${packageVersion()}`,
    budget,
  };
}

/**
 * The client of imports. The Integration API has no published limit of requests (it is made for shops), so nothing counts
 * them: how many are under way at once is limited instead, and a 429 is waited for.
 */
export function createImportClient(
  config: Config,
  log: Logger,
  warehouse: Warehouse | undefined,
  retry: RetryOptions = defaultRetry,
): ImportClient {
  const { integrationApiKey: apiKey } = config.talonOne;
  const options = httpOptions(config, createBudget(config, log, warehouse));
  const integration =
    apiKey === undefined
      ? undefined
      : createSender({ ...options, apiKey, keyKind: 'integration', budget: unlimitedBudget });
  return new ImportClient({ management: createSender(options), integration, retry });
}

function createBudget(config: Config, log: Logger, warehouse: Warehouse | undefined): RequestBudget {
  const { rateLimitScope: scope, requestsPerSecond: limit, ...talonOne } = config.talonOne;
  const shape = budgetShape(limit);
  if (!shape) return unlimitedBudget;
  const onChange = (isLess: boolean, endpoint: string) =>
    isLess
      ? log.warn({ endpoint, requestsPerSecond: limit }, 'the API grants fewer requests than the limit')
      : log.info({ endpoint, requestsPerSecond: limit }, 'the API grants the whole limit again');
  const onRate = (endpoint: string, rate: number | undefined) => granted.told(endpoint, rate);
  const budget = warehouse
    ? new SharedBudget({ ...talonOne, warehouse, shape, scope, log, onChange, onRate })
    : new LocalBudget(shape);
  const granted = new GrantedBudget({ budget, limit, scope, onChange });
  return granted;
}

/** What all processes spend on work that can wait: half of the limit, over all endpoints. */
function createHalf(
  config: Config,
  log: Logger,
  warehouse: Warehouse | undefined,
): RequestBudget | undefined {
  const { requestsPerSecond, ...talonOne } = config.talonOne;
  const shape = budgetShape(requestsPerSecond / 2);
  if (!shape) return undefined;
  return warehouse
    ? new SharedBudget({ ...talonOne, warehouse, shape, scope: 'endpoint', log })
    : new LocalBudget(shape);
}

export function createPartitions(warehouse: Warehouse, log: Logger): Partitions {
  return new Partitions(warehouse, (error, month) =>
    log.warn({ err: error, month }, 'partition could not be made yet, rows go to the default partition'),
  );
}

/** A name for this process that no other one has: in cursor rows, cycle records and logs. */
export function processName(): string {
  return `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
