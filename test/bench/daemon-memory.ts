import { formatCount } from '../demo/numbers.js';
import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { withRange } from './figures.js';
import { Series } from './medians.js';
import { SimulatorProcess } from './simulator-process.js';
import { syncOnce } from './synced-once.js';

const MEGABYTE = 1024 * 1024;
const LARGE_EVENTS = 5_000;
const LARGE_BYTES = 20_000;
/** What a first sync of `--sizes` may take: aim of the project. */
const MOST_MEGABYTES = 220;

interface Case {
  readonly name: string;
  readonly events: number;
  readonly large: number;
  readonly series: Series;
}

/** Peak memory of `once`: with histories of several sizes, and with pages of 20 MB. */
export async function openDaemonMemory(context: BenchContext): Promise<Benchmark> {
  const sizes = context.options.sizes.map(
    (events): Case => ({ name: `${formatCount(events)} events`, events, large: 0, series: new Series() }),
  );
  const large: Case = {
    name: `${formatCount(LARGE_EVENTS)} events in pages of 20 MB`,
    events: 0,
    large: LARGE_EVENTS,
    series: new Series(),
  };
  return {
    run: async () => {
      for (const one of [...sizes, large]) await measure(context, one);
    },
    report: () => report(sizes, large),
  };
}

async function measure(context: BenchContext, { events, large, series }: Case): Promise<void> {
  const simulator = await SimulatorProcess.start(
    { history: { events, sessions: Math.ceil(events / 3) } },
    large,
    LARGE_BYTES,
  );
  try {
    const { probe, wholeMs, snapshots } = await syncOnce(context, simulator.address, events + large);
    series.add({ peak: probe.peakRssBytes / MEGABYTE, seconds: wholeMs / 1000, snapshots });
  } finally {
    await simulator.stop();
  }
}

function report(sizes: readonly Case[], large: Case): Report {
  const peak = (one: Case | undefined) => one?.series.median('peak') ?? Number.NaN;
  const [smallest, largest] = [sizes[0], sizes.at(-1)];
  return {
    title: 'Memory of the daemon in a first sync',
    columns: ['', 'peak memory, MB (least–most)', 'snapshots owed on the way', 'seconds'],
    rows: [...sizes, large].map(({ name, series }) => [
      name,
      withRange(series.median('peak'), series.least('peak'), series.most('peak')),
      formatCount(series.median('snapshots')),
      withRange(series.median('seconds'), series.least('seconds'), series.most('seconds')),
    ]),
    notes: [
      'Peak of the resident memory of the process, from its start to its end. Each run is checked: every event stored, no',
      'snapshot owed. While the events are read nothing is fetched, so all snapshots are owed at once, as rows.',
    ],
    ratios: [
      {
        name: `memory of ${largest?.name} to that of ${smallest?.name}`,
        value: peak(largest) / peak(smallest),
        aim: 1.1,
        atMost: 1.3,
      },
      {
        name: `memory of ${largest?.name} to ${MOST_MEGABYTES} MB`,
        value: peak(largest) / MOST_MEGABYTES,
        aim: 1,
        atMost: 1.2,
      },
      {
        name: 'memory with pages of 20 MB to that with ordinary ones',
        value: peak(large) / peak(smallest),
        aim: 3,
        atMost: 3.5,
      },
    ],
  };
}
