import { monotonicMs } from '../clock.js';
import type { Config } from '../config.js';
import { EventList } from '../talon-one/event-list.js';
import type { ManagementClient } from '../talon-one/management.js';
import { budgetShape } from '../talon-one/request-budget.js';
import type { CursorState } from '../warehouse/cursor.js';
import type { Partitions } from '../warehouse/partitions.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { CycleContext } from './cycle-context.js';
import { type EventWindow, syncEvents } from './events.js';
import type { Leftover } from './leftover.js';
import { ProfileSync } from './profiles.js';
import { QuietTail } from './quiet-tail.js';
import { SessionSync } from './sessions.js';
import { together } from './together.js';

export interface ApplicationSyncOptions {
  readonly warehouse: Warehouse;
  readonly partitions: Partitions;
  readonly client: ManagementClient;
  readonly config: Config;
  /** Milliseconds on a clock that never steps back. */
  readonly now?: () => number;
}

/** After this long, snapshots make way for new events: the next cycle follows at once. */
const SNAPSHOT_PHASE_MS = 60_000;
/** After this long, the events of one Application make way for other Applications that wait for its place. */
const EVENT_PHASE_MS = 60_000;
/** Requests by ID at a time when there is no limit to share. */
const MOST_PARALLEL = 8;
/** Pages of a list, lists, or searches at a time: what they bring is held in memory. */
const MOST_PAGES = 3;

/** What is kept in memory about one Application from cycle to cycle: how its server behaves. Losing it loses nothing. */
export class ApplicationSync {
  private readonly list: EventList;
  private readonly tail: QuietTail;
  private readonly profiles: ProfileSync;
  private readonly sessions: SessionSync;
  private readonly pagesAtOnce: number;

  constructor(
    applicationId: string,
    private readonly options: ApplicationSyncOptions,
  ) {
    const { warehouse, client, config } = options;
    const { pageSize, requestsPerSecond } = config.talonOne;
    const { sessionSource } = config.sync;
    const slots = budgetShape(requestsPerSecond)?.slots ?? MOST_PARALLEL;
    this.pagesAtOnce = Math.min(MOST_PAGES, slots);
    this.list = new EventList(client, applicationId, pageSize);
    this.tail = new QuietTail(config.sync.lookback, options.now);
    this.profiles = new ProfileSync({ warehouse, client, batchSize: pageSize, parallel: this.pagesAtOnce });
    this.sessions = new SessionSync({
      warehouse,
      client,
      mode: sessionSource,
      pageSize,
      parallel: Math.min(MOST_PARALLEL, slots),
      pagesAtOnce: this.pagesAtOnce,
    });
  }

  /** @param isWaitedFor others wait for the place of this cycle */
  syncEvents(
    cursor: CursorState,
    context: CycleContext,
    isWaitedFor: () => boolean = () => false,
  ): Promise<EventWindow> {
    const { warehouse, partitions, config, now = monotonicMs } = this.options;
    const { lookback, intervalMs, normalizeEffects } = config.sync;
    const endMs = now() + EVENT_PHASE_MS;
    const isTimeUp = () => now() >= endMs && isWaitedFor();
    const { list, tail, pagesAtOnce: parallel } = this;
    return syncEvents(
      { warehouse, partitions, list, tail, lookback, intervalMs, normalizeEffects, isTimeUp, parallel },
      cursor,
      context,
    );
  }

  /** Profiles and sessions side by side: their request budgets are separate. */
  async syncSnapshots(context: CycleContext): Promise<Leftover> {
    const { now = monotonicMs } = this.options;
    const endMs = now() + SNAPSHOT_PHASE_MS;
    const isTimeUp = () => now() >= endMs;
    const leftovers = await together([
      this.profiles.run(context, isTimeUp),
      this.sessions.run(context, isTimeUp),
    ]);
    return (
      leftovers.find((one) => one === 'time-up') ?? leftovers.find((one) => one === 'failed') ?? 'nothing'
    );
  }
}
