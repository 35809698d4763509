import { dirname, join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/warehouse/embedded/cluster.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { makeDataDir } from '../support/data-dir.js';
import { openAccount } from './account.js';
import type { CleanUp } from './clean-up.js';
import { Daemon } from './daemon.js';
import { DaemonLog } from './daemon-log.js';
import type { Display } from './display.js';
import type { Interruption } from './interruption.js';
import { Traffic } from './traffic.js';
import { WarehouseView } from './warehouse-view.js';

// What the demo plays on. The simulator lives in this process. The Postgres is the embedded one of a fresh DATA_DIR; we
// start it first, so that it stays when the daemon is killed, and the daemon, which has no DATABASE_URL, finds it there.

/** Short times, so that a minute shows what otherwise takes an hour. All other settings have their defaults. */
export const HURRY = { SYNC_INTERVAL_SECONDS: '2', LEASE_SECONDS: '5' };

/** Everything that is up, and the run's common tools. */
export interface Stage {
  readonly simulator: Simulator;
  /** Application of the random traffic, where new events arrive. */
  readonly trafficId: number;
  /** Its events before the live ones. */
  readonly historyEvents: number;
  /** Events of the shop, which never become more. */
  readonly shopEvents: number;
  readonly traffic: Traffic;
  readonly warehouse: WarehouseView;
  readonly databaseUrl: string;
  readonly postgresVersion: string;
  readonly log: DaemonLog;
  readonly display: Display;
  readonly signal: AbortSignal;
  /** Milliseconds since the demo began. */
  readonly clock: () => number;
  readonly startDaemon: () => Daemon;
}

export interface StageOptions {
  readonly events: number;
  readonly display: Display;
  readonly interruption: Interruption;
  readonly cleanUp: CleanUp;
  /** Entry of the program. Default: the one that was built beside the demo. */
  readonly program?: string;
  /** Of the API and of the daemon, for each endpoint; 0 is no limit. Default: Talon.One's. */
  readonly requestsPerSecond?: number;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { events, display, interruption, cleanUp, program, requestsPerSecond = 3 } = options;
  const { signal } = interruption;
  const startedAt = performance.now();
  const folder = await makeDataDir();
  cleanUp.add(() => folder.remove());
  const postgres = await startEmbeddedPostgres({ dataDir: folder.path, signal });
  cleanUp.add(() => postgres.stop());
  const { simulator, shopId, trafficId } = await openAccount({ events, switches: { requestsPerSecond } });
  cleanUp.add(() => simulator.stop());
  const warehouse = await WarehouseView.open(postgres.url, trafficId);
  cleanUp.add(() => warehouse.close());
  const home = dirname(folder.path);
  const log = new DaemonLog(join(home, 'daemon.log'));
  cleanUp.add(() => log.close());
  const traffic = new Traffic(simulator, trafficId);
  cleanUp.add(async () => traffic.stop());
  const settings = {
    ...HURRY,
    TALON_ONE_BASE_URL: simulator.url,
    TALON_ONE_API_KEY: simulator.apiKey,
    DATA_DIR: folder.path,
    REQUESTS_PER_SECOND: String(requestsPerSecond),
    // No hour is closed within a minute.
    AUDIT_DELAY_MINUTES: '0',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
  };
  const startDaemon = () => {
    const daemon = Daemon.start({ program, settings, cwd: home, log, onUnexpectedEnd: interruption.fail });
    cleanUp.add(() => daemon.stop());
    return daemon;
  };
  return {
    simulator,
    trafficId,
    historyEvents: events,
    shopEvents: simulator.issuedCount(shopId),
    traffic,
    warehouse,
    databaseUrl: postgres.url,
    postgresVersion: postgres.version,
    log,
    display,
    signal,
    clock: () => performance.now() - startedAt,
    startDaemon,
  };
}
