import { setTimeout as delay } from 'node:timers/promises';
import { CleanUp } from '../../demo/clean-up.js';
import { formatCount } from '../../demo/numbers.js';
import { waitUntil } from '../../demo/wait.js';
import type { Report } from '../benchmark.js';
import { figure } from '../figures.js';
import { SimulatorProcess } from '../simulator-process.js';
import type { ScaleContext } from './context.js';
import { makeFleet, rowsOf } from './fleet.js';

/** Of ten Applications one has traffic. */
const BUSY_SHARE = 0.1;
const REQUESTS_PER_SECOND = 30;
const INTERVAL_SECONDS = 5;
const MEASURED_MS = 120_000;
const PATIENCE_MS = 20 * 60_000;

/** One process and more Applications than its budget can ask within an interval. */
export async function measureManyApplications(context: ScaleContext): Promise<Report> {
  const counts = [Math.max(10, Math.round(context.options.applications / 10)), context.options.applications];
  const rows: string[][] = [];
  for (const count of counts) rows.push(...(await measure(context, count)));
  return {
    title: 'Many Applications in one process',
    columns: ['Applications', 'polls', 'seconds between two: mean', 'p50', 'longest', 'peak memory, MB'],
    rows,
    notes: [
      `SYNC_INTERVAL_SECONDS=${INTERVAL_SECONDS}, ${REQUESTS_PER_SECOND} requests/s an endpoint, ${MEASURED_MS / 1000} s after the first sync. One Application`,
      'in ten has events, the others have been quiet for days. The mean is over all Applications, p50 and the longest over those',
      'that were polled twice in that time. The peak of memory includes the first sync.',
    ],
  };
}

async function measure({ postgres, signal, say }: ScaleContext, count: number): Promise<string[][]> {
  const cleanUp = new CleanUp();
  try {
    const busy = Math.max(1, Math.round(count * BUSY_SHARE));
    say(`applications: ${count}`);
    const simulator = await SimulatorProcess.start({
      applications: Array.from({ length: count }, (_, index) => ({
        id: index + 1,
        history: index < busy ? { events: 20, days: 0.01 } : { events: 5, days: 3, until: daysAgo(2) },
      })),
      switches: { requestsPerSecond: REQUESTS_PER_SECOND },
    });
    cleanUp.add(() => simulator.stop());
    const target = await postgres.newWarehouse();
    cleanUp.add(target.drop);
    const settings = {
      REQUESTS_PER_SECOND: String(REQUESTS_PER_SECOND),
      SYNC_INTERVAL_SECONDS: String(INTERVAL_SECONDS),
    };
    const [daemon] = await makeFleet(1, { postgres, target, api: simulator.address, settings, cleanUp });
    if (!daemon) throw new Error('no daemon');
    daemon.start();
    const isDone = async () => {
      const [row] = await rowsOf<{ done: boolean }>(
        target,
        `select count(*) filter (where status = 'up-to-date') = $1 as done from talon_one_sync_cursor`,
        [count],
      );
      return row?.done === true;
    };
    const what = 'every Application is up to date';
    await waitUntil(isDone, { signal, what, timeoutMs: PATIENCE_MS, everyMs: 500 });
    const [clock] = await rowsOf<{ now: string }>(target, 'select clock_timestamp()::text as now');
    await delay(MEASURED_MS, undefined, { signal });
    const polls = await rowsOf<{ is_busy: boolean; polls: string; p50: number; longest: number }>(
      target,
      `with gap as (
         select application_id <= $1 as is_busy, extract(epoch from started_at - lag(started_at)
           over (partition by application_id order by started_at))::float8 as seconds
         from talon_one_sync_cycle where started_at > $2::timestamptz
       )
       select is_busy, count(*) as polls, percentile_cont(0.5) within group (order by seconds) as p50, max(seconds) as longest
       from gap group by is_busy order by is_busy desc`,
      [busy, clock?.now],
    );
    await daemon.measureMemory();
    const memory = figure(daemon.peakMemory / 1024 ** 2);
    const seconds = MEASURED_MS / 1000;
    return polls.map((row) => [
      `${formatCount(row.is_busy ? busy : count - busy)} ${row.is_busy ? 'busy' : 'quiet'} of ${formatCount(count)}`,
      formatCount(Number(row.polls)),
      figure(((row.is_busy ? busy : count - busy) * seconds) / Number(row.polls)),
      row.p50 === null ? 'once' : figure(row.p50),
      row.longest === null ? 'once' : figure(row.longest),
      memory,
    ]);
  } finally {
    await cleanUp.run();
  }
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}
