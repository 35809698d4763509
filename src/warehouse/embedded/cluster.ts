import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { asEmbeddedPostgresError, EmbeddedPostgresError } from './embedded-postgres-error.js';
import { connectFirst, type ReadyServer } from './first-connection.js';
import { takeLock } from './folder-lock.js';
import { createCluster, readPassword } from './initdb.js';
import { locateNative, usableNative } from './native.js';
import { findPlace, type Place } from './place.js';
import { startServer, stopServer } from './server.js';
import { countUses, registerUse } from './server-users.js';
import { exists, inheritOwner } from './whole-file.js';

// A real Postgres for people who have none, with its files in DATA_DIR. Under the folder's lock: find the place of the
// files and the programs; take over a server that is running, be it another process' or one left by a killed daemon;
// else make the cluster if there is none and start it. The last process that uses the server stops it.

export interface EmbeddedPostgres {
  /** With the password, for database talon_one. */
  url: string;
  /** Where the cluster's files really are (absolute). */
  dataDir: string;
  /** For instance 18.4. */
  version: string;
  outcome: 'created' | 'started' | 'adopted';
  /** False when another living process of ours was using the server already. */
  owned: boolean;
  /** Stops the server, unless another living process of ours uses it. Harmless when repeated. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  dataDir: string;
  signal?: AbortSignal;
  /** Server settings on top of ours. */
  settings?: Record<string, string>;
  /** The `native` folder of a binary package; default: of the installed one. */
  nativeDir?: string;
}

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  try {
    const nativeDir = options.nativeDir ?? (await locateNative());
    if ((await mkdir(dataDir, { recursive: true })) === dataDir) await inheritOwner(dataDir);
    const lockFile = join(await realpath(dataDir), 'postgres.lock');
    return await locked(lockFile, options.signal, () => start(options, nativeDir, lockFile));
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw asEmbeddedPostgresError(error, dataDir);
  }
}

async function start(
  options: EmbeddedPostgresOptions,
  nativeDir: string,
  lockFile: string,
): Promise<EmbeddedPostgres> {
  const place = await findPlace(resolve(lockFile, '..'));
  const native = await usableNative(nativeDir, place);
  const { outcome, server } = await bringUp(place, native, options);
  const otherUses = await countUses(place.home);
  const unregister = await registerUse(place.home);
  const leave = async () => {
    await unregister();
    if ((await countUses(place.home)) === 0) await stopServer(place, native);
  };
  let stopped: Promise<void> | undefined;
  return {
    ...server,
    dataDir: place.pgdata,
    outcome,
    owned: otherUses === 0,
    stop: () => {
      stopped ??= locked(lockFile, undefined, leave).catch((error: unknown) => {
        throw asEmbeddedPostgresError(error, place.home);
      });
      return stopped;
    },
  };
}

async function bringUp(
  place: Place,
  native: string,
  options: EmbeddedPostgresOptions,
): Promise<{ outcome: EmbeddedPostgres['outcome']; server: ReadyServer }> {
  const { signal, settings = {} } = options;
  const isNew = !(await exists(place.pgdata));
  if (isNew) await createCluster(place, native, { durable: settings.fsync !== 'off', signal });
  const password = await readPassword(place);
  if (!password)
    throw new EmbeddedPostgresError(`The file ${join(place.home, 'password')} is missing: bring it back`);
  const running = await connectFirst(place.pgdata, password, signal);
  if (running) return { outcome: 'adopted', server: running };
  try {
    await startServer(place, native, settings, signal);
    const server = await connectFirst(place.pgdata, password, signal);
    if (!server)
      throw new EmbeddedPostgresError(`The embedded Postgres in ${place.pgdata} ended right after its start`);
    return { outcome: isNew ? 'created' : 'started', server };
  } catch (error) {
    // Nobody would know of the server.
    await stopServer(place, native).catch(() => {});
    throw error;
  }
}

async function locked<T>(
  lockFile: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const release = await takeLock(lockFile, signal);
  try {
    return await work();
  } finally {
    await release();
  }
}
