import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { busyShare, wallClockMs } from '../clock.js';
import type { ObservedRequest, Observer, RequestOutcome, SnapshotLane } from '../observer.js';
import { packageVersion } from '../package-info.js';
import type { Standings } from '../warehouse/status.js';

/** What is read when the metrics are asked for, and not counted before. */
export interface Scrape {
  /** `undefined`: Postgres did not answer. */
  readonly standings: Standings | undefined;
  /** Names this process in the cursor rows. */
  readonly owner: string;
  /** Connections to Postgres; `undefined` before there is a pool. */
  readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number } | undefined;
}

const APPLICATION = 'application';
const WAITS = [0.01, 0.1, 0.5, 1, 2, 5, 15, 60];
const CYCLES = [0.5, 1, 2, 5, 15, 60, 300, 1_800];
const LATENESS = [1, 5, 15, 30, 60, 120, 300, 900, 3_600];

/**
 * Every metric of the daemon. Counting is a few operations on numbers in memory; whatever Postgres knows is read only
 * when somebody asks. Labels are IDs of Applications, templates of endpoints, and words of ours.
 */
export class Metrics implements Observer {
  readonly registry = new Registry();
  private readonly known = { registers: [this.registry] };

  private readonly requests = new Counter({
    name: 'talon_one_sync_requests_total',
    help: 'Attempts of requests to the API by this process, by what became of them',
    labelNames: [APPLICATION, 'endpoint', 'outcome'],
    ...this.known,
  });
  private readonly retries = new Counter({
    name: 'talon_one_sync_request_retries_total',
    help: 'Those of them that repeated a failed one',
    labelNames: [APPLICATION, 'endpoint'],
    ...this.known,
  });
  private readonly budgetWait = new Histogram({
    name: 'talon_one_sync_budget_wait_seconds',
    help: 'How long requests of this process waited for the request budget, which all Applications share',
    labelNames: ['endpoint'],
    buckets: WAITS,
    ...this.known,
  });
  private readonly pages = new Counter({
    name: 'talon_one_sync_pages_total',
    help: 'Pages of events that this process stored, repairs included',
    labelNames: [APPLICATION],
    ...this.known,
  });
  private readonly events = new Counter({
    name: 'talon_one_sync_events_total',
    help: 'Events on these pages: new, or repeated (stored already: look-back and overlap)',
    labelNames: [APPLICATION, 'kind'],
    ...this.known,
  });
  private readonly lateness = new Histogram({
    name: 'talon_one_sync_event_lateness_seconds',
    help: 'From the creation of a new event until the API showed it to us, on the clock of the API; only where the cycle before was at the present within a look-back and an interval',
    labelNames: [APPLICATION],
    buckets: LATENESS,
    ...this.known,
  });
  private readonly snapshots = new Counter({
    name: 'talon_one_sync_snapshots_total',
    help: 'Snapshots that this process stored: profile, or lane of a session (by-id, list, export)',
    labelNames: [APPLICATION, 'lane'],
    ...this.known,
  });
  private readonly cycles = new Counter({
    name: 'talon_one_sync_cycles_total',
    help: 'Cycles that this process ended, by outcome as in talon_one_sync_cycle',
    labelNames: [APPLICATION, 'outcome'],
    ...this.known,
  });
  private readonly cycleDuration = new Histogram({
    name: 'talon_one_sync_cycle_duration_seconds',
    help: 'Duration of these cycles',
    labelNames: [APPLICATION],
    buckets: CYCLES,
    ...this.known,
  });

  private readonly warehouseUp = this.gauge(
    'warehouse_up',
    'Whether Postgres answered when the metrics were asked for: 1 or 0',
  );
  private readonly owed = this.gauge(
    'owed_snapshots',
    'Profiles and sessions still to be fetched (from Postgres: the same in every process)',
    [APPLICATION, 'kind'],
  );
  private readonly quarantined = this.gauge(
    'quarantined_records',
    'Rows of talon_one_quarantine; application 0 for records that belong to none (from Postgres)',
    [APPLICATION],
  );
  private readonly lag = this.gauge(
    'lag_seconds',
    'From complete_through to now on the clock of Postgres; absent while nothing is complete (from Postgres)',
    [APPLICATION],
  );
  private readonly completeThrough = this.gauge(
    'complete_through_timestamp_seconds',
    'Every event created up to here, and the snapshots it calls for, is stored (from Postgres)',
    [APPLICATION],
  );
  private readonly status = this.gauge(
    'application_status',
    '1 for the status that talon_one_sync_cursor has now (from Postgres)',
    [APPLICATION, 'status'],
  );
  private readonly listed = this.gauge(
    'applications_listed',
    'Whether this process could list the Applications when it tried last: 1 or 0 (from Postgres)',
  );
  private readonly leaseHeld = this.gauge(
    'lease_held',
    'Whether this process has the lease of the Application now: 1 or 0',
    [APPLICATION],
  );
  private readonly jobs = this.gauge(
    'jobs',
    'Jobs that some process wants by their status in talon_one_job; revoked: the key may not do it any more (from Postgres)',
    ['status'],
  );
  private readonly replicas = this.gauge(
    'replicas',
    'Daemons that said within two minutes that they run (from Postgres)',
  );
  private readonly connections = this.gauge(
    'postgres_pool_connections',
    'Connections of this process to Postgres, busy or idle',
    ['state'],
  );
  private readonly waiting = this.gauge(
    'postgres_pool_waiting',
    'Transactions of this process that wait for a connection',
  );
  private readonly cpu = new Counter({
    name: 'talon_one_sync_process_cpu_seconds_total',
    help: 'Time of the processor that this process used, user and system',
    ...this.known,
  });
  private readonly memory = this.gauge('process_resident_memory_bytes', 'Memory of this process');
  private readonly heap = this.gauge('process_heap_used_bytes', 'JavaScript objects in it');
  private readonly busy = this.gauge(
    'process_busy_ratio',
    'Share of the time since its start in which the thread of this process was busy, 0 to 1',
  );

  constructor() {
    this.gauge('process_start_time_seconds', 'When this process started, on its own clock').set(
      wallClockMs() / 1000,
    );
    this.gauge('build_info', '1, with the version of the program', ['version']).set(
      { version: packageVersion() },
      1,
    );
  }

  private gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `talon_one_sync_${name}`, help, labelNames, ...this.known });
  }

  requestEnded(request: ObservedRequest, attempt: number, outcome: RequestOutcome): void {
    const endpoint = `${request.method} ${request.template}`;
    const application = applicationOf(request);
    this.requests.inc({ application, endpoint, outcome });
    if (attempt > 1) this.retries.inc({ application, endpoint });
  }

  budgetWaited(endpoint: string, seconds: number): void {
    this.budgetWait.observe({ endpoint }, seconds);
  }

  pageStored(application: string, { fresh, repeated }: { fresh: number; repeated: number }): void {
    this.pages.inc({ application });
    this.events.inc({ application, kind: 'new' }, fresh);
    this.events.inc({ application, kind: 'repeated' }, repeated);
  }

  eventSeen(application: string, seconds: number): void {
    this.lateness.observe({ application }, seconds);
  }

  snapshotsStored(application: string, lane: SnapshotLane, count: number): void {
    this.snapshots.inc({ application, lane }, count);
  }

  cycleEnded(application: string, outcome: string, seconds: number): void {
    this.cycles.inc({ application, outcome });
    this.cycleDuration.observe({ application }, seconds);
  }

  /** Everything in the text format of Prometheus. */
  async text(scrape: Scrape): Promise<string> {
    this.noteProcess(scrape.pool);
    this.noteStandings(scrape.standings, scrape.owner);
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  private noteProcess(pool: Scrape['pool']): void {
    const { user, system } = process.cpuUsage();
    this.cpu.reset();
    this.cpu.inc((user + system) / 1e6);
    const { rss, heapUsed } = process.memoryUsage();
    this.memory.set(rss);
    this.heap.set(heapUsed);
    this.busy.set(busyShare());
    if (!pool) return;
    this.connections.set({ state: 'busy' }, pool.total - pool.idle);
    this.connections.set({ state: 'idle' }, pool.idle);
    this.waiting.set(pool.waiting);
  }

  // What is no longer so must not be shown: an Application that is gone, a status that has passed, a count that takes long.
  private noteStandings(standings: Standings | undefined, owner: string): void {
    this.warehouseUp.set(standings ? 1 : 0);
    for (const gauge of [
      this.owed,
      this.quarantined,
      this.lag,
      this.completeThrough,
      this.status,
      this.leaseHeld,
      this.jobs,
    ])
      gauge.reset();
    // Without labels a reset would make it 0.
    for (const gauge of [this.listed, this.replicas]) gauge.remove();
    if (!standings) return;
    const { now, applications, owed, quarantined, jobCounts, replicas } = standings;
    const own = replicas.find((one) => one.owner === owner);
    if (own && (own.trouble !== null || own.applications !== null))
      this.listed.set(own.trouble === null ? 1 : 0);
    for (const { id: application, completeThrough, status, isHeld, leaseOwner } of applications.filter(
      ({ isWanted }) => isWanted,
    )) {
      this.status.set({ application, status }, 1);
      this.leaseHeld.set({ application }, isHeld && leaseOwner === owner ? 1 : 0);
      if (completeThrough !== null) {
        this.completeThrough.set({ application }, completeThrough);
        this.lag.set({ application }, Math.max(0, now - completeThrough));
      }
      if (owed) {
        this.owed.set({ application, kind: 'profile' }, owed.get(application)?.profiles ?? 0);
        this.owed.set({ application, kind: 'session' }, owed.get(application)?.sessions ?? 0);
      }
      if (quarantined) this.quarantined.set({ application }, quarantined.get(application) ?? 0);
    }
    if (quarantined) this.quarantined.set({ application: '0' }, quarantined.get('0') ?? 0);
    for (const [status, count] of jobCounts) this.jobs.set({ status }, count);
    this.replicas.set(replicas.filter(({ seenAt }) => now - seenAt < 120).length);
  }
}

const PLACEHOLDER = '{applicationId}';

/** The Application that a path names; empty when it is about none. */
export function applicationOf({ template, path }: ObservedRequest): string {
  const start = template.indexOf(PLACEHOLDER);
  if (start < 0 || template.slice(0, start) !== path.slice(0, start)) return '';
  const end = path.indexOf('/', start);
  return end < 0 ? path.slice(start) : path.slice(start, end);
}
