import { describe, expect, test } from 'vitest';
import type { FaultAction } from './simulator/fault-rules.js';
import { findDifferences } from './support/copy-audit.js';
import type { Daemon } from './support/daemon.js';
import { deploy } from './support/deployment.js';
import { readHealth } from './support/health.js';
import { startTcpProxy } from './support/proxy.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

// Most of the time is spent waiting for the daemon to try again: these tests run side by side.

const storms: Record<string, FaultAction> = {
  'status 500': { type: 'status', status: 500 },
  'status 503 with a page of HTML': { type: 'status', status: 503, body: '<html>Back soon</html>' },
  'status 429 without Retry-After': { type: 'status', status: 429 },
  'status 429 with Retry-After': { type: 'status', status: 429, headers: { 'Retry-After': '1' } },
  'HTML with status 200': { type: 'html200' },
  'an empty body with status 200': { type: 'empty200' },
  'connections reset': { type: 'reset' },
  'bodies cut short': { type: 'cutBody', framing: 'chunkedEnd' },
  'empty pages that promise more': { type: 'emptyPage' },
};

describe.concurrent('a storm of', () => {
  test.for(Object.entries(storms))(
    '%s: the daemon survives and no event is lost',
    async ([, action], context) => {
      const { simulator, database, start } = await deploy(context, { history: { events: 200 } });
      const path = '/v1/applications/{applicationId}/events/no_total';
      const onEvents = simulator.addFault({ path, probability: 0.5, times: 3, action });
      const onSnapshots = simulator.addFault({ path: /search|session/, action });
      const daemon = start(['run'], { env: { PAGE_SIZE: '50' } });
      await waitFor('the storm to be over', () => onEvents.hits + onSnapshots.hits === 4);
      simulator.emit(1, 20);
      await waitUntilNothingWrong(() => findDifferences(simulator, database));
      expect(storedBeforeCaughtUp(daemon)).toBeGreaterThanOrEqual(200);
      expect(daemon.hasEnded).toBe(false);
      expect(daemon.stderr).toBe('');
    },
  );
});

describe.concurrent('an API that', () => {
  test('is not there at the start is waited for, and /readyz says so', async (context) => {
    const { simulator, database, start } = await deploy(context);
    const { hostname, port } = new URL(simulator.url);
    const proxy = await startTcpProxy(hostname, Number(port));
    context.onTestFinished(() => proxy.close());
    let refusals = 0;
    proxy.onClientData = (_data, link) => {
      refusals += 1;
      link.cut();
      return 'drop';
    };
    const daemon = start(['run'], { env: { TALON_ONE_BASE_URL: `http://${proxy.host}:${proxy.port}` } });
    const url = await daemon.healthUrl();
    await waitFor('some attempts', () => refusals >= 2);
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 503,
      body: { status: 'not ready', reasons: ['the Applications have not been listed yet'] },
    });
    expect(await readHealth(`${url}/livez`)).toMatchObject({ status: 200 });
    expect(simulator.requests).toEqual([]);
    proxy.onClientData = undefined;
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    expect(await readHealth(`${url}/readyz`)).toMatchObject({ status: 200 });
  });

  test('refuses the key for some Applications: they are marked, the others go on, and all recover', async (context) => {
    const { simulator, database, start } = await deploy(context, {
      applications: 3,
      history: { events: 60 },
    });
    const daemon = start(['run']);
    const url = await daemon.healthUrl();
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 200,
      body: { status: 'ready', reasons: [] },
    });

    for (const [applicationId, status] of [
      [1, 401],
      [2, 403],
    ] as const) {
      simulator.addFault({ applicationId, times: Infinity, action: { type: 'status', status } });
      await daemon.waitForLine('the API refuses the key', (line) => line.applicationId === applicationId);
    }
    const reasons = [1, 2].map((id) => `Application ${id}: the API refuses the key`);
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 503,
      body: { status: 'not ready', reasons },
    });
    expect(await readHealth(`${url}/livez`)).toMatchObject({ status: 200 });
    const statuses = await database.query('select status from talon_one_sync_cursor order by application_id');
    expect(statuses.map(({ status }) => status)).toEqual(['unauthorised', 'unauthorised', 'up-to-date']);
    for (const id of simulator.applicationIds) simulator.emit(id, 10);
    await daemon.waitForLine('cycle finished', (line) => line.applicationId === 3 && line.eventsNew === 10);

    simulator.clearFaults();
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    await waitFor('readiness', async () => (await readHealth(`${url}/readyz`)).status === 200);
  });

  test('fails for one Application does not hold up the others', async (context) => {
    const { simulator, database, start } = await deploy(context, { applications: 2 });
    simulator.addFault({ applicationId: 1, times: 6, action: { type: 'status', status: 400 } });
    const daemon = start(['run']);
    await daemon.waitForLine('cycle failed', (line) => line.applicationId === 1);
    await daemon.waitForLine('cycle finished', (line) => line.applicationId === 2 && line.eventsNew === 300);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  });
});

/** How many events were stored by the time that a cycle first claimed to have read all there are. */
function storedBeforeCaughtUp(daemon: Daemon): number {
  const cycles = daemon.lines.filter(({ msg }) => msg === 'cycle finished' || msg === 'cycle failed');
  const first = cycles.findIndex(({ outcome }) => outcome === 'caught-up');
  return cycles.slice(0, first + 1).reduce((sum, { eventsNew }) => sum + Number(eventsNew), 0);
}
