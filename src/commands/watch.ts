import { monotonicMs } from '../clock.js';
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
import { readHistory, readStandings, type Standings } from '../warehouse/status.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** For so long everybody gets the same figures: whoever asks often must not keep Postgres busy. */
const FRESH_MS = 3_000;
/** What takes long is kept for so many times as long: looking never takes more than a tenth of the time. */
const REST = 10;
/** The text of the metrics is megabytes when there are a thousand Applications. */
const METRICS_FRESH_MS = 1_000;
/** Applications that are shown with their last hours. */
const MOST_CARDS = 12;

/** How the report sees the configuration of this process. */
export function statusSettings({ talonOne, sync, secrets }: Config): StatusSettings {
  return {
    version: packageVersion(),
    requestsPerSecond: talonOne.requestsPerSecond,
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
  private readonly settings: StatusSettings;
  private readonly standings = cached(FRESH_MS, () => readStandings(this.opened()));
  private readonly report = cached(FRESH_MS, async () =>
    readReport(this.opened(), this.settings, await this.standings()),
  );

  constructor(
    config: Config,
    private readonly metrics: Promise<Metrics>,
    private readonly owner: string,
  ) {
    this.settings = statusSettings(config);
  }

  get pages(): ReadonlyMap<string, Page> {
    return new Map<string, Page>([
      ['/', (query) => this.statusPage(query)],
      ['/status.json', () => this.statusJson()],
      ['/metrics', cached(METRICS_FRESH_MS, () => this.metricsText())],
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

/** The result of `work`, made at most once every `freshMs` milliseconds, or more rarely when it takes long; a failure is not kept. */
function cached<T>(freshMs: number, work: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  let endMs = 0;
  return () => {
    if (kept && monotonicMs() < endMs) return kept;
    endMs = Number.POSITIVE_INFINITY;
    const startMs = monotonicMs();
    const made = work();
    kept = made;
    made.then(
      () => {
        const nowMs = monotonicMs();
        endMs = nowMs + Math.max(freshMs, REST * (nowMs - startMs));
      },
      () => {
        kept = undefined;
      },
    );
    return made;
  };
}
