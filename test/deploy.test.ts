import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { variables } from '../src/config.js';
import { Metrics } from '../src/metrics/metrics.js';
import { packageRoot } from '../src/package-info.js';
import { metricEntries } from './docs/metrics-page.js';

// What stands in deploy/ must fit the program: names of metrics, labels, variables, routes.

const textOf = (name: string) => readFileSync(join(packageRoot(), 'deploy', name), 'utf8');
const entries = metricEntries(new Metrics());

/** What an expression asks for that no process exposes. */
function unknownIn(expression: string): string[] {
  const names = [...expression.matchAll(/talon_one_sync_\w+/g)].map(([name]) => name);
  const known = names.map((name) => entries.find((entry) => exposedNames(entry).includes(name)));
  const labels = new Set([
    'instance',
    ...known.flatMap((entry) => entry?.labels ?? []),
    ...(known.some((entry) => entry?.type === 'histogram') ? ['le'] : []),
  ]);
  const wanted = [
    ...[...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) =>
      [...list.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    ),
    ...[...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(',').map((one) => one.trim()),
    ),
  ];
  return [
    ...(names.length === 0 ? [`no metric in ${expression}`] : []),
    ...names.filter((_, index) => known[index] === undefined),
    ...wanted.filter((label) => !labels.has(label)).map((label) => `label ${label} in ${expression}`),
  ];
}

function exposedNames({ name, type }: { name: string; type: string }): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

test.each([
  ['talon_one_sync_lag_secs', ['talon_one_sync_lag_secs']],
  [
    'sum by (profile) (talon_one_sync_lag_seconds)',
    ['label profile in sum by (profile) (talon_one_sync_lag_seconds)'],
  ],
  ['talon_one_sync_lag_seconds{lane="x"}', ['label lane in talon_one_sync_lag_seconds{lane="x"}']],
  ['talon_one_sync_budget_wait_seconds', ['talon_one_sync_budget_wait_seconds']],
  ['sum by (endpoint, le) (talon_one_sync_budget_wait_seconds_bucket)', []],
])('%s asks for something unknown: %j', (expression, unknown) => {
  expect(unknownIn(expression)).toEqual(unknown);
});

describe('the Grafana dashboard', () => {
  interface Panel {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string }[];
  }
  const { panels, templating } = JSON.parse(textOf('grafana-dashboard.json')) as {
    panels: Panel[];
    templating: { list: { name: string; query: string }[] };
  };

  test.each(panels.map((panel) => [panel.title, panel] as const))(
    '%s asks for metrics that exist',
    (_, { targets }) => {
      expect(targets.length).toBeGreaterThan(0);
      expect(targets.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
    },
  );

  test('shows every metric somewhere, but for the version', () => {
    const text = textOf('grafana-dashboard.json');
    const absent = entries.filter((entry) => !exposedNames(entry).some((name) => text.includes(name)));
    expect(absent.map(({ name }) => name)).toEqual(['talon_one_sync_build_info']);
    expect(templating.list.map(({ query }) => query)).toContain(
      'label_values(talon_one_sync_application_status, application)',
    );
  });

  test('has its panels side by side, none over another', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});

describe('the Prometheus alerts', () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
    readonly for?: string;
    readonly labels: { readonly severity: string };
    readonly annotations: { readonly summary: string; readonly description: string };
  }
  const { groups } = parse(textOf('prometheus-alerts.yaml')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s asks for metrics that exist, and says what to do',
    (_, rule) => {
      expect(unknownIn(rule.expr)).toEqual([]);
      expect(['info', 'warning', 'critical']).toContain(rule.labels.severity);
      expect(rule.annotations.description.length).toBeGreaterThan(20);
      // A text can only show a label that its expression leaves.
      const shown = [...rule.annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      for (const label of shown.filter((one) => one !== 'instance'))
        expect(rule.expr).toContain(`by (${label}`);
    },
  );

  test('have names of their own', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(rules.length).toBeGreaterThan(8);
  });
});

describe('the Kubernetes manifests', () => {
  const documents = parseAllDocuments(textOf('kubernetes.yaml')).map(
    (one) => one.toJS() as Record<string, never>,
  );
  const of = (kind: string) =>
    documents.find((one) => one.kind === kind) as unknown as Record<string, Record<string, never>>;
  const deployment = of('Deployment').spec as unknown as {
    replicas: number;
    strategy: unknown;
    template: { metadata: { labels: unknown }; spec: Record<string, never> };
  };
  const pod = deployment.template.spec as unknown as {
    automountServiceAccountToken: boolean;
    terminationGracePeriodSeconds: number;
    securityContext: Record<string, unknown>;
    containers: Record<string, never>[];
  };
  const container = pod.containers[0] as unknown as {
    env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
    ports: { name: string; containerPort: number }[];
    resources: { requests: unknown; limits: unknown };
    securityContext: unknown;
    livenessProbe: { httpGet: unknown };
    readinessProbe: { httpGet: unknown };
  };

  test('run two replicas, of which an eviction leaves one; one that is not ready keeps neither a drain nor an update waiting', () => {
    expect(deployment.replicas).toBe(2);
    expect(deployment.strategy).toEqual({ rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } });
    expect(of('PodDisruptionBudget').spec).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: deployment.template.metadata.labels },
    });
    expect(of('Service').spec).toMatchObject({ selector: deployment.template.metadata.labels });
  });

  test('give the process no more rights than it needs', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources).toMatchObject({
      requests: { cpu: expect.any(String) },
      limits: { memory: expect.any(String) },
    });
  });

  test('ask the routes that are served, and leave time to stop', () => {
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    const served = container.env.find(({ name }) => name === 'HTTP_PORT')?.value;
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(served) }]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(
      Number(variables.SHUTDOWN_TIMEOUT_SECONDS.default),
    );
  });

  test('set variables that exist, the secret ones from a Secret alone', () => {
    const configured = of('ConfigMap').data ?? {};
    const secrets: Record<string, unknown> = (of('Secret').stringData ?? {}) as Record<string, unknown>;
    const isSecret = (name: string) => 'secret' in (variables[name as keyof typeof variables] ?? {});
    const names = [...container.env.map(({ name }) => name), ...Object.keys(configured)];
    expect(names.filter((name) => !(name in variables))).toEqual([]);
    expect(Object.keys(configured).filter(isSecret)).toEqual([]);
    for (const { name, value, valueFrom } of container.env.filter((one) => isSecret(one.name))) {
      expect(value).toBeUndefined();
      expect(valueFrom?.secretKeyRef).toEqual({ name: 'talon-one-sync', key: name });
      expect(Object.keys(secrets)).toContain(name);
    }
  });
});

test('the compose files and what they mount belong together', () => {
  const { services } = parse(textOf('compose-monitoring.yaml')) as {
    services: Record<string, { volumes: string[] }>;
  };
  const mounted = Object.values(services)
    .flatMap(({ volumes }) => volumes)
    .filter((volume) => volume.startsWith('./'))
    .map((volume) => volume.split(':')[0] ?? '');
  expect(mounted.length).toBe(4);
  for (const path of mounted.filter((one) => /\.\w+$/.test(one.slice(2))))
    expect(readFileSync(join(packageRoot(), path), 'utf8')).not.toBe('');
  const { scrape_configs, rule_files } = parse(textOf('prometheus.yaml')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
    rule_files: string[];
  };
  expect(scrape_configs[0]?.static_configs[0]?.targets).toEqual(['sync:8080']);
  expect(services.prometheus?.volumes.join()).toContain(`:${rule_files[0]}:`);
});
