import { monotonicMs } from '../clock.js';
import type { Logger } from '../logger.js';
import type { Observer } from '../observer.js';
import {
  type Lease,
  leaveApplications,
  millisecondsUntilDue,
  type TakeOptions,
  takeLease,
} from '../warehouse/cursor.js';
import { pruneCycles } from '../warehouse/cycle-log.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { ApplicationSync, type ApplicationSyncOptions } from './application-sync.js';
import { type CycleResult, runCycle } from './cycle.js';
import { DueLoop, type TakenWork } from './due-loop.js';
import { FairShare } from './fair-share.js';
import { applicationKeeper, type LeaseKeeper } from './lease-keeper.js';

export interface SchedulerOptions extends ApplicationSyncOptions {
  readonly warehouse: Warehouse;
  /** Names this process in the cursor rows. */
  readonly owner: string;
  readonly log: Logger;
  /** The Applications to sync now: found anew from time to time. */
  readonly applicationIds: () => readonly string[];
  readonly observer?: Observer;
}

/** Cycles of different Applications that run side by side in one process. */
const MOST_CYCLES = 32;
/** … of which so many may be back-fills: the other places are for Applications that were up to date lately. */
const MOST_BACK_FILLS = 24;
const PRUNE_EVERY_MS = 3_600_000;

/** Runs the cycles of the Applications: the cursor rows are their schedule. */
export class Scheduler {
  private readonly applications = new Map<string, ApplicationSync>();
  private readonly loop: DueLoop;
  private readonly fairShare: FairShare;
  private readonly backFilling = new Set<string>();
  private readonly keeper: LeaseKeeper<Lease>;
  private pruneAtMs = 0;

  constructor(private readonly options: SchedulerOptions) {
    const { warehouse, owner, config } = options;
    this.keeper = applicationKeeper(warehouse);
    this.fairShare = new FairShare({ warehouse, owner, leaseMs: config.sync.leaseMs });
    this.loop = this.loopOver(options.applicationIds, { evenIfNotDue: false });
  }

  /** Looks at the schedule now: there may be new Applications. */
  wake(): void {
    this.loop.wake();
  }

  /** Runs cycles until `signal` aborts; resolves when the last of them has ended. */
  async run(signal: AbortSignal): Promise<void> {
    await this.loop.run(signal);
  }

  /** Runs cycles of every Application until it is caught up, then never again; resolves with the ones that failed. */
  async runOnce(signal: AbortSignal): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>();
    const done = new Set<string>();
    const left = () => this.options.applicationIds().filter((id) => !done.has(id));
    const onCycle = (applicationId: string, { outcome, error, leftover }: CycleResult) => {
      const isStuck = outcome === 'behind' && leftover === 'failed';
      const hasFailed = outcome === 'failed' || outcome === 'unauthorised' || isStuck;
      if (hasFailed) failed.set(applicationId, error ?? new Error('some snapshots could not be fetched'));
      if (hasFailed || outcome === 'caught-up') done.add(applicationId);
    };
    await this.loopOver(left, { evenIfNotDue: true, onCycle }).runUntil(() => left().length === 0, signal);
    return failed;
  }

  private loopOver(
    applicationIds: () => readonly string[],
    mode: { evenIfNotDue: boolean; onCycle?: (applicationId: string, result: CycleResult) => void },
  ): DueLoop {
    const { warehouse, config, owner, log } = this.options;
    const { leaseMs } = config.sync;
    const { evenIfNotDue, onCycle } = mode;
    const request = async (running: ReadonlySet<string>): Promise<TakeOptions | undefined> => {
      const all = applicationIds();
      // A process that takes everything now, whether due or not, is none of those that share it for good.
      const share = evenIfNotDue ? undefined : this.fairShare.of(all.length);
      const idle = all.filter((id) => !running.has(id));
      if (idle.length === 0) return undefined;
      const pressingOnly = this.isFullOfBackFills();
      return {
        applicationIds: idle,
        owner,
        leaseMs,
        courtesyMs: leaseMs / 2,
        evenIfNotDue,
        share,
        pressingOnly,
      };
    };
    return new DueLoop({
      take: async (running) => {
        const options = await request(running);
        return options && this.takeCycle(options, onCycle);
      },
      eachRound: async () => {
        if (!evenIfNotDue) await this.fairShare.say();
        await this.prune();
      },
      untilDue: async (running) => {
        const options = await request(running);
        return options && millisecondsUntilDue(warehouse, options);
      },
      leave: async () => {
        await leaveApplications(warehouse, owner);
        await this.fairShare.leave();
      },
      mostAtOnce: MOST_CYCLES,
      longestWaitMs: Math.max(200, leaseMs / 2),
      log,
    });
  }

  private async takeCycle(
    options: TakeOptions,
    onCycle?: (applicationId: string, result: CycleResult) => void,
  ): Promise<TakenWork | undefined> {
    const { warehouse, config, log, observer } = this.options;
    const leased = await takeLease(warehouse, options);
    if (!leased) return undefined;
    const { applicationId } = leased.lease;
    if (!leased.cursor.isLive) this.backFilling.add(applicationId);
    const { intervalMs, lookback } = config.sync;
    const run = async (signal: AbortSignal) => {
      const application = this.applicationSync(applicationId);
      const settings = {
        warehouse,
        keeper: this.keeper,
        intervalMs,
        lookback,
        share: options.share,
        observer,
        isWaitedFor: () => this.isFullOfBackFills(),
      };
      const result = await runCycle(leased, application, settings, signal, log);
      this.backFilling.delete(applicationId);
      onCycle?.(applicationId, result);
    };
    return { key: applicationId, run };
  }

  private isFullOfBackFills(): boolean {
    return this.backFilling.size >= MOST_BACK_FILLS;
  }

  private applicationSync(applicationId: string): ApplicationSync {
    const known = this.applications.get(applicationId);
    if (known) return known;
    const created = new ApplicationSync(applicationId, this.options);
    this.applications.set(applicationId, created);
    return created;
  }

  private async prune(): Promise<void> {
    if (monotonicMs() < this.pruneAtMs) return;
    this.pruneAtMs = monotonicMs() + PRUNE_EVERY_MS;
    await pruneCycles(this.options.warehouse);
    await this.fairShare.prune();
  }
}
