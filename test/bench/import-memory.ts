import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { formatCount } from '../demo/numbers.js';
import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { runDaemonOnce } from './daemon-once.js';
import { figure, withRange } from './figures.js';
import { Series } from './medians.js';

const SIZES = [10_000, 100_000, 1_000_000];
const MEGABYTE = 1024 * 1024;
/** With --large: rows of a kilobyte each, 2 GB in all. */
const LARGE_ROWS = 2_000_000;

/** `import loyalty-points` with files of three sizes, side by side: does memory grow with the file? */
export async function openImportMemory(context: BenchContext): Promise<Benchmark> {
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-bench-'));
  context.cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const files = await Promise.all(SIZES.map((rows) => writePoints(folder, rows)));
  const receiver = await PointsReceiver.start();
  context.cleanUp.add(() => receiver.stop());
  const series = SIZES.map(() => new Series());
  const large = new Series();
  const largeFile = context.options.large ? await writeCoupons(folder, LARGE_ROWS) : undefined;
  return {
    run: async () => {
      for (const [index, file] of files.entries()) {
        const measured = await measure(context, receiver, file, SIZES[index] ?? 0);
        series[index]?.add(measured);
      }
      // Once: what counts is the memory, and that does not vary.
      if (largeFile !== undefined && Number.isNaN(large.median('seconds')))
        large.add(await measureReading(context, largeFile, LARGE_ROWS));
    },
    report: () => report(series, large),
  };
}

async function writePoints(folder: string, rows: number): Promise<string> {
  const path = join(folder, `points-${rows}.csv`);
  function* lines(): Generator<string> {
    yield 'customerprofileid,amount,subledgerid,reason\n';
    for (let row = 0; row < rows; row += 1)
      yield `customer-${row},${(row % 500) + 1}.50,SUB${row % 3},"Balance of the old program, ""A"""\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
  return path;
}

/** Coupons with a kilobyte of attributes each: quotes, line ends and JSON in the cells. */
async function writeCoupons(folder: string, rows: number): Promise<string> {
  const path = join(folder, `coupons-${rows}.csv`);
  const note = "a 'quoted' word, and more; ".repeat(35);
  function* lines(): Generator<string> {
    yield 'value,limitval,attributes\n';
    // Some kilobytes at a time.
    for (let row = 0; row < rows; row += 20) {
      const block = Array.from({ length: 20 }, (_, index) => row + index);
      yield block.map((id) => `CODE-${id},1,"{""Batch"": ${id % 97},\n""Note"": ""${note}""}"\n`).join('');
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
  return path;
}

/** Checks a file and sends nothing: the reading alone, for files of any size. */
async function measureReading(
  { signal }: BenchContext,
  file: string,
  rows: number,
): Promise<Record<string, number>> {
  const settings = { TALON_ONE_BASE_URL: 'http://127.0.0.1:1', TALON_ONE_API_KEY: 'key-of-the-benchmark' };
  const words = ['import', 'coupons', file, '--application', '1', '--campaign', '2', '--dry-run'];
  const { probe, wholeMs } = await runDaemonOnce(settings, signal, words);
  const seconds = wholeMs / 1000;
  return {
    peakRss: probe.peakRssBytes / MEGABYTE,
    seconds,
    rowsPerSecond: rows / seconds,
    megabytes: (await stat(file)).size / 1e6,
  };
}

async function measure(
  { postgres, signal }: BenchContext,
  receiver: PointsReceiver,
  file: string,
  rows: number,
): Promise<Record<string, number>> {
  const target = await postgres.newWarehouse();
  try {
    receiver.rows = 0;
    const settings = {
      TALON_ONE_BASE_URL: receiver.url,
      TALON_ONE_API_KEY: 'key-of-the-benchmark',
      DATABASE_URL: postgres.url,
      WAREHOUSE_SCHEMA: target.schema,
      REQUESTS_PER_SECOND: '0',
    };
    const words = ['import', 'loyalty-points', file, '--program', '1'];
    const { probe, wholeMs } = await runDaemonOnce(settings, signal, words);
    if (receiver.rows !== rows) throw new Error(`${receiver.rows} of ${rows} rows arrived`);
    const seconds = wholeMs / 1000;
    return { peakRss: probe.peakRssBytes / MEGABYTE, seconds, rowsPerSecond: rows / seconds };
  } finally {
    await target.drop();
  }
}

/** Takes every upload and counts its lines: a simulator that remembered them all would itself run out of memory. */
class PointsReceiver {
  rows = 0;

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<PointsReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const receiver = new PointsReceiver(`http://127.0.0.1:${port}`, server);
    server.on('request', (request, response) => {
      void receiver.take(request).then((amount) => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ id: 1, amount, entity: 'LoyaltyLedgerEntry' }));
      });
    });
    return receiver;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage): Promise<number> {
    let rows = 0;
    // Each row of the file, and no line of the envelope, begins with the same text.
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    for (let at = body.indexOf('\ncustomer-'); at >= 0; at = body.indexOf('\ncustomer-', at + 1)) rows += 1;
    this.rows += rows;
    return rows;
  }
}

function report(series: readonly Series[], large: Series): Report {
  const cells = (one: Series) =>
    ['peakRss', 'seconds', 'rowsPerSecond'].map((name) =>
      withRange(one.median(name), one.least(name), one.most(name)),
    );
  const megabytes = large.median('megabytes');
  const largeRow = Number.isNaN(megabytes)
    ? []
    : [[`${formatCount(LARGE_ROWS)} coupons, ${figure(megabytes)} MB, --dry-run`, ...cells(large)]];
  return {
    title: 'Memory of an import',
    columns: ['file', 'peak memory, MB (least–most)', 'seconds', 'rows/s'],
    rows: [
      ...series.map((one, index) => [
        `${formatCount(SIZES[index] ?? 0)} rows of loyalty points`,
        ...cells(one),
      ]),
      ...largeRow,
    ],
    notes: [
      'Both readings of the file, the journal in Postgres and the uploads, to a server that only counts what arrives.',
      'Memory does not follow the file; what grows is eight bytes for each ID that must be unique (coupon codes).',
      'Each run is checked: every row must arrive once. A start of the program is part of the seconds.',
    ],
  };
}
