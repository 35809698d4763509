import type { Metrics } from '../../src/metrics/metrics.js';

export interface MetricEntry {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, of histograms. */
  readonly buckets: readonly number[];
}

/** Every metric of the registry, in the order in which the code declares them. */
export function metricEntries({ registry }: Metrics): MetricEntry[] {
  return registry.getMetricsAsArray().map((metric) => {
    // The library keeps these on its objects without declaring them.
    const { name, help, labelNames, upperBounds } = metric as unknown as {
      name: string;
      help: string;
      labelNames: string[];
      upperBounds?: number[];
    };
    const type = metric.constructor.name.toLowerCase();
    return { name, help, type, labels: [...labelNames], buckets: upperBounds ?? [] };
  });
}

/** The page docs/metrics.md. */
export function metricsPage(metrics: Metrics): string {
  return [
    '# Metrics',
    '',
    '`GET /metrics` on `HTTP_PORT` answers in the text format of Prometheus. This page is written by `npm run docs` from the',
    'registry of the program. [deploy/grafana-dashboard.json](../deploy/grafana-dashboard.json) and',
    '[deploy/prometheus-alerts.yaml](../deploy/prometheus-alerts.yaml) use these names.',
    '',
    '- `application` is the ID of the Application, empty for requests that are about none. `endpoint` is a method and a path with',
    '  placeholders. No label holds an ID of a customer, a session or an event.',
    '- Counters and histograms count what one process did since it started: sum them over the processes. Gauges "from Postgres"',
    '  are the same in every process: take their maximum. They are read when `/metrics` is asked for, at most every three',
    '  seconds, and are half a minute old at most. A count that would take more than a second and a half is left out, and all',
    '  are while Postgres does not answer within three seconds (`talon_one_sync_warehouse_up` is 0 then).',
    '- Applications and jobs that no process wants any more have no figures. A metric that is absent is not 0.',
    '- The wait for the budget has no Application: the budget is one for all of them.',
    '',
    '| metric | type | labels | |',
    '|---|---|---|---|',
    ...metricEntries(metrics).map(({ name, type, labels, help, buckets }) => {
      const bounds = buckets.length > 0 ? `. Buckets: ${buckets.join(', ')}` : '';
      return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help}${bounds} |`;
    }),
    '',
  ].join('\n');
}
