import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findPostmaster } from '../../src/warehouse/embedded/postmaster.js';

/** A folder for an embedded Postgres; when done, its server is ended and nothing of it is left. */
export interface DataDir {
  path: string;
  remove(): Promise<void>;
}

/** The process id in the name tells a later run whether the folder was left behind. */
export const dataDirPrefix = 'talon-one-sync-test-';

/**
 * A new DATA_DIR called `name`. Everybody may pass through the folder above it, as `nobody` has to when we are root,
 * unless another mode is asked for.
 */
export async function makeDataDir(name = 'data', mode = 0o755): Promise<DataDir> {
  const above = await mkdtemp(join(tmpdir(), `${dataDirPrefix}${process.pid}-`));
  await chmod(above, mode);
  const path = join(above, name);
  await mkdir(path);
  return { path, remove: () => removeDataDir(above, path) };
}

/** Ends the server of `dataDir`, then removes `folder` and where the cluster lives, if that is elsewhere. */
export async function removeDataDir(folder: string, dataDir: string): Promise<void> {
  const home = await homeOf(dataDir);
  await endPostmaster(join(home, 'pgdata'), 'SIGQUIT');
  await rm(home, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

/** Sends the server process a signal (SIGQUIT stops at once, SIGKILL is a crash) and waits until it is gone. */
export async function endPostmaster(pgdata: string, signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
  const postmaster = await findPostmaster(pgdata);
  if (!postmaster) return;
  process.kill(postmaster.pid, signal);
  while (await findPostmaster(pgdata)) await delay(5);
}

async function homeOf(dataDir: string): Promise<string> {
  try {
    const pointer = JSON.parse(await readFile(join(dataDir, 'postgres-location.json'), 'utf8')) as {
      home: string;
    };
    return pointer.home;
  } catch {
    return join(dataDir, 'postgres');
  }
}
