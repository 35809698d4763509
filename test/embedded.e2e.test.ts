import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, type TestContext, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/warehouse/embedded/cluster.js';
import { findPostmaster } from '../src/warehouse/embedded/postmaster.js';
import { findDifferences } from './support/copy-audit.js';
import type { Daemon } from './support/daemon.js';
import { makeDataDir } from './support/data-dir.js';
import { type Deployment, deploy } from './support/deployment.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

const USING = 'DATABASE_URL is not set: using the embedded Postgres';

describe('without DATABASE_URL', () => {
  test('the daemon makes a Postgres in DATA_DIR, says so, and finds its data again after a stop', async (context) => {
    const { simulator, dataDir, start } = await deployEmbedded(context);
    const daemon = start(['run']);
    const line = await daemon.waitForLine(USING);
    expect(line).toMatchObject({
      level: 'info',
      outcome: 'created',
      dataDir: expect.stringContaining(dataDir),
    });
    const database = await connect(context, dataDir, daemon);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(daemon.linesOf(USING)).toHaveLength(1);
    expect(daemon.stderr).toBe('');
    expect(await findPostmaster(String(line.dataDir))).toBeUndefined();

    simulator.emit(1, 10);
    const next = start(['run']);
    expect(await next.waitForLine(USING)).toMatchObject({ outcome: 'started' });
    expect(await next.waitForLine('cycle finished')).toMatchObject({ eventsNew: 10 });
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  });

  test('after kill -9 of the daemon the next one takes the server over, with all its data', async (context) => {
    const { simulator, dataDir, start } = await deployEmbedded(context);
    const daemon = start(['run']);
    await daemon.waitForLine('cycle finished');
    const database = await connect(context, dataDir, daemon);
    await daemon.end('SIGKILL');
    simulator.emit(1, 10);
    const next = start(['once']);
    expect(await next.ended).toMatchObject({ code: 0 });
    expect(next.linesOf(USING)).toMatchObject([{ outcome: 'adopted' }]);
    expect(next.linesOf('cycle finished')).toMatchObject([{ eventsNew: 10 }]);

    const last = start(['run']);
    await last.waitForLine('cycle finished');
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  });

  test('SIGTERM while the Postgres is being made ends with 0, and the next start makes it', async (context) => {
    const { dataDir, start } = await deployEmbedded(context);
    const home = join(dataDir, 'postgres');
    const daemon = start(['run']);
    await waitFor(
      'initdb at work',
      () => existsSync(home) && readdirSync(home).some((name) => name.startsWith('initdb-')),
    );
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(daemon.stderr).toBe('');
    expect(await start(['migrate']).ended).toMatchObject({ code: 0 });
  });

  test('check works too, and leaves no server behind', async (context) => {
    const { dataDir, start } = await deployEmbedded(context);
    const check = start(['check']);
    expect(await check.ended).toMatchObject({ code: 0 });
    expect(check.stdout).toContain('rights suffice');
    expect(await findPostmaster(join(dataDir, 'postgres', 'pgdata'))).toBeUndefined();
  });
});

async function deployEmbedded(context: TestContext): Promise<Deployment & { dataDir: string }> {
  const folder = await makeDataDir();
  context.onTestFinished(folder.remove);
  const deployment = await deploy(context, { history: { events: 60 } });
  const env = { DATABASE_URL: undefined, DATA_DIR: folder.path };
  return {
    ...deployment,
    dataDir: folder.path,
    start: (words, options) => deployment.start(words, { ...options, env: { ...env, ...options?.env } }),
  };
}

/** The daemon's own Postgres, which has to be running. */
async function connect(context: TestContext, dataDir: string, daemon: Daemon) {
  const guest = await startEmbeddedPostgres({ dataDir });
  await guest.stop();
  daemon.addSecret(new URL(guest.url).password);
  const pool = new pg.Pool({ connectionString: guest.url, max: 1 });
  pool.on('error', () => {});
  context.onTestFinished(() => pool.end());
  return {
    query: async <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
      (await pool.query<Row>(text, values)).rows,
  };
}
