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
const PATIENCE_MS = 20 * LEASE_SECONDS * 1_000;

/** Two replicas under live traffic; the one that holds more is killed again and again, at moments that have no pattern. */
export async function measureFailover({ postgres, signal, options, say }: ScaleContext): Promise<Report> {
  const cleanUp = new CleanUp();
  try {
    const simulator = await SimulatorProcess.start({
      applications: APPLICATIONS,
      history: { events: 200 },
      eventsPerSecond: 8,
    });
    cleanUp.add(() => simulator.stop());
    const target = await postgres.newWarehouse();
    cleanUp.add(target.drop);
    const settings = { LEASE_SECONDS: String(LEASE_SECONDS), SYNC_INTERVAL_SECONDS: '0.2' };
    const fleet = await makeFleet(2, { postgres, target, api: simulator.address, settings, cleanUp });
    for (const replica of fleet) replica.start();
    const times: number[] = [];
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

/** Seconds from the kill until every Application has been taken by the other one. */
async function takeover(target: BenchWarehouse, victim: Replica, signal: AbortSignal): Promise<number> {
  const owner = `%-${victim.pid}-%`;
  await victim.kill();
  const startedAt = performance.now();
  const isTaken = async () => {
    const [row] = await rowsOf<{ left: string }>(
      target,
      'select count(*) as left from talon_one_sync_cursor where lease_owner like $1',
      [owner],
    );
    return row?.left === '0';
  };
  const what = 'the other replica has taken over';
  await waitUntil(isTaken, { signal, what, timeoutMs: PATIENCE_MS, everyMs: POLL_MS });
  return (performance.now() - startedAt) / 1000;
}

function report(times: number[]): Report {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const row = (name: string, seconds: number) => [
    name,
    figure(seconds),
    `${figure(seconds / LEASE_SECONDS, 2)} ×`,
  ];
  return {
    title: 'Failover',
    columns: ['', 'seconds', 'of LEASE_SECONDS'],
    rows: [
      row('least', at(0)),
      row('p50', at(0.5)),
      row('p90', at(0.9)),
      row('p99', at(0.99)),
      row('longest', at(1)),
    ],
    notes: [
      `${times.length} times kill -9 of one of two replicas, LEASE_SECONDS=${LEASE_SECONDS}; until the other one has taken all ${APPLICATIONS} Applications.`,
      'An Application that was in the middle of a cycle waits for its lease to run out, one that was between two cycles for',
      'half of that: the last owner has precedence for so long.',
    ],
  };
}
