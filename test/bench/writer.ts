import { parseInstant } from '../../src/instant.js';
import { ensureCursors, type Lease, takeLease } from '../../src/warehouse/cursor.js';
import { Partitions } from '../../src/warehouse/partitions.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import type { BenchContext, Benchmark, Ratio, Report } from './benchmark.js';
import { APPLICATION_ID, CONTENDERS, type Contender, OURS } from './contenders.js';
import { figure, percent, withRange } from './figures.js';
import { Series } from './medians.js';
import { type PreparedPage, preparePages } from './pages.js';
import { owedOf, rowsOf } from './parsed-page.js';
import { PEER, peerFrom } from './peer.js';

const LEASE_MS = 60_000;

/** The writer alone, on pages prepared in memory, beside the ways one would try first. */
export async function openWriter(context: BenchContext): Promise<Benchmark> {
  const { peer } = context.options;
  const contenders =
    peer === undefined ? CONTENDERS : [...CONTENDERS, peerFrom(peer, context.postgres.url, context.cleanUp)];
  const pages = await preparePages(Math.max(...contenders.map((contender) => contender.pages)));
  const series = new Map(contenders.map((contender) => [contender, new Series()]));
  return {
    run: async () => {
      let ours = Number.NaN;
      for (const [contender, measured] of series) {
        context.signal.throwIfAborted();
        const result = await measure(context, contender, pages.slice(0, contender.pages));
        if (contender === OURS) ours = result.eventsPerSecond;
        // Within a round the machine is about equally busy.
        const { nodeCpu, postgresCpu = Number.NaN } = result;
        measured.add({
          ...result,
          ratio: ours / result.eventsPerSecond,
          nodeShare: nodeCpu / (nodeCpu + postgresCpu),
        });
      }
    },
    report: () => report(series, peer !== undefined),
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
    const lease = await prepareWarehouse(target.warehouse, pages, APPLICATION_ID);
    await contender.before?.(target.warehouse);
    for (const page of pages) contender.prepare?.(page);
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
    if (!contender.storesNothing) await checkStored(target.warehouse, pages);
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

/** Cursor, partitions and lease for these pages. */
export async function prepareWarehouse(
  warehouse: Warehouse,
  pages: readonly PreparedPage[],
  applicationId: string,
): Promise<Lease> {
  await ensureCursors(warehouse, [{ id: applicationId, name: 'bench', created: undefined, start: 0n }]);
  const moments = pages.map((page) => parseInstant(page.lastCreated) ?? 0n);
  const partitions = new Partitions(warehouse, (error) => {
    throw error;
  });
  await partitions.ensure(moments);
  const leased = await takeLease(warehouse, {
    applicationIds: [applicationId],
    owner: 'bench',
    leaseMs: LEASE_MS,
    courtesyMs: 0,
    evenIfNotDue: true,
  });
  if (!leased) throw new Error('the lease of a new schema is taken');
  return leased.lease;
}

/** Whatever way the pages went, the same rows must be there. */
async function checkStored(warehouse: Warehouse, pages: readonly PreparedPage[]): Promise<void> {
  const rows = pages.flatMap((page) => rowsOf(APPLICATION_ID, page));
  const expected = [rows.length, rows.flatMap((row) => row.effects).length, owedOf(rows).length, 1].join(' ');
  const { rows: found } = await warehouse.transaction((client) =>
    client.query<{ counts: string }>(
      `select concat_ws(' ', (select count(*) from talon_one_event), (select count(*) from talon_one_effect),
         (select count(*) from talon_one_owed_snapshot),
         (select count(*) from talon_one_sync_cursor where last_sync = $1)) as counts`,
      [pages.at(-1)?.lastCreated],
    ),
  );
  const counts = found[0]?.counts;
  if (counts !== expected)
    throw new Error(`events, effects, owed, cursors: ${counts} stored, ${expected} expected`);
}

function report(series: ReadonlyMap<Contender, Series>, hasPeer: boolean): Report {
  const ratios: Ratio[] = [...series]
    .filter(([{ floor }]) => floor !== undefined)
    .map(([{ name, aim, floor }, measured]) => ({
      name: `writeEventPage against ${name}`,
      value: measured.median('ratio'),
      aim,
      atLeast: floor,
    }));
  return {
    title: 'The writer alone, and the same work done otherwise',
    columns: [
      '',
      'events/s (least–most)',
      'writeEventPage is',
      'aim',
      'CPU s for 100,000: Postgres',
      'Node',
      'share of Node',
    ],
    rows: [...series].map(([contender, measured]) => [
      contender.name,
      withRange(
        measured.median('eventsPerSecond'),
        measured.least('eventsPerSecond'),
        measured.most('eventsPerSecond'),
      ),
      contender === OURS ? '' : `${figure(measured.median('ratio'), 2)} × as fast`,
      contender.aim === undefined ? '' : `≥ ${contender.aim} ×`,
      figure(measured.median('postgresCpu')),
      figure(measured.median('nodeCpu')),
      percent(measured.median('nodeShare')),
    ]),
    notes: [
      'The same events and effects into the same tables with the same indexes, what is owed and the cursor in the same',
      'transaction, from pages prepared in memory; after each run the rows are counted. The others parse the page in Node and',
      'lose digits that JavaScript does not hold. Row by row without a transaction moves the cursor once a page, behind its',
      'rows. The yardstick stores nothing.',
      hasPeer
        ? 'The peer writes equal rows with equal indexes, but no cursor, nothing owed, no partitions, and no transaction.'
        : `The public peer was not measured: install ${PEER} in a folder and name it with --peer.`,
    ],
    ratios: [
      ...ratios,
      {
        name: "Node's share of the CPU of writeEventPage",
        value: series.get(OURS)?.median('nodeShare') ?? Number.NaN,
        aim: 0.1,
        atMost: 0.2,
      },
    ],
  };
}
