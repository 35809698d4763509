import { type Micros, requireRfc3339 } from '../simulator/timestamp.js';
import type { Daemon } from './daemon.js';
import { DemoError } from './demo-error.js';
import { formatClock, formatDuration, plural } from './numbers.js';
import type { Stage } from './stage.js';
import { waitUntil } from './wait.js';
import type { Cycle } from './warehouse-view.js';

const CYCLES_BEFORE = 3;
const CYCLES_AFTER = 2;
/** Events that happen while no daemon runs. */
const MISSED_EVENTS = 10;
const PATIENCE_MS = 120_000;
const SETTLE_PATIENCE_MS = 60_000;

export interface Live {
  /** The daemon that runs at the end. */
  readonly daemon: Daemon;
  /** When the first one was killed, on the simulator's clock. */
  readonly killedAt: Micros;
  /** Cycles that brought new events. */
  readonly cycles: number;
}

/**
 * New events keep arriving. After some cycles the daemon is killed at the worst moment: the events of a cycle are stored,
 * the answer with their profiles is on its way. A second daemon has to find out by itself what is missing.
 */
export async function live(stage: Stage, first: Daemon): Promise<Live> {
  const { simulator, traffic, warehouse, signal } = stage;
  const watch = new CycleWatch(stage);
  await warehouse.newCycles();
  traffic.start();
  const until = (cycles: number) =>
    waitUntil(async () => (await watch.look()) >= cycles, {
      signal,
      what: 'the daemon finishes a cycle that brings new events',
      timeoutMs: PATIENCE_MS,
    });
  await until(CYCLES_BEFORE);
  await killBetweenEventsAndSnapshots(stage, first, watch);
  const killedAt = requireRfc3339(simulator.now(), 'now');
  const { owed } = await warehouse.counts();
  say(
    stage,
    `kill -9: ${plural(await warehouse.eventsSinceLastCycle(), 'event')} of the cycle stored, ${plural(owed, 'snapshot')} still owed`,
  );
  const before = traffic.events;
  await waitUntil(() => traffic.events >= before + MISSED_EVENTS, { signal, what: 'events happen' });
  say(stage, `${plural(traffic.events - before, 'event')} later, the daemon is started again`);
  const daemon = stage.startDaemon();
  await until(watch.seen + CYCLES_AFTER);
  traffic.stop();
  await settle(stage, watch);
  return { daemon, killedAt, cycles: watch.seen };
}

async function killBetweenEventsAndSnapshots(stage: Stage, daemon: Daemon, watch: CycleWatch): Promise<void> {
  const { simulator, signal } = stage;
  const hold = simulator.holdNext(({ template }) => template?.endsWith('/customer_search') === true);
  let isHeld = false;
  void hold.held.then(() => {
    isHeld = true;
  });
  try {
    const what = 'the daemon asks for the profiles of new events';
    await waitUntil(() => isHeld, { signal, what, everyMs: 20, timeoutMs: PATIENCE_MS });
    await watch.look();
    await daemon.kill();
  } finally {
    hold.release();
  }
}

/** Waits until the last late event is visible and everything has been copied. What is missing then, the proof will tell. */
async function settle(stage: Stage, watch: CycleWatch): Promise<void> {
  const { simulator, trafficId, historyEvents, shopEvents, traffic, warehouse, signal } = stage;
  const made = historyEvents + traffic.events;
  const what = 'everything that happened is stored';
  const isSettled = async () => {
    await watch.look();
    if (simulator.issuedCount(trafficId) < made) return false;
    const { events, owed } = await warehouse.counts();
    return events >= made + shopEvents && owed === 0 && (await warehouse.eventsSinceLastCycle()) === 0;
  };
  try {
    await waitUntil(isSettled, { signal, what, timeoutMs: SETTLE_PATIENCE_MS });
  } catch (error) {
    if (signal.aborted || !(error instanceof DemoError)) throw error;
    say(stage, `still not complete after ${formatDuration(SETTLE_PATIENCE_MS)}`);
  }
}

/** Says what each cycle brought. */
class CycleWatch {
  /** Cycles that brought new events. */
  seen = 0;

  constructor(private readonly stage: Stage) {}

  async look(): Promise<number> {
    for (const cycle of await this.stage.warehouse.newCycles()) {
      if (cycle.eventsNew > 0) this.seen += 1;
      if (cycle.eventsNew + cycle.profileSnapshots + cycle.sessionSnapshots > 0)
        say(this.stage, describe(cycle));
    }
    return this.seen;
  }
}

function describe(cycle: Cycle): string {
  const { eventsNew, profileSnapshots, sessionSnapshots, requests } = cycle;
  return `cycle: ${plural(eventsNew, 'new event')}, ${plural(profileSnapshots, 'profile')}, ${plural(sessionSnapshots, 'session')}, ${plural(requests, 'request')}`;
}

function say(stage: Stage, text: string): void {
  stage.display.line(`  ${formatClock(stage.clock()).padStart(5)}  ${text}`);
}
