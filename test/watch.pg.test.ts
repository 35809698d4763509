import { expect, onTestFinished, test } from 'vitest';
import { Readiness } from '../src/commands/readiness.js';
import { statusText } from '../src/commands/status.js';
import { Watch } from '../src/commands/watch.js';
import type { PageAnswer } from '../src/health/health-server.js';
import { Metrics } from '../src/metrics/metrics.js';
import type { StatusReport } from '../src/status/report.js';
import { noteDaemonWants } from '../src/warehouse/processes.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { startTcpProxy, throughProxy } from './support/proxy.js';
import { startSync, testConfig } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

async function watchOf(warehouse: Warehouse): Promise<(path: string) => Promise<PageAnswer>> {
  const { sim } = await startSync(db());
  const watch = new Watch(testConfig(sim), Promise.resolve(new Metrics()), 'me');
  watch.warehouse = warehouse;
  const { pages } = watch;
  return async (path) => {
    const page = pages.get(path);
    if (!page) throw new Error(`no page at ${path}`);
    return page(new URLSearchParams());
  };
}

test('while Postgres is frozen the pages say so within seconds, and afterwards they tell what is so then', async () => {
  const { hostname, port } = new URL(db().database.url);
  const proxy = await startTcpProxy(hostname, Number(port));
  onTestFinished(() => proxy.close());
  const warehouse = db().open({ url: throughProxy(db().database.url, proxy) });
  const read = await watchOf(warehouse);
  const readiness = new Readiness();
  readiness.warehouse = warehouse;
  expect((await read('/metrics')).text).toContain('talon_one_sync_warehouse_up 1');

  proxy.freeze();
  // What was read before the freeze may be shown for a while, but not for long.
  await expect
    .poll(async () => (await read('/metrics')).text, { timeout: 20_000, interval: 500 })
    .toContain('talon_one_sync_warehouse_up 0');
  expect((await read('/metrics')).text).not.toContain('talon_one_sync_application_status{');
  const pages = await Promise.all([read('/'), read('/status.json')]);
  for (const { status, text } of pages) {
    expect(status).toBe(503);
    expect(text).toContain('Postgres does not answer: no answer within');
  }
  expect(await readiness.report()).toEqual({
    isReady: false,
    reasons: expect.arrayContaining([
      expect.stringContaining('Postgres does not answer: no answer within 3 s'),
    ]),
  });

  proxy.thaw();
  await expect
    .poll(async () => (await read('/metrics')).text, { timeout: 20_000, interval: 500 })
    .toContain('talon_one_sync_warehouse_up 1');
  await expect.poll(async () => (await read('/')).status, { timeout: 20_000, interval: 500 }).toBeUndefined();
}, 60_000);

test('the daemon that serves the page runs, although its last word in Postgres is old', async () => {
  await noteDaemonWants(db().warehouse, { owner: 'me', version: '0.1.0', jobs: [] });
  await db().rows(
    `update talon_one_replica set seen_at = seen_at - interval '10 minutes' where owner = 'me'`,
  );
  onTestFinished(async () => {
    await db().rows(`delete from talon_one_replica where owner = 'me'`);
  });
  const read = await watchOf(db().warehouse);
  const report = JSON.parse((await read('/status.json')).text) as StatusReport;
  expect(report.headline).not.toContain('Nothing runs');
  expect(statusText(report)).not.toContain('stopped');
});

test('a key that is refused at the first start is said on the page, in the metrics and by the command', async () => {
  const self = { owner: 'me', version: '0.1.0', jobs: ['audit-events'] };
  const read = await watchOf(db().warehouse);
  expect((await read('/metrics')).text).not.toMatch(/^talon_one_sync_applications_listed /m);
  const trouble = 'GET /v1/applications was answered with 401: no such key';
  await noteDaemonWants(db().warehouse, { ...self, trouble });
  onTestFinished(async () => {
    await db().rows(`delete from talon_one_replica where owner = 'me'`);
  });
  const again = await watchOf(db().warehouse);
  expect((await again('/metrics')).text).toContain('talon_one_sync_applications_listed 0');
  const report = JSON.parse((await again('/status.json')).text) as StatusReport;
  expect(report).toMatchObject({
    tone: 'bad',
    why: expect.stringContaining('answered with 401. Talon.One refuses'),
  });
  expect(statusText(report)).toContain(
    'The Applications could not be listed: GET /v1/applications was answered with 401.',
  );
  await noteDaemonWants(db().warehouse, { ...self, applicationIds: ['1'] });
  const mended = await watchOf(db().warehouse);
  expect((await mended('/metrics')).text).toContain('talon_one_sync_applications_listed 1');
});
