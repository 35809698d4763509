import { onTestFinished } from 'vitest';
import { monotonicMs } from '../../src/clock.js';
import { type Config, type Environment, loadConfig } from '../../src/config.js';
import { createLogger, type Logger } from '../../src/logger.js';
import type { Observer } from '../../src/observer.js';
import { ApplicationSync } from '../../src/sync/application-sync.js';
import { type CycleResult, runCycle } from '../../src/sync/cycle.js';
import { type CycleContext, createCycleContext } from '../../src/sync/cycle-context.js';
import { Scheduler, type SchedulerOptions } from '../../src/sync/scheduler.js';
import type { ManagementClient } from '../../src/talon-one/management.js';
import type { Lease, LeasedCursor } from '../../src/warehouse/cursor.js';
import { Partitions } from '../../src/warehouse/partitions.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { startForTest } from '../simulator/for-tests.js';
import type { HistoryOptions, SimulatorOptions } from '../simulator/options.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { clientFor } from './management-client.js';
import type { TestWarehouse } from './warehouse.js';

// The parts of src/sync put together around a simulator and a test's warehouse.

/** Lines of the log, parsed. */
export type LogLine = Readonly<Record<string, unknown> & { level: string; msg: string }>;

export interface TestLog {
  readonly log: Logger;
  readonly lines: LogLine[];
}

export function testLog(): TestLog {
  const lines: LogLine[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as LogLine);
  return { log: createLogger({ level: 'debug', pretty: false, secrets: [] }, { write }), lines };
}

/** What a cycle hands to its steps. */
export function contextOf(lease: Lease, log: Logger = testLog().log, signal?: AbortSignal): CycleContext {
  return createCycleContext(lease, signal ?? new AbortController().signal, log);
}

const QUICK: Environment = {
  REQUESTS_PER_SECOND: '0',
  SYNC_INTERVAL_SECONDS: '0.05',
  LEASE_SECONDS: '2',
  AUDIT_DELAY_MINUTES: '0',
};

export function testConfig(sim: Simulator, environment: Environment = {}): Config {
  return loadConfig({ ...QUICK, TALON_ONE_BASE_URL: sim.url, TALON_ONE_API_KEY: sim.apiKey, ...environment });
}

export interface SyncOptions {
  /** Where the first sync begins; default: before everything. */
  readonly start?: string;
  readonly simulator?: SimulatorOptions;
  readonly environment?: Environment;
  readonly client?: ManagementClient;
  readonly log?: Logger;
  /** Milliseconds: the clock of the Applications. */
  readonly now?: () => number;
  /** Default: the one of the test file. */
  readonly warehouse?: Warehouse;
}

/** Runs the scheduler until the returned function is called, at the latest to the end of the test. */
export function runScheduler(scheduler: Scheduler): () => Promise<void> {
  const controller = new AbortController();
  const running = scheduler.run(controller.signal);
  const stop = async () => {
    controller.abort();
    await running;
  };
  onTestFinished(stop);
  return stop;
}

/** A simulator of one Application that has a cursor, and the parts that sync it. */
export async function startSync(
  db: TestWarehouse,
  options: SyncOptions & HistoryOptions = {},
): Promise<TestSync> {
  const {
    start = '2015-01-01T00:00:00Z',
    simulator,
    events = 0,
    sessions,
    profiles,
    days,
    tieShare,
  } = options;
  const applicationId = await db.newApplication(start);
  const history = Object.fromEntries(
    Object.entries({ events, sessions, profiles, days, tieShare }).filter(([, value]) => value !== undefined),
  );
  const sim = await startForTest({ ...simulator, applications: [{ id: Number(applicationId), history }] });
  return new TestSync(sim, db, applicationId, options);
}

/** The daemon's parts: cycles one by one, or a Scheduler. */
export class TestSync {
  readonly warehouse: Warehouse;
  readonly config: Config;
  readonly client: ManagementClient;
  readonly log: Logger;
  readonly now: () => number;
  readonly partitions: Partitions;
  private readonly applications = new Map<string, ApplicationSync>();
  private leased: LeasedCursor | undefined;

  constructor(
    readonly sim: Simulator,
    readonly db: TestWarehouse,
    readonly applicationId: string,
    options: SyncOptions = {},
  ) {
    this.warehouse = options.warehouse ?? db.warehouse;
    this.config = testConfig(sim, options.environment);
    this.client = options.client ?? clientFor(sim);
    this.log = options.log ?? testLog().log;
    this.now = options.now ?? monotonicMs;
    this.partitions = new Partitions(this.warehouse, (error, month) =>
      this.log.warn({ err: error, month }, 'no partition'),
    );
  }

  application(applicationId = this.applicationId): ApplicationSync {
    const known = this.applications.get(applicationId) ?? new ApplicationSync(applicationId, this);
    this.applications.set(applicationId, known);
    return known;
  }

  /** The simulator's number of the Application. */
  get number(): number {
    return Number(this.applicationId);
  }

  /** One cycle, whether it is due or not. */
  async cycle(
    options: {
      signal?: AbortSignal;
      leased?: LeasedCursor;
      observer?: Observer;
      isWaitedFor?: () => boolean;
    } = {},
  ): Promise<CycleResult> {
    const leased =
      options.leased ?? (await this.db.take(this.applicationId, { leaseMs: this.config.sync.leaseMs }));
    const signal = options.signal ?? new AbortController().signal;
    const { intervalMs, lookback } = this.config.sync;
    const application = this.application(leased.lease.applicationId);
    return runCycle(
      leased,
      application,
      {
        warehouse: this.warehouse,
        intervalMs,
        lookback,
        observer: options.observer,
        isWaitedFor: options.isWaitedFor ?? (() => false),
      },
      signal,
      this.log,
    );
  }

  /** Only the events of a cycle: what they name stays owed. Returns the context to go on with. */
  async events(): Promise<CycleContext> {
    this.leased ??= await this.db.take(this.applicationId);
    const context = contextOf(this.leased.lease, this.log);
    await this.application().syncEvents(this.leased.cursor, context);
    return context;
  }

  scheduler(
    applicationIds: readonly string[] = [this.applicationId],
    options: Partial<SchedulerOptions> = {},
  ): Scheduler {
    return new Scheduler({ ...this, owner: 'test', applicationIds: () => applicationIds, ...options });
  }

  /** Requests so far whose method and template match. */
  requests(pattern: RegExp): number {
    const counts = Object.entries(this.sim.requestCounts());
    return counts.reduce((sum, [name, count]) => sum + (pattern.test(name) ? count.total : 0), 0);
  }
}
