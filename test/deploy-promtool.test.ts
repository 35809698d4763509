import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { packageRoot } from '../src/package-info.js';

// The rules and the dashboard's expressions on made-up figures, by Prometheus' own tool. Left out where it is not installed.

const ALERTS = join(packageRoot(), 'deploy/prometheus-alerts.yaml');
const isInstalled = spawnSync('promtool', ['--version']).status === 0;

type Series = Readonly<Record<string, string>>;

interface Scenario {
  /** Values in the notation of promtool, one a minute. */
  readonly series: Series;
  readonly at: string;
  /** Of these alerts, those that fire. */
  readonly alerts?: Readonly<Record<string, boolean>>;
  /** Value of expressions without labels; null: none. */
  readonly values?: readonly (readonly [expression: string, value: number | null])[];
}

function promtool({ series, at, alerts = {}, values = [] }: Scenario): string {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'test.yaml');
  // What fires is looked for in the series that Prometheus makes of it, whatever its labels.
  const firing = Object.entries(alerts).map(([name, fires]) => ({
    expr: `count(ALERTS{alertname="${name}",alertstate="firing"}) > bool 0`,
    eval_time: at,
    exp_samples: fires ? [{ labels: '{}', value: 1 }] : [],
  }));
  const expressions = values.map(([expr, value]) => ({
    expr,
    eval_time: at,
    exp_samples: value === null ? [] : [{ labels: '{}', value }],
  }));
  const input_series = Object.entries(series).map(([name, text]) => ({ series: name, values: text }));
  const tests = [{ interval: '1m', input_series, promql_expr_test: [...firing, ...expressions] }];
  writeFileSync(file, stringify({ rule_files: [ALERTS], evaluation_interval: '1m', tests }));
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

const process = (up: string): Series => ({
  'talon_one_sync_build_info{instance="a",version="0.1.0"}': '1x1000',
  'talon_one_sync_warehouse_up{instance="a"}': up,
});
const status = (application: number, word: string): string =>
  `talon_one_sync_application_status{instance="a",application="${application}",status="${word}"}`;
const completeThrough = (application: number): string =>
  `talon_one_sync_complete_through_timestamp_seconds{instance="a",application="${application}"}`;

describe.skipIf(!isInstalled)('the alerts', () => {
  test.each<[string, Scenario]>([
    [
      'a key that is refused at the first start',
      {
        series: { ...process('1x60'), 'talon_one_sync_applications_listed{instance="a"}': '0x60' },
        at: '10m',
        alerts: { TalonOneSyncNotListed: true, TalonOneSyncWarehouseDown: false },
      },
    ],
    [
      'Postgres is frozen',
      {
        series: { ...process('1x5 0x60'), [status(1, 'up-to-date')]: '1x5 _x60' },
        at: '20m',
        alerts: {
          TalonOneSyncWarehouseDown: true,
          TalonOneSyncNotRunning: false,
          TalonOneSyncNotListed: false,
          TalonOneSyncNeverComplete: false,
        },
      },
    ],
    [
      'a first sync of half a day',
      {
        series: {
          ...process('1x1000'),
          [status(1, 'back-filling')]: '1x1000',
          [completeThrough(2)]: '1x1000',
        },
        at: '13h',
        alerts: { TalonOneSyncNeverComplete: true },
      },
    ],
    [
      'an Application that was complete once',
      {
        series: { ...process('1x1000'), [status(1, 'failing')]: '1x1000', [completeThrough(1)]: '1x1000' },
        at: '13h',
        alerts: { TalonOneSyncNeverComplete: false, TalonOneSyncFailing: true },
      },
    ],
    [
      'a key that has lost a right',
      {
        series: {
          ...process('1x100'),
          'talon_one_sync_jobs{status="revoked"}': '1x100',
          'talon_one_sync_jobs{status="unauthorised"}': '4x100',
        },
        at: '70m',
        alerts: { TalonOneSyncJobRefused: true, TalonOneSyncJobFailing: false },
      },
    ],
    [
      'a key that was made for events alone',
      {
        series: { ...process('1x100'), 'talon_one_sync_jobs{status="unauthorised"}': '4x100' },
        at: '70m',
        alerts: { TalonOneSyncJobRefused: false },
      },
    ],
  ])('%s', (_, scenario) => {
    expect(promtool(scenario)).toBe('');
  });
});

describe.skipIf(!isInstalled)('the figures on top of the dashboard', () => {
  const { panels } = JSON.parse(
    readFileSync(join(packageRoot(), 'deploy/grafana-dashboard.json'), 'utf8'),
  ) as { panels: { title: string; targets: { expr: string }[] }[] };
  const expressionOf = (title: string) =>
    panels
      .find((panel) => panel.title === title)
      ?.targets[0]?.expr.replaceAll('application=~"$application"', 'application=~".*"') ?? '';
  const [lacking, never] = [expressionOf('Not up to date'), expressionOf('Never complete')];

  test.each<[string, Series, number | null, number | null]>([
    ['nothing, when no process or Postgres answers', process('0x60'), null, null],
    ['none, when all is well', { [status(1, 'up-to-date')]: '1x60', [completeThrough(1)]: '1x60' }, 0, 0],
    [
      'those that are not',
      {
        [status(1, 'up-to-date')]: '1x60',
        [completeThrough(1)]: '1x60',
        [status(2, 'failing')]: '1x60',
        [completeThrough(2)]: '1x60',
        [status(3, 'back-filling')]: '1x60',
      },
      2,
      1,
    ],
  ])('count %s', (_, series, notUpToDate, neverComplete) => {
    const values = [[lacking, notUpToDate] as const, [never, neverComplete] as const];
    expect(promtool({ series, at: '10m', values })).toBe('');
  });
});
