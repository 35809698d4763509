import { setMaxListeners } from 'node:events';
import { monotonicMs } from '../clock.js';
import type { Logger } from '../logger.js';
import { leaveApplications, millisecondsUntilDue, type TakeOptions, takeLease } from '../warehouse/cursor.js';
import { pruneCycles } from '../warehouse/cycle-log.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { ApplicationSync, type ApplicationSyncOptions } from './application-sync.js';
import { type CycleResult, runCycle } from './cycle.js';
import { Pulse } from './pulse.js';

// The cursor rows are the schedule: each says when its Application is due and who holds it. Every process takes what is
// due and free, one at a time, runs its cycle beside the others, and sleeps until the next row can become due. So any
// number of replicas share the Applications without knowing of each other, and one that dies is replaced as soon as
// its leases have expired.

export interface SchedulerOptions extends ApplicationSyncOptions {
  readonly warehouse: Warehouse;
  /** Names this process in the cursor rows. */
  readonly owner: string;
  readonly log: Logger;
  /** The Applications to sync now: found anew from time to time. */
  readonly applicationIds: () => readonly string[];
  readonly onCycle?: (applicationId: string, result: CycleResult) => void;
}

/** Cycles of different Applications that run side by side in one process. */
const MOST_CYCLES = 32;
const SHORTEST_WAIT_MS = 50;
const PRUNE_EVERY_MS = 3_600_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export class Scheduler {
  private readonly running = new Map<string, Promise<void>>();
  private readonly applications = new Map<string, ApplicationSync>();
  private readonly pulse = new Pulse();
  private pruneAtMs = 0;

  constructor(private readonly options: SchedulerOptions) {}

  /** Looks at the schedule now: there may be new Applications. */
  wake(): void {
    this.pulse.beat();
  }

  /** Runs cycles until `signal` aborts; resolves when the last of them has ended. */
  async run(signal: AbortSignal): Promise<void> {
    // Every cycle listens; from eleven on Node would suspect a leak.
    setMaxListeners(0, signal);
    let failures = 0;
    while (!signal.aborted) {
      let waitMs: number;
      try {
        waitMs = (await this.startDueCycles(signal, false)) ?? this.longestWaitMs();
        failures = 0;
        await this.prune();
      } catch (error) {
        failures += 1;
        waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
        const level = failures < 4 ? 'info' : failures < 8 ? 'warn' : 'error';
        this.options.log[level]({ err: error, waitMs }, 'schedule could not be read');
      }
      await this.pulse.wait(Math.min(waitMs, this.longestWaitMs()), signal);
    }
    await this.drain();
    await this.leave();
  }

  /** Runs cycles of every Application until it is caught up, then never again; resolves with the ones that failed. */
  async runOnce(signal: AbortSignal): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>();
    const done = new Set<string>();
    const options = this.options;
    setMaxListeners(0, signal);
    const inner = new Scheduler({
      ...options,
      applicationIds: () => options.applicationIds().filter((id) => !done.has(id)),
      onCycle: (applicationId, { outcome, error, leftover }) => {
        const isStuck = outcome === 'behind' && leftover === 'failed';
        const hasFailed = outcome === 'failed' || outcome === 'unauthorised' || isStuck;
        if (hasFailed) failed.set(applicationId, error ?? new Error('some snapshots could not be fetched'));
        if (hasFailed || outcome === 'caught-up') done.add(applicationId);
      },
    });
    const stop = new AbortController();
    const inherit = () => stop.abort(signal.reason);
    signal.addEventListener('abort', inherit, { once: true });
    setMaxListeners(0, stop.signal);
    try {
      while (!signal.aborted && options.applicationIds().some((id) => !done.has(id))) {
        await inner.startDueCycles(stop.signal, true);
        await inner.pulse.wait(this.longestWaitMs(), signal);
      }
    } catch (error) {
      // The schedule cannot be read: nothing may go on behind the back of a program that ends.
      stop.abort();
      throw error;
    } finally {
      signal.removeEventListener('abort', inherit);
      await inner.drain();
    }
    await this.leave();
    return failed;
  }

  /** Starts what is due and free; returns the milliseconds until more can become so. */
  private async startDueCycles(signal: AbortSignal, evenIfNotDue: boolean): Promise<number | undefined> {
    const { warehouse, config, owner, applicationIds } = this.options;
    const { leaseMs } = config.sync;
    const idle = () => applicationIds().filter((id) => !this.running.has(id));
    const take = (): TakeOptions => ({
      applicationIds: idle(),
      owner,
      leaseMs,
      courtesyMs: leaseMs / 2,
      evenIfNotDue,
    });
    while (!signal.aborted && this.running.size < MOST_CYCLES && idle().length > 0) {
      const leased = await takeLease(warehouse, take());
      if (!leased) break;
      const { applicationId } = leased.lease;
      const cycle = runCycle(
        leased,
        this.applicationSync(applicationId),
        this.cycleOptions(),
        signal,
        this.options.log,
      )
        .then((result) => this.options.onCycle?.(applicationId, result))
        .finally(() => {
          this.running.delete(applicationId);
          this.pulse.beat();
        });
      this.running.set(applicationId, cycle);
    }
    // When all places are taken, the end of a cycle is what to wait for. A row that is due but locked has no known time.
    if (this.running.size >= MOST_CYCLES || idle().length === 0) return undefined;
    const waitMs = await millisecondsUntilDue(warehouse, take());
    return waitMs === undefined ? undefined : Math.max(waitMs, SHORTEST_WAIT_MS);
  }

  private applicationSync(applicationId: string): ApplicationSync {
    const known = this.applications.get(applicationId);
    if (known) return known;
    const created = new ApplicationSync(applicationId, this.options);
    this.applications.set(applicationId, created);
    return created;
  }

  private cycleOptions() {
    const { warehouse, config } = this.options;
    return { warehouse, intervalMs: config.sync.intervalMs, lookback: config.sync.lookback };
  }

  // Also bounds how late an expired lease of another replica is noticed.
  private longestWaitMs(): number {
    return Math.max(200, this.options.config.sync.leaseMs / 2);
  }

  private async prune(): Promise<void> {
    if (monotonicMs() < this.pruneAtMs) return;
    this.pruneAtMs = monotonicMs() + PRUNE_EVERY_MS;
    await pruneCycles(this.options.warehouse);
  }

  private async drain(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  private async leave(): Promise<void> {
    const { warehouse, owner, log } = this.options;
    await leaveApplications(warehouse, owner).catch((error: unknown) =>
      log.info({ err: error }, 'Applications could not be given back, other replicas wait for the leases'),
    );
  }
}
