import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, onTestFinished } from 'vitest';
import { startEmbeddedPostgres } from '../../src/warehouse/embedded/cluster.js';
import { type DataDir, endPostmaster, makeDataDir } from './data-dir.js';

/** Server settings for clusters that outlive no machine. */
export const fast = { fsync: 'off', full_page_writes: 'off' };

/** A data folder that goes with the test, its server too. */
export async function newDataDir(name?: string, mode?: number): Promise<string> {
  const folder = await makeDataDir(name, mode);
  onTestFinished(folder.remove);
  return folder.path;
}

/**
 * For a test file: a data folder whose cluster is made once, for making one takes a second. Each test finds it stopped
 * and used by nobody; what it stores there others see. Returns what tells the folder.
 */
export function useCluster(): () => string {
  let folder: DataDir;
  const home = () => join(folder.path, 'postgres');
  beforeAll(async () => {
    folder = await makeDataDir();
    const { stop } = await startEmbeddedPostgres({ dataDir: folder.path, settings: fast });
    await stop();
  });
  afterEach(async () => {
    await endPostmaster(join(home(), 'pgdata'), 'SIGQUIT');
    await rm(join(home(), 'users'), { recursive: true, force: true });
  });
  afterAll(() => folder.remove());
  return () => folder.path;
}

/** The rows of one query over a connection of its own. */
export async function queryOnce(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}
