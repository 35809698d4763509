import { join } from 'node:path';
import type { CleanUp } from '../demo/clean-up.js';
import { startSimulator } from '../simulator/simulator.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { Bouncer, findBouncer } from './bouncer.js';
import { ChaosDatabase } from './database.js';
import { installFenceJournal } from './fence-journal.js';
import { type Habits, LOOKBACK_SECONDS } from './habits.js';
import { Replica } from './replica.js';
import { runMigrate } from './run-migrate.js';
import { Traffic } from './traffic.js';

// What a campaign is played on: the simulator in this process, a Postgres of its own, perhaps PgBouncer before it, and
// two replicas of the built daemon.

export const LEASE_SECONDS = 4;
const HISTORY_DAYS = 0.2;

export interface Stage {
  readonly habits: Habits;
  readonly simulator: Simulator;
  readonly database: ChaosDatabase;
  readonly replicas: readonly [Replica, Replica];
  readonly traffic: Traffic;
  /** What this machine could not do. */
  readonly restrictions: string[];
  readonly isThroughBouncer: boolean;
}

export interface StageOptions {
  readonly habits: Habits;
  /** Entry of the built daemon. */
  readonly program: string;
  /** For logs and whatever else has to lie somewhere. */
  readonly folder: string;
  /** Variables of the daemons on top of ours. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function openStage(options: StageOptions, cleanUp: CleanUp): Promise<Stage> {
  const { habits, folder } = options;
  const restrictions: string[] = [];
  const database = await ChaosDatabase.open(folder, cleanUp);
  const simulator = await startSimulator({
    seed: habits.seed,
    history: { events: habits.historyEvents, days: HISTORY_DAYS },
    applications: habits.applications.length,
    missingIds: 'mixed',
    switches: { requestsPerSecond: habits.requestsPerSecond },
  });
  cleanUp.add(() => simulator.stop());
  for (const [index, id] of simulator.applicationIds.entries()) {
    simulator.set(habits.applications[index] ?? {}, id);
  }
  const bouncer = await openBouncer(options, database, restrictions, cleanUp);
  const env = daemonEnvironment(habits, simulator);
  const envOf = (url: string) => (processName: string) => ({
    ...env,
    DATABASE_URL: withName(url, processName),
    ...options.env,
  });
  await runMigrate(options.program, folder, envOf(database.url)('migrate'));
  await installFenceJournal(database);
  const open = (name: string) => {
    const logFile = join(folder, `${name.replaceAll(' ', '-')}.log`);
    const replica = new Replica({
      name,
      program: options.program,
      cwd: folder,
      env: envOf(bouncer?.url ?? database.url),
      logFile,
    });
    cleanUp.add(() => replica.close());
    return replica;
  };
  const traffic = new Traffic(simulator, habits);
  cleanUp.add(async () => traffic.stop());
  return {
    habits,
    simulator,
    database,
    replicas: [open('replica 1'), open('replica 2')],
    traffic,
    restrictions,
    isThroughBouncer: bouncer !== undefined,
  };
}

async function openBouncer(
  { habits, folder }: StageOptions,
  database: ChaosDatabase,
  restrictions: string[],
  cleanUp: CleanUp,
): Promise<Bouncer | undefined> {
  if (!habits.isThroughBouncer) return undefined;
  const found = await findBouncer();
  if ('missing' in found) {
    restrictions.push(`not through PgBouncer: ${found.missing}`);
    return undefined;
  }
  const bouncer = await Bouncer.start(found.program, database.url, folder, database.server.dataDir);
  cleanUp.add(() => bouncer.stop());
  return bouncer;
}

function daemonEnvironment(habits: Habits, simulator: Simulator): Record<string, string> {
  return {
    TALON_ONE_BASE_URL: simulator.url,
    TALON_ONE_API_KEY: simulator.apiKey,
    // The campaign and its figures are about events.
    LOYALTY_SYNC: 'false',
    AUDIT_DELAY_MINUTES: '0',
    REFERENCE_INTERVAL_MINUTES: '0',
    SYNC_INTERVAL_SECONDS: '0.5',
    SYNC_LOOKBACK_SECONDS: String(LOOKBACK_SECONDS),
    LEASE_SECONDS: String(LEASE_SECONDS),
    REQUEST_TIMEOUT_SECONDS: '4',
    SHUTDOWN_TIMEOUT_SECONDS: '15',
    REQUESTS_PER_SECOND: String(habits.requestsPerSecond),
    PAGE_SIZE: String(habits.pageSize),
    SESSION_SNAPSHOT_SOURCE: habits.sessionSource,
    HTTP_PORT: '',
  };
}

// What the address says wins over what the program says of itself.
function withName(url: string, processName: string): string {
  const named = new URL(url);
  named.searchParams.set('application_name', processName);
  return named.href;
}
