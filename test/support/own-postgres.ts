import { startEmbeddedPostgres } from '../../src/warehouse/embedded/cluster.js';
import { endPostmaster, makeDataDir } from './data-dir.js';

/** A Postgres of a test's own, to be stopped and started at will. */
export interface OwnPostgres {
  url: string;
  host: string;
  port: number;
  /** The cluster's files. */
  dataDir: string;
  /** As `pg_ctl stop -m immediate`: connections break, the next start recovers. */
  stopImmediately(): Promise<void>;
  /** As kill -9 of the server process. */
  crash(): Promise<void>;
  /** Starts again at the same address. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

export interface OwnPostgresOptions {
  maxConnections?: number;
  settings?: Record<string, string>;
}

// Nothing here outlives the machine, so nothing waits for the disk; a stopped server still loses nothing.
const fast = { fsync: 'off', full_page_writes: 'off' };

export async function startOwnPostgres(options: OwnPostgresOptions = {}): Promise<OwnPostgres> {
  const settings: Record<string, string> = { ...fast, ...options.settings };
  if (options.maxConnections !== undefined) settings.max_connections = String(options.maxConnections);
  const folder = await makeDataDir();
  const start = async () => {
    return startEmbeddedPostgres({ dataDir: folder.path, settings });
  };
  try {
    const { url, dataDir } = await start();
    return {
      url,
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      dataDir,
      stopImmediately: () => endPostmaster(dataDir, 'SIGQUIT'),
      crash: () => endPostmaster(dataDir, 'SIGKILL'),
      start: async () => {
        const again = await start();
        if (again.url !== url) throw new Error(`another process took the port of ${dataDir}: ${again.url}`);
      },
      remove: () => folder.remove(),
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
