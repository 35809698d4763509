import { type Micros, requireRfc3339 } from '../simulator/timestamp.js';
import type { Live } from './live.js';
import type { Stage } from './stage.js';

/** One live event: when the API showed it, and when its row was written. On the simulator's clock. */
interface Moment {
  readonly created: Micros;
  readonly visibleAt: Micros;
  readonly storedAt: Micros;
}

export interface Lag {
  /** Milliseconds from visible to stored, of events that a running daemon found. */
  readonly running: readonly number[];
  /** Of events that waited for the second daemon. */
  readonly restart: readonly number[];
  /** Events that became visible later than they were created. */
  readonly late: number;
  /** Of those, the ones that a newer stored event was ahead of already: reading on from the newest would miss them. */
  readonly overtaken: number;
}

export async function measureLag(stage: Stage, { killedAt }: Live): Promise<Lag> {
  const moments = await liveEvents(stage);
  const isAfterKill = (moment: Moment) => moment.storedAt > killedAt;
  const backAt = Math.min(...moments.filter(isAfterKill).map((moment) => moment.storedAt));
  const waited = (moment: Moment) => isAfterKill(moment) && moment.visibleAt < backAt;
  const lagMs = (moment: Moment) => (moment.storedAt - moment.visibleAt) / 1000;
  const late = moments.filter((moment) => moment.visibleAt > moment.created);
  return {
    running: moments.filter((moment) => !waited(moment)).map(lagMs),
    restart: moments.filter(waited).map(lagMs),
    late: late.length,
    overtaken: late.filter((moment) => isOvertaken(moment, moments)).length,
  };
}

function isOvertaken(late: Moment, moments: readonly Moment[]): boolean {
  return moments.some((other) => other.created > late.created && other.storedAt < late.visibleAt);
}

async function liveEvents(stage: Stage): Promise<Moment[]> {
  const { simulator, trafficId, historyEvents, warehouse } = stage;
  const ahead = await clockDifference(stage);
  const rows = await warehouse.query(
    `select event_id, (extract(epoch from synced_at) * 1000000)::bigint as stored_at from talon_one_event
     where application_id = $1`,
    [trafficId],
  );
  const storedAt = new Map(rows.map((row) => [row.event_id, Number(row.stored_at) - ahead]));
  const moments: Moment[] = [];
  for (const event of simulator.issuedEvents(trafficId, historyEvents)) {
    const stored = storedAt.get(event.id);
    if (stored === undefined) continue;
    const created = requireRfc3339(event.created, 'created');
    moments.push({ created, visibleAt: requireRfc3339(event.visibleAt, 'visibleAt'), storedAt: stored });
  }
  return moments;
}

/** How far the clock of Postgres is ahead of the simulator's: measured in the quickest of some questions. */
async function clockDifference({ simulator, warehouse }: Stage): Promise<Micros> {
  let quickest = Number.POSITIVE_INFINITY;
  let ahead = 0;
  for (let question = 0; question < 9; question += 1) {
    const before = requireRfc3339(simulator.now(), 'now');
    const { now } = await warehouse.row(
      `select (extract(epoch from clock_timestamp()) * 1000000)::bigint as now`,
    );
    const after = requireRfc3339(simulator.now(), 'now');
    if (after - before >= quickest) continue;
    quickest = after - before;
    ahead = Number(now) - (before + after) / 2;
  }
  return ahead;
}
