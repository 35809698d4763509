import { parseInstant } from '../../src/instant.js';
import { ensureCursors, type Lease, takeLease } from '../../src/warehouse/cursor.js';
import { writeEventPage } from '../../src/warehouse/event-writer.js';
import { Partitions } from '../../src/warehouse/partitions.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { figure, withRange } from './figures.js';
import { Series } from './medians.js';
import { type PreparedPage, preparePages } from './pages.js';
import { insertRowByRow } from './row-by-row.js';

const APPLICATION_ID = '1';
const LEASE_MS = 60_000;
const OURS = 'writeEventPage: one statement a page';

/** One way of writing pages, and how many of them make a run of a second or two. */
interface Contender {
  readonly name: string;
  readonly pages: number;
  readonly write: (warehouse: Warehouse, lease: Lease, page: PreparedPage) => Promise<unknown>;
}

const CONTENDERS: readonly Contender[] = [
  {
    name: OURS,
    pages: 20,
    write: (warehouse, lease, page) =>
      writeEventPage(warehouse, {
        lease,
        page,
        advance: { lastSync: parseInstant(page.lastCreated), status: 'back-filling' },
        normalizeEffects: true,
      }),
  },
  {
    name: 'row by row, one transaction a page',
    pages: 3,
    write: (warehouse, _lease, page) =>
      warehouse.transaction((client) => insertRowByRow(client, APPLICATION_ID, page.text)),
  },
  { name: 'row by row, each its own transaction', pages: 1, write: writeAutocommit },
  {
    // How quick this machine is: nothing that goes through jsonb can be faster.
    name: 'yardstick: Postgres only parses the page',
    pages: 20,
    write: (warehouse, _lease, page) =>
      warehouse.transaction((client) =>
        client.query(`select count(*) from jsonb_array_elements($1::jsonb -> 'data')`, [page.text]),
      ),
  },
];

/** The writer alone, on pages prepared in memory, beside the ways one would try first. */
export async function openWriter(context: BenchContext): Promise<Benchmark> {
  const pages = await preparePages(Math.max(...CONTENDERS.map((contender) => contender.pages)));
  const series = new Map(CONTENDERS.map((contender) => [contender, new Series()]));
  return {
    run: async () => {
      let ours = Number.NaN;
      for (const [contender, measured] of series) {
        context.signal.throwIfAborted();
        const result = await measure(context, contender, pages.slice(0, contender.pages));
        if (contender.name === OURS) ours = result.eventsPerSecond;
        // Within a round the machine is about equally busy.
        measured.add({ ...result, ratio: ours / result.eventsPerSecond });
      }
    },
    report: () => report(series),
  };
}

type Measured = Readonly<{
  eventsPerSecond: number;
  nodeCpu: number;
  postgresCpu: number | undefined;
}>;

async function measure(
  { postgres, signal }: BenchContext,
  contender: Contender,
  pages: readonly PreparedPage[],
): Promise<Measured> {
  const target = await postgres.newWarehouse();
  try {
    const lease = await prepare(target.warehouse, pages);
    globalThis.gc?.();
    const postgresBefore = await postgres.cpuSeconds();
    const nodeBefore = process.cpuUsage();
    const startedAt = performance.now();
    for (const page of pages) {
      signal.throwIfAborted();
      await contender.write(target.warehouse, lease, page);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const node = process.cpuUsage(nodeBefore);
    const postgresAfter = await postgres.cpuSeconds();
    const events = pages.length * 1000;
    const per100k = 100_000 / events;
    const isSeen = postgresBefore !== undefined && postgresAfter !== undefined;
    return {
      eventsPerSecond: events / seconds,
      nodeCpu: ((node.user + node.system) / 1_000_000) * per100k,
      postgresCpu: isSeen ? (postgresAfter - postgresBefore) * per100k : undefined,
    };
  } finally {
    await target.drop();
  }
}

async function prepare(warehouse: Warehouse, pages: readonly PreparedPage[]): Promise<Lease> {
  await ensureCursors(warehouse, [{ id: APPLICATION_ID, name: 'bench', created: undefined, start: 0n }]);
  const moments = pages.map((page) => parseInstant(page.lastCreated) ?? 0n);
  const partitions = new Partitions(warehouse, (error) => {
    throw error;
  });
  await partitions.ensure(moments);
  const leased = await takeLease(warehouse, {
    applicationIds: [APPLICATION_ID],
    owner: 'bench',
    leaseMs: LEASE_MS,
    courtesyMs: 0,
    evenIfNotDue: true,
  });
  if (!leased) throw new Error('the lease of a new schema is taken');
  return leased.lease;
}

async function writeAutocommit(warehouse: Warehouse, _lease: Lease, page: PreparedPage): Promise<void> {
  const client = await warehouse.pool.connect();
  try {
    await client.query(`set search_path to "${warehouse.schema}"`);
    await insertRowByRow(client, APPLICATION_ID, page.text);
  } finally {
    client.release(true);
  }
}

function report(series: ReadonlyMap<Contender, Series>): Report {
  return {
    title: 'The writer alone, and row by row',
    columns: ['', 'events/s (least–most)', 'writeEventPage is', 'CPU s for 100,000: Postgres', 'Node'],
    rows: [...series].map(([{ name }, measured]) => [
      name,
      withRange(
        measured.median('eventsPerSecond'),
        measured.least('eventsPerSecond'),
        measured.most('eventsPerSecond'),
      ),
      name === OURS ? '' : `${figure(measured.median('ratio'), 2)} × as fast`,
      figure(measured.median('postgresCpu')),
      figure(measured.median('nodeCpu')),
    ]),
    notes: [
      'The same events and effects into the same tables, from pages prepared in memory. Row by row does less: it moves no',
      'cursor and does not note which profiles and sessions have to be fetched. The yardstick stores nothing.',
    ],
  };
}
