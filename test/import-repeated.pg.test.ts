import { describe, expect, test } from 'vitest';
import { startForTest } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';
import { importFile } from './support/import-file.js';
import { importOnce, type Run } from './support/import-runs.js';
import { useWarehouse } from './support/warehouse.js';

// The same file a second time: with another key, corrected, extended, or just as it was.

const db = useWarehouse();

async function start(switches: SwitchSettings = {}, integrationApiKey?: string): Promise<Simulator> {
  return startForTest({
    history: { events: 1 },
    loyaltyPrograms: [{ id: 1, allowSubledger: false, history: false }],
    switches,
    ...(integrationApiKey === undefined ? {} : { integrationApiKey }),
  });
}

function run(simulator: Simulator, kind: string, path: string, options: Run = {}) {
  return importOnce(db().warehouse, simulator, kind, path, { partRows: 10, ...options });
}

function ordersFile(orders: number, prefix = 'order'): string {
  const rows = Array.from({ length: orders }, (_, index) => `${prefix}-${index + 1},${index + 1}`);
  return importFile('orders.csv', `sessionId,total\n${rows.join('\n')}\n`);
}

describe('an import that a sandbox key began', () => {
  const files = {
    sessions: ordersFile,
    profiles: (count: number) => {
      const rows = Array.from({ length: count }, (_, index) => `customer-${index + 1}`);
      return importFile('profiles.csv', `integrationId\n${rows.join('\n')}\n`);
    },
  };

  test.each(['sessions', 'profiles'] as const)(
    'is not gone on with by the live key: all %s arrive',
    async (kind) => {
      const sandbox = await start({}, 'a'.repeat(64));
      const live = await start({}, 'b'.repeat(64));
      const deployment = sandbox.url;
      const path = files[kind](30);
      const stop = new AbortController();
      sandbox.onRequest(({ number }) => {
        if (number > (kind === 'sessions' ? 15 : 1)) stop.abort();
      });
      const stopped = await run(sandbox, kind, path, { deployment, signal: stop.signal });
      expect(stopped.message).toBe('Stopped: 2 of 3 parts are imported. The same command goes on there.');
      expect((await run(live, kind, path, { deployment })).result).toMatchObject({ parts: 3, accepted: 3 });
      expect([...live.imports[kind].keys()]).toHaveLength(30);
      expect((await run(sandbox, kind, path, { deployment })).message).toBe('');
      expect([...sandbox.imports[kind].keys()]).toHaveLength(30);
      const targets = await db().rows<{ target: string }>(
        'select distinct target from talon_one_import where deployment = $1',
        deployment,
      );
      expect(targets).toHaveLength(2);
      for (const { target } of targets) expect(target).toMatch(/^integrationKey=[0-9a-f]{16}$/);
    },
  );
});
