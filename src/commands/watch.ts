import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import type { Page, PageAnswer } from '../health/health-server.js';
import { scrubber } from '../logger.js';
import type { Metrics } from '../metrics/metrics.js';
import { packageVersion } from '../package-info.js';
import type { StatusSettings } from '../status/application-state.js';
import { PAGE_POLICY, statusPage, troublePage } from '../status/page.js';
import { causeOf } from '../status/public-error.js';
import { type StatusReport, statusReport, worstApplications } from '../status/report.js';
import type { GrantedRate } from '../talon-one/granted-budget.js';
import { readHistory, readStandings, type Standings } from '../warehouse/status.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { sharedReading } from './shared-reading.js';

/**
 * For so long everybody gets the same figures: whoever asks often must not keep Postgres busy. What takes long is kept
 * for longer, but never until it misleads. A page that does not come within the deadline says that Postgres does not
 * answer; probes and Prometheus wait for some seconds, too.
 */
const READING = { freshMs: 3_000, rest: 10, mostFreshMs: 30_000, deadlineMs: 3_000 };
/** The report is made of two readings. */
const REPORT = { ...READING, deadlineMs: 5_000 };
/** The text of the metrics is megabytes when there are a thousand Applications. */
const METRICS_FRESH_MS = 1_000;
/** Applications that are shown with their last hours. */
const MOST_CARDS = 12;

/**
 * How the report sees the configuration of this process.
 * @param owner names the daemon that asks
 */
export function statusSettings({ talonOne, sync, secrets }: Config, owner?: string): StatusSettings {
  return {
    version: packageVersion(),
    owner,
    requestsPerSecond: talonOne.requestsPerSecond,
    rateLimitScope: talonOne.rateLimitScope,
    sessionSource: sync.sessionSource,
    pageSize: talonOne.pageSize,
    intervalSeconds: sync.intervalMs / 1000,
    lookbackSeconds: Number(sync.lookback) / 1e6,
    leaseSeconds: sync.leaseMs / 1000,
    scrub: scrubber(secrets),
  };
}

/** Reads what the report needs, and makes it. */
export async function readReport(
  warehouse: Warehouse,
  settings: StatusSettings,
  standings?: Standings,
): Promise<StatusReport> {
  const now = standings ?? (await readStandings(warehouse));
  const history = await readHistory(warehouse, worstApplications(now, settings, MOST_CARDS));
  return statusReport(now, history, settings);
}

/** What the daemon shows of itself: `/`, `/status.json` and `/metrics`. */
export class Watch {
  /** Set once the schema is up to date. */
  warehouse: Warehouse | undefined;
  /** What the API grants this process; set with the client. */
  granted: () => readonly GrantedRate[] = () => [];
  private readonly settings: StatusSettings;
  private readonly standings = sharedReading(
    async (): Promise<Standings> => ({ ...(await readStandings(this.opened())), granted: this.granted() }),
    READING,
  );
  private readonly report = sharedReading(
    async () => readReport(this.opened(), this.settings, await this.standings()),
    REPORT,
  );

  constructor(
    config: Config,
    private readonly metrics: Promise<Metrics>,
    private readonly owner: string,
  ) {
    this.settings = statusSettings(config, owner);
  }

  get pages(): ReadonlyMap<string, Page> {
    return new Map<string, Page>([
      ['/', (query) => this.statusPage(query)],
      ['/status.json', () => this.statusJson()],
      ['/metrics', sharedReading(() => this.metricsText(), { freshMs: METRICS_FRESH_MS })],
    ]);
  }

  private async statusPage(query: URLSearchParams): Promise<PageAnswer> {
    const headers = { 'content-security-policy': PAGE_POLICY };
    const contentType = 'text/html; charset=utf-8';
    try {
      const text = statusPage(await this.report(), query.get('refresh') !== 'off');
      return { contentType, headers, text };
    } catch (error) {
      return { status: 503, contentType, headers, text: troublePage(this.troubleOf(error)) };
    }
  }

  private async statusJson(): Promise<PageAnswer> {
    const contentType = 'application/json';
    try {
      return { contentType, text: `${JSON.stringify(await this.report())}\n` };
    } catch (error) {
      return { status: 503, contentType, text: `${JSON.stringify({ error: this.troubleOf(error) })}\n` };
    }
  }

  private async metricsText(): Promise<PageAnswer> {
    const { warehouse } = this;
    const pool = warehouse?.pool;
    const metrics = await this.metrics;
    const text = await metrics.text({
      standings: await this.standings().catch(() => undefined),
      owner: this.owner,
      pool: pool && { total: pool.totalCount, idle: pool.idleCount, waiting: warehouse.waiting },
    });
    return { contentType: metrics.contentType, text };
  }

  private opened(): Warehouse {
    if (!this.warehouse) throw new NotPreparedError('Postgres is not prepared yet');
    return this.warehouse;
  }

  private troubleOf(error: unknown): string {
    if (error instanceof NotPreparedError) return `${error.message}.`;
    return `Postgres does not answer: ${causeOf(messageOf(error), this.settings.scrub).text}.`;
  }
}

class NotPreparedError extends Error {}
