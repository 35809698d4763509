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

/** What is kept in memory about one Application from cycle to cycle: how its server behaves. Losing it loses nothing. */
export class ApplicationSync {
  private readonly list: EventList;
  private readonly tail: QuietTail;
  private readonly profiles: ProfileSync;
  private readonly sessions: SessionSync;

  constructor(
    applicationId: string,
    private readonly options: ApplicationSyncOptions,
  ) {
    const { warehouse, client, config } = options;
    const { pageSize, requestsPerSecond } = config.talonOne;
    const { sessionSource } = config.sync;
    this.list = new EventList(client, applicationId, pageSize);
    this.tail = new QuietTail(config.sync.lookback, options.now);
    this.profiles = new ProfileSync({ warehouse, client, batchSize: pageSize });
    this.sessions = new SessionSync({
      warehouse,
      client,
      mode: sessionSource,
      pageSize,
      parallel: Math.min(MOST_PARALLEL, budgetShape(requestsPerSecond)?.slots ?? MOST_PARALLEL),
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
    return syncEvents(
      {
        warehouse,
        partitions,
        list: this.list,
        tail: this.tail,
        lookback,
        intervalMs,
        normalizeEffects,
        isTimeUp,
      },
      cursor,
      context,
    );
  }

  /** Profiles and sessions side by side: their request budgets are separate. */
  async syncSnapshots(context: CycleContext): Promise<Leftover> {
    const { now = monotonicMs } = this.options;
    const endMs = now() + SNAPSHOT_PHASE_MS;
    const isTimeUp = () => now() >= endMs;
    const lanes = await Promise.allSettled([
      this.profiles.run(context, isTimeUp),
      this.sessions.run(context, isTimeUp),
    ]);
    for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
    const leftovers = lanes.map((lane) => (lane.status === 'fulfilled' ? lane.value : 'failed'));
    return (
      leftovers.find((one) => one === 'time-up') ?? leftovers.find((one) => one === 'failed') ?? 'nothing'
    );
  }
}
