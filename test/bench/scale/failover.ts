import { setTimeout as delay } from 'node:timers/promises';
import type { Replica } from '../../chaos/replica.js';
import { CleanUp } from '../../demo/clean-up.js';
import { waitUntil } from '../../demo/wait.js';
import type { Report } from '../benchmark.js';
import { figure } from '../figures.js';
import type { BenchWarehouse } from '../postgres.js';
import { SimulatorProcess } from '../simulator-process.js';
import type { ScaleContext } from './context.js';
import { makeFleet, rowsOf } from './fleet.js';

const APPLICATIONS = 4;
const LEASE_SECONDS = 3;
const POLL_MS = 25;
/** After both have Applications, so that a kill comes at any moment of their cycles. */
const LONGEST_PAUSE_MS = 1_000;
const REQUESTS_PER_SECOND = 3;
/** So that requests are under way at any moment. */
const RESPONSE_DELAY_MS = 600;
const PATIENCE_MS = 20 * LEASE_SECONDS * 1_000;

/** Two replicas under live traffic; the one that holds more is killed again and again, at moments that have no pattern. */
export async function measureFailover({ postgres, signal, options, say }: ScaleContext): Promise<Report> {
  const cleanUp = new CleanUp();
  try {
    const simulator = await SimulatorProcess.start({
      applications: APPLICATIONS,
      history: { events: 200 },
      eventsPerSecond: 8,
      switches: { requestsPerSecond: REQUESTS_PER_SECOND, responseDelayMs: RESPONSE_DELAY_MS },
    });
    cleanUp.add(() => simulator.stop());
    const target = await postgres.newWarehouse();
    cleanUp.add(target.drop);
    const settings = {
      LEASE_SECONDS: String(LEASE_SECONDS),
      SYNC_INTERVAL_SECONDS: '0.2',
      REQUESTS_PER_SECOND: String(REQUESTS_PER_SECOND),
    };
    const fleet = await makeFleet(2, { postgres, target, api: simulator.address, settings, cleanUp });
    for (const replica of fleet) replica.start();
    const times: Takeover[] = [];
    for (let kill = 1; kill <= options.kills; kill += 1) {
      if (kill % 10 === 1) say(`failover: kill ${kill} of ${options.kills}`);
      const isShared = async () => (await heldBy(target, fleet)).every((held) => held > 0);
      const what = 'both replicas have Applications';
      await waitUntil(isShared, { signal, what, timeoutMs: PATIENCE_MS, everyMs: POLL_MS });
      await delay(Math.random() * LONGEST_PAUSE_MS, undefined, { signal });
      const victim = await busiest(target, fleet);
      times.push(await takeover(target, victim, signal));
      victim.start();
    }
    return report(times);
  } finally {
    await cleanUp.run();
  }
}

/** How many Applications each of them has. */
async function heldBy(target: BenchWarehouse, fleet: readonly Replica[]): Promise<number[]> {
  const rows = await rowsOf<{ lease_owner: string | null }>(
    target,
    'select lease_owner from talon_one_sync_cursor',
  );
  return fleet.map(({ pid }) => rows.filter((row) => row.lease_owner?.includes(`-${pid}-`)).length);
}

async function busiest(target: BenchWarehouse, fleet: readonly Replica[]): Promise<Replica> {
  const held = await heldBy(target, fleet);
  const victim = fleet[held.indexOf(Math.max(...held))];
  if (!victim) throw new Error('no replica');
  return victim;
}

/** Seconds from the kill. */
interface Takeover {
  /** Until every Application has been taken by the other one. */
  readonly taken: number;
  /** Until a new event was stored. */
  readonly first: number;
  /** Until a new event of each Application that the dead one had was stored. */
  readonly all: number;
}

async function takeover(target: BenchWarehouse, victim: Replica, signal: AbortSignal): Promise<Takeover> {
  const owner = `%-${victim.pid}-%`;
  await victim.kill();
  const startedAt = performance.now();
  const [before] = await rowsOf<{ at: string; ids: string[] }>(
    target,
    `select clock_timestamp()::text as at, array_agg(application_id::text) as ids
     from talon_one_sync_cursor where lease_owner like $1`,
    [owner],
  );
  const { at = '', ids = [] } = before ?? {};
  const times: Partial<Record<keyof Takeover, number>> = {};
  const note = (what: keyof Takeover, isReached: boolean) => {
    if (isReached) times[what] ??= (performance.now() - startedAt) / 1000;
  };
  const isDone = async () => {
    const [row] = await rowsOf<{ left: string; stored: string }>(
      target,
      `select (select count(*) from talon_one_sync_cursor where lease_owner like $1) as left,
         (select count(distinct application_id) from talon_one_event
          where synced_at > $2 and application_id = any ($3::bigint[])) as stored`,
      [owner, at, ids],
    );
    note('taken', row?.left === '0');
    note('first', Number(row?.stored) > 0);
    note('all', Number(row?.stored) === ids.length);
    return times.taken !== undefined && times.all !== undefined;
  };
  const what = 'the other replica has stored new events';
  await waitUntil(isDone, { signal, what, timeoutMs: PATIENCE_MS, everyMs: POLL_MS });
  const { taken = Number.NaN, first = Number.NaN, all = Number.NaN } = times;
  return { taken, first, all };
}

function report(times: readonly Takeover[]): Report {
  const row = (name: string, share: number) => [
    name,
    ...(['taken', 'first', 'all'] as const).map((what) => {
      const sorted = times.map((one) => one[what]).sort((a, b) => a - b);
      return figure(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN);
    }),
  ];
  return {
    title: 'Failover',
    columns: [
      'seconds after the kill',
      'all Applications are taken',
      'first new event is stored',
      'a new event of each is stored',
    ],
    rows: [row('least', 0), row('p50', 0.5), row('p90', 0.9), row('p99', 0.99), row('longest', 1)],
    notes: [
      `${times.length} times kill -9 of one of two replicas with ${APPLICATIONS} Applications under live traffic, of the one that has more.`,
      `LEASE_SECONDS=${LEASE_SECONDS}, ${REQUESTS_PER_SECOND} requests a second an endpoint, each answered after ${RESPONSE_DELAY_MS} ms; events of the Applications that the dead one had.`,
      'An Application that was in the middle of a cycle waits for its lease to run out, one that was between two cycles for',
      'half of that: the last owner has precedence for so long. What the dead one had asked for keeps its slots for five seconds.',
    ],
  };
}
