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
import type { BenchPostgres } from './postgres.js';
import { type Lap, race } from './race.js';

const LEASE_MS = 60_000;

/** The writer alone, on pages prepared in memory, beside the ways one would try first. */
export async function openWriter(context: BenchContext): Promise<Benchmark> {
  const { peer } = context.options;
  const contenders =
    peer === undefined ? CONTENDERS : [...CONTENDERS, peerFrom(peer, context.postgres.url, context.cleanUp)];
  const pages = await preparePages(Math.max(...contenders.map((contender) => contender.pages)));
  const series = new Map(contenders.map((contender) => [contender, new Series()]));
  return {
    run: () => measure(context, pages, series),
    report: () => report(series, peer !== undefined),
  };
}

async function measure(
  { postgres, signal }: BenchContext,
  pages: readonly PreparedPage[],
  series: ReadonlyMap<Contender, Series>,
): Promise<void> {
  const laps: Lap[] = [];
  try {
    for (const contender of series.keys()) laps.push(await openLap(postgres, contender, pages));
    globalThis.gc?.();
    await race(laps, postgres, signal);
    for (const { contender, target, pages } of laps)
      if (!contender.storesNothing) await checkStored(target.warehouse, pages);
  } finally {
    for (const { target } of laps) await target.drop();
  }
  const speedOf = (lap: Lap) => (lap.written * 1000) / lap.seconds;
  const ours = laps.find(({ contender }) => contender === OURS);
  for (const lap of laps) {
    const { contender, nodeCpu, postgresCpu, written } = lap;
    series.get(contender)?.add({
      eventsPerSecond: speedOf(lap),
      ratio: ours && speedOf(ours) / speedOf(lap),
      nodeCpu: (nodeCpu * 100) / written,
      postgresCpu: postgresCpu && (postgresCpu * 100) / written,
      nodeShare: postgresCpu && nodeCpu / (nodeCpu + postgresCpu),
    });
  }
}

/** Events a second of `writeEventPage` alone, into empty tables. */
export async function writerSpeed(
  { postgres, signal }: BenchContext,
  pages: readonly PreparedPage[],
): Promise<number> {
  const lap = await openLap(postgres, { ...OURS, pages: pages.length }, pages);
  try {
    await race([lap], postgres, signal);
    return (lap.written * 1000) / lap.seconds;
  } finally {
    await lap.target.drop();
  }
}

async function openLap(
  postgres: BenchPostgres,
  contender: Contender,
  all: readonly PreparedPage[],
): Promise<Lap> {
  const target = await postgres.newWarehouse();
  try {
    const pages = all.slice(0, contender.pages);
    const lease = await prepareWarehouse(target.warehouse, pages, APPLICATION_ID);
    await contender.before?.(target.warehouse);
    for (const page of pages) contender.prepare?.(page);
    return { contender, target, lease, pages, written: 0, seconds: 0, nodeCpu: 0, postgresCpu: 0 };
  } catch (error) {
    await target.drop();
    throw error;
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
      'In turn, page by page. The same events and effects into the same tables with the same indexes, what is owed and the cursor in the same',
      'transaction, from pages prepared in memory; after each run the rows are counted. The others parse the page in Node and',
      'lose digits that JavaScript does not hold. Row by row without a transaction moves the cursor once a page, behind its',
      'rows. The yardstick stores nothing. writeEventPage is given pages whose JSON has been parsed, as the daemon does while the page',
      'before is written; the first COPY parses in its own time, the second is given its lines ready-made.',
      hasPeer
        ? 'The peer writes equal rows with equal indexes, but no cursor, nothing owed, no partitions, and no transaction.'
        : `The public peer was not measured: install ${PEER} in a folder and name it with --peer.`,
    ],
    ratios: [
      ...ratios,
      {
        name: "Node's share of the CPU of writeEventPage",
        value: series.get(OURS)?.median('nodeShare') ?? Number.NaN,
        // The CPU of a Postgres elsewhere is not known.
        mayBeUnknown: true,
        aim: 0.1,
        atMost: 0.15,
      },
    ],
  };
}
