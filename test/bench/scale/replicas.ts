import { setTimeout as delay } from 'node:timers/promises';
import { CleanUp } from '../../demo/clean-up.js';
import { formatCount } from '../../demo/numbers.js';
import { waitUntil } from '../../demo/wait.js';
import type { Report } from '../benchmark.js';
import { figure } from '../figures.js';
import type { BenchWarehouse } from '../postgres.js';
import { SimulatorProcess } from '../simulator-process.js';
import type { ScaleContext } from './context.js';
import { makeFleet, rowsOf } from './fleet.js';

const APPLICATIONS = 40;
const PROCESSES = [1, 2, 4];
/** Without a limit the machine decides, with it the API does: less to read is enough. */
const LIMITS = [
  { name: 'no limit', requestsPerSecond: 0, events: 2_000 },
  { name: '3 requests/s an endpoint', requestsPerSecond: 3, events: 500 },
];
const POLL_MS = 100;
const PATIENCE_MS = 15 * 60_000;
/** Rounds of cycles after the first sync, in which the Applications find their places. */
const ROUNDS = 15;
const ROUND_MS = 2_000;

interface Run {
  readonly seconds: number;
  /** Applications that each process read first, and that it had in the end. */
  readonly begun: readonly number[];
  /** Cycles whose Application another process took meanwhile: their requests were made twice. */
  readonly lost: number;
  readonly kept: readonly number[];
  readonly requests: number;
  readonly repeated: number;
  readonly events: number;
}

/** 40 Applications that are read from the beginning by one, two and four processes. */
export async function measureReplicas(context: ScaleContext): Promise<Report> {
  const rows: string[][] = [];
  for (const limit of LIMITS) {
    let alone = Number.NaN;
    for (const processes of PROCESSES) {
      context.say(`replicas: ${processes}, ${limit.name}`);
      const run = await measure(context, processes, limit);
      if (processes === 1) alone = run.seconds;
      rows.push([
        `${processes}, ${limit.name}`,
        figure(run.seconds),
        `${figure(alone / run.seconds, 2)} ×`,
        run.begun.join(' / '),
        formatCount(run.lost),
        run.kept.join(' / '),
        formatCount(run.requests),
        formatCount(run.events),
        formatCount(run.repeated),
      ]);
    }
  }
  return {
    title: `Processes side by side on ${APPLICATIONS} Applications`,
    columns: [
      'processes',
      'seconds until up to date',
      'as fast as one',
      'Applications begun by each',
      'leases lost',
      'had by each after a while',
      'requests',
      'events',
      'read twice',
    ],
    rows,
    notes: [
      'From the start of the processes until every Application is up to date and no snapshot is owed, on an empty schema.',
      '"Leases lost": cycles that another process began anew, because Postgres was too busy to renew their leases in time.',
      '"Read twice": events of the look-back and of overlapping pages. The simulator, Postgres and all processes share the cores.',
    ],
  };
}

async function measure(
  { postgres, signal }: ScaleContext,
  processes: number,
  { requestsPerSecond, events }: (typeof LIMITS)[number],
): Promise<Run> {
  const cleanUp = new CleanUp();
  try {
    const simulator = await SimulatorProcess.start({
      applications: APPLICATIONS,
      history: { events },
      switches: { requestsPerSecond },
    });
    cleanUp.add(() => simulator.stop());
    const target = await postgres.newWarehouse();
    cleanUp.add(target.drop);
    const settings = {
      REQUESTS_PER_SECOND: String(requestsPerSecond),
      SYNC_INTERVAL_SECONDS: '3600',
    };
    const fleet = await makeFleet(processes, { postgres, target, api: simulator.address, settings, cleanUp });
    const startedAt = performance.now();
    for (const replica of fleet) replica.start();
    const isDone = async () => {
      const [row] = await rowsOf<{ done: boolean }>(
        target,
        `select count(distinct application_id) = $1 and not exists (select from talon_one_owed_snapshot) as done
         from talon_one_sync_cycle where outcome = 'caught-up'`,
        [APPLICATIONS],
      );
      return row?.done === true;
    };
    const what = 'every Application is up to date';
    await waitUntil(isDone, { signal, what, timeoutMs: PATIENCE_MS, everyMs: POLL_MS });
    const seconds = (performance.now() - startedAt) / 1000;
    const cycles = await rowsOf<{
      cycles: string;
      lost: string;
      requests: string;
      fresh: string;
      repeated: string;
    }>(
      target,
      `select count(distinct application_id) as cycles, count(*) filter (where outcome = 'lease-lost') as lost, sum(requests) as requests, sum(events_new) as fresh, sum(events_repeated) as repeated
       from talon_one_sync_cycle group by owner order by owner`,
    );
    const sum = (name: 'lost' | 'requests' | 'fresh' | 'repeated') =>
      cycles.reduce((total, row) => total + Number(row[name]), 0);
    const [stored] = await rowsOf<{ count: string }>(target, 'select count(*) as count from talon_one_event');
    if (Number(stored?.count) !== APPLICATIONS * events)
      throw new Error(`${stored?.count} of ${APPLICATIONS * events} events stored`);
    return {
      seconds,
      begun: cycles.map((row) => Number(row.cycles)),
      lost: sum('lost'),
      kept: await keptInTheEnd(target, signal),
      requests: sum('requests'),
      repeated: sum('repeated'),
      events: sum('fresh'),
    };
  } finally {
    await cleanUp.run();
  }
}

/** Applications of each process after some more cycles of all. */
async function keptInTheEnd(target: BenchWarehouse, signal: AbortSignal): Promise<number[]> {
  for (let round = 0; round < ROUNDS; round += 1) {
    await rowsOf(target, 'update talon_one_sync_cursor set next_cycle_at = clock_timestamp()');
    await delay(ROUND_MS, undefined, { signal });
  }
  const rows = await rowsOf<{ held: string }>(
    target,
    'select count(*) as held from talon_one_sync_cursor where lease_owner is not null group by lease_owner order by 1 desc',
  );
  return rows.map(({ held }) => Number(held));
}
