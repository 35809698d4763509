import { formatCount } from '../demo/numbers.js';
import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { figure, percent, withRange } from './figures.js';
import { Series } from './medians.js';
import { preparePages } from './pages.js';
import { SimulatorProcess } from './simulator-process.js';
import { syncOnce } from './synced-once.js';
import { writerSpeed } from './writer.js';

const MEGABYTE = 1024 * 1024;
const PAGES_ALONE = 20;

/**
 * The whole way: a simulator without limit in its own process, the daemon that users deploy as a child process (`once`, on an
 * empty schema), Postgres.
 */
export async function openEndToEnd(context: BenchContext): Promise<Benchmark> {
  const { events } = context.options;
  const simulator = await SimulatorProcess.start({ history: { events } });
  context.cleanUp.add(() => simulator.stop());
  const pages = await preparePages(PAGES_ALONE);
  const series = new Series();
  return {
    run: async () => {
      const before = await writerSpeed(context, pages);
      const measured = await measure(context, simulator);
      // On both sides of the run, for the machine may be busier on one of them.
      const alone = (before + (await writerSpeed(context, pages))) / 2;
      series.add({ ...measured, alone, ratio: (measured.eventsPerSecond ?? Number.NaN) / alone });
    },
    report: () => report(series, events),
  };
}

async function measure(
  context: BenchContext,
  simulator: SimulatorProcess,
): Promise<Record<string, number | undefined>> {
  const { options } = context;
  const { probe, wholeMs, cpu, snapshots } = await syncOnce(context, simulator.address, options.events);
  const eventsMs = probe.lastWriteAt - probe.firstRequestAt;
  const per100k = 100_000 / options.events;
  const postgresCpu = cpu.between(probe.firstRequestAt, probe.lastWriteAt);
  return {
    eventsPerSecond: (options.events / eventsMs) * 1000,
    writingShare: probe.writingMs / eventsMs,
    msPerPage: probe.writingMs / probe.pages,
    nodeCpu: probe.eventsCpu * per100k,
    postgresCpu: postgresCpu === undefined ? undefined : postgresCpu * per100k,
    postgresShare: postgresCpu === undefined ? undefined : postgresCpu / (postgresCpu + probe.eventsCpu),
    wholeSeconds: wholeMs / 1000,
    snapshots,
    peakRss: probe.peakRssBytes / MEGABYTE,
  };
}

function report(series: Series, events: number): Report {
  const range = (name: string) => withRange(series.median(name), series.least(name), series.most(name));
  return {
    title: 'End to end: API → daemon → Postgres',
    columns: ['', 'median (least–most)'],
    rows: [
      ['events/s', range('eventsPerSecond')],
      ['the writer alone before and after it, events/s', range('alone')],
      ['end to end is, times the writer alone (aim: ≥ 0.85)', range('ratio')],
      ['share of that time inside writeEventPage', percent(series.median('writingShare'))],
      ['writeEventPage, ms a page of 1000', range('msPerPage')],
      ['CPU seconds for 100,000 events: Postgres', range('postgresCpu')],
      ['CPU seconds for 100,000 events: daemon', range('nodeCpu')],
      ['share of Postgres in that CPU', percent(series.median('postgresShare'))],
      ['peak memory of the daemon, MB', range('peakRss')],
      [`whole run with ${formatCount(series.median('snapshots'))} snapshots, s`, range('wholeSeconds')],
    ],
    notes: [
      `${formatCount(events)} events a run, with their effects. Events/s: from the first request for events to the last page stored.`,
      `The whole run: start of the process, ${formatCount(events)} events, every profile and session they name, end of the process (${figure(series.median('wholeSeconds'))} s).`,
    ],
    ratios: [
      { name: 'end to end to the writer alone', value: series.median('ratio'), aim: 0.85, atLeast: 0.65 },
    ],
  };
}
