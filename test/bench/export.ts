import { formatCount } from '../demo/numbers.js';
import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { CsvServer } from './csv-server.js';
import { runDaemonOnce } from './daemon-once.js';
import { figure } from './figures.js';
import { Series } from './medians.js';

const MEGABYTE = 1_000_000;
const SMALL = 50;
/** Only in the first round: what counts is the memory, and that does not vary. */
const LARGE = 1_000;
/** With --large. */
const LARGEST = 2_000;

/** An export of 50 MB beside one of 1 GB and one of 2 GB, from a server that sends as fast as it is read, into a file. */
export async function openExport(context: BenchContext): Promise<Benchmark> {
  const server = await CsvServer.start();
  context.cleanUp.add(() => server.stop());
  const series = new Series();
  const sizes = [SMALL, LARGE, ...(context.options.large ? [LARGEST] : [])];
  let round = 0;
  return {
    run: async () => {
      round += 1;
      for (const size of round === 1 ? sizes : [SMALL]) await measure(context, server, series, size);
    },
    report: () => report(series, sizes),
  };
}

async function measure(
  { signal }: BenchContext,
  server: CsvServer,
  series: Series,
  size: number,
): Promise<void> {
  server.bytes = size * MEGABYTE;
  const settings = { TALON_ONE_BASE_URL: server.url, TALON_ONE_API_KEY: 'key', REQUESTS_PER_SECOND: '0' };
  const words = ['export', 'sessions', '--application', '1', '--output', 'sessions.csv'];
  const { probe, wholeMs } = await runDaemonOnce(settings, signal, words);
  series.add({
    [`rss${size}`]: probe.peakRssBytes / MEGABYTE,
    [`seconds${size}`]: wholeMs / 1000,
    [`rows${size}`]: server.rows,
  });
}

function report(series: Series, sizes: readonly number[]): Report {
  const row = (size: number) => {
    const seconds = series.median(`seconds${size}`);
    const rows = formatCount(series.median(`rows${size}`));
    return [
      `${formatCount(size)} MB`,
      rows,
      figure(series.median(`rss${size}`)),
      figure(seconds),
      figure(size / seconds),
    ];
  };
  return {
    title: 'Export of sessions into a file',
    columns: ['size', 'rows', 'peak memory, MB', 's', 'MB/s'],
    rows: sizes.map(row),
    notes: [
      'The whole process, from its start to the renamed file, checked for completeness on the way. The server is this benchmark’s own and shares the cores.',
      'Memory is flat: what a larger file takes more is garbage that Node has not collected yet, some megabytes in all. Files above 50 MB are exported once.',
    ],
  };
}
