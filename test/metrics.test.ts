import { describe, expect, test } from 'vitest';
import { Metrics, type Scrape } from '../src/metrics/metrics.js';
import type { ApplicationFacts } from '../src/warehouse/status.js';
import { documentText } from './docs/files.js';
import { metricEntries, metricsPage } from './docs/metrics-page.js';
import { applicationFacts, standingsOf } from './support/standings.js';

const nothing: Scrape = { standings: undefined, owner: 'me', pool: undefined };

function scrapeOf(applications: readonly ApplicationFacts[], owner = 'me'): Scrape {
  return { standings: standingsOf(applications), owner, pool: { total: 3, idle: 2, waiting: 1 } };
}

describe('the names', () => {
  const entries = metricEntries(new Metrics());

  test.each(entries)('$name keeps the conventions of Prometheus', ({ name, type, help, labels }) => {
    expect(name).toMatch(/^talon_one_sync_[a-z]+(_[a-z]+)*$/);
    expect(help.length).toBeGreaterThan(10);
    // Base units, at the end; "_total" for counters and for nothing else.
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|hours|days|kb|mb|kilobytes|megabytes|percent)(_|$)/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(new RegExp(`_(${type}|count|sum|bucket|info_total)$`));
    if (/seconds|bytes|ratio/.test(name)) expect(name).toMatch(/_(seconds|bytes|ratio)(_total)?$/);
    for (const label of labels)
      expect(['application', 'endpoint', 'outcome', 'kind', 'lane', 'status', 'state', 'version']).toContain(
        label,
      );
    expect(labels.length).toBeLessThanOrEqual(3);
  });

  test('are those of docs/metrics.md', () => {
    expect(documentText('docs/metrics.md')).toBe(metricsPage(new Metrics()));
  });
});

describe('what is counted', () => {
  test('names Applications and templates, never a path', async () => {
    const metrics = new Metrics();
    const request = {
      method: 'GET',
      template: '/v1/applications/{applicationId}/sessions/{sessionId}',
      path: '/v1/applications/42/sessions/987654321',
    };
    metrics.requestEnded(request, 1, 'too-many-requests');
    metrics.requestEnded(request, 2, 'ok');
    metrics.requestEnded({ method: 'GET', template: '/v1/applications', path: '/v1/applications' }, 1, 'ok');
    const text = await metrics.text(nothing);
    const labels = `application="42",endpoint="GET /v1/applications/{applicationId}/sessions/{sessionId}"`;
    expect(text).toContain(`talon_one_sync_requests_total{${labels},outcome="too-many-requests"} 1`);
    expect(text).toContain(`talon_one_sync_requests_total{${labels},outcome="ok"} 1`);
    expect(text).toContain(`talon_one_sync_request_retries_total{${labels}} 1`);
    expect(text).toContain('{application="",endpoint="GET /v1/applications",outcome="ok"} 1');
    expect(text).not.toContain('987654321');
  });

  test('shows of Postgres what is so now, and nothing that has passed', async () => {
    const metrics = new Metrics();
    const failing = applicationFacts({ id: '7', status: 'failing', isHeld: true, leaseOwner: 'me' });
    const before = await metrics.text(
      scrapeOf([failing, applicationFacts({ id: '8', completeThrough: null })]),
    );
    expect(before).toContain('talon_one_sync_application_status{application="7",status="failing"} 1');
    expect(before).toContain('talon_one_sync_lease_held{application="7"} 1');
    expect(before).toContain('talon_one_sync_lag_seconds{application="7"} 120');
    expect(before).not.toContain('talon_one_sync_lag_seconds{application="8"}');
    expect(before).toContain('talon_one_sync_postgres_pool_connections{state="busy"} 1');
    expect(before).toContain('talon_one_sync_warehouse_up 1');
    const after = await metrics.text(scrapeOf([applicationFacts({ id: '7' })], 'replica-1'));
    expect(after).toContain('talon_one_sync_application_status{application="7",status="up-to-date"} 1');
    expect(after).not.toContain('status="failing"');
    expect(after).not.toContain('application="8"');
    expect(after).toContain('talon_one_sync_applications_listed 1');
    const gone = applicationFacts({ id: '9', isWanted: false, status: 'failing' });
    expect(await metrics.text(scrapeOf([gone]))).not.toContain('application="9"');
    expect(after).toContain('talon_one_sync_replicas 1');
    const away = await metrics.text(nothing);
    expect(away).not.toMatch(/^talon_one_sync_(replicas|applications_listed) /m);
    expect(away).toContain('talon_one_sync_warehouse_up 0');
    expect(away).not.toContain('talon_one_sync_lag_seconds{');
  });
});
