import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { runDaemonOnce } from './daemon-once.js';
import { withRange } from './figures.js';
import { Series } from './medians.js';
import { SimulatorProcess } from './simulator-process.js';
import { settingsOf } from './synced-once.js';

const EVENTS = 20_000;
const STOP_IN_PAGE = 5;

/** `run` on a schema that is there: how soon the first events are stored, and how soon it is gone in the middle of a page. */
export async function openStartStop(context: BenchContext): Promise<Benchmark> {
  const simulator = await SimulatorProcess.start({ history: { events: EVENTS } });
  context.cleanUp.add(() => simulator.stop());
  const series = new Series();
  return {
    run: () => measure(context, simulator, series),
    report: () => report(series),
  };
}

async function measure(context: BenchContext, simulator: SimulatorProcess, series: Series): Promise<void> {
  const target = await context.postgres.newWarehouse();
  try {
    const settings = {
      ...settingsOf(context, simulator.address, target),
      PROBE_STOP_IN_PAGE: String(STOP_IN_PAGE),
    };
    const { probe, startedAt, wholeMs } = await runDaemonOnce(settings, context.signal, ['run']);
    const { rows } = await target.warehouse.pool.query<{ stored: string }>(
      `select count(*) as stored from ${target.schema}.talon_one_event`,
    );
    const stored = Number(rows[0]?.stored);
    // A page begins with the last event of the one before.
    if (probe.stoppedAt === 0 || Math.abs(probe.pages * 1000 - stored) > probe.pages)
      throw new Error(`stopped with ${stored} events of ${probe.pages} pages`);
    series.add({
      first: probe.firstWriteAt - startedAt,
      request: probe.firstRequestAt - startedAt,
      stop: startedAt + wholeMs - probe.stoppedAt,
    });
  } finally {
    await target.drop();
  }
}

function report(series: Series): Report {
  const range = (name: string) => withRange(series.median(name), series.least(name), series.most(name));
  return {
    title: 'Start and stop',
    columns: ['milliseconds', 'median (least–most)'],
    rows: [
      ['start of the process to the first request for events', range('request')],
      ['start of the process to the first 1000 events stored', range('first')],
      ['SIGTERM in the middle of a page to the end of the process', range('stop')],
    ],
    notes: [
      'The schema is there and up to date. The page at hand is finished or rolled back: no part of it is stored.',
    ],
  };
}
