import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { APPLICATION_ID, OURS } from './contenders.js';
import { figure } from './figures.js';
import { Series } from './medians.js';
import { preparePages } from './pages.js';
import { prepareWarehouse } from './writer.js';

const PAGES = 20;

/** Bytes that an event takes in the tables, by what they are for. */
export async function openDiskSpace({ postgres }: BenchContext): Promise<Benchmark> {
  const pages = await preparePages(PAGES);
  const json = pages.reduce((sum, page) => sum + Buffer.byteLength(page.text), 0) / (PAGES * 1000);
  const series = new Series();
  return {
    run: async () => {
      const target = await postgres.newWarehouse();
      try {
        const lease = await prepareWarehouse(target.warehouse, pages, APPLICATION_ID);
        for (const page of pages) await OURS.write(target.warehouse, lease, page);
        const { rows } = await target.warehouse.transaction((client) =>
          client.query<Record<string, string>>(SIZES),
        );
        series.add(
          Object.fromEntries(
            Object.entries(rows[0] ?? {}).map(([name, bytes]) => [name, Number(bytes) / (PAGES * 1000)]),
          ),
        );
      } finally {
        await target.drop();
      }
    },
    report: () => report(series, json),
  };
}

const SIZES = `
  select sum(pg_table_size(relid)) filter (where is_event) as events, sum(pg_indexes_size(relid)) filter (where is_event) as "eventIndexes",
    sum(pg_table_size(relid)) filter (where not is_event) as effects,
    sum(pg_indexes_size(relid)) filter (where not is_event) as "effectIndexes"
  from (
    select relid, true as is_event from pg_partition_tree('talon_one_event') where isleaf
    union all select relid, false from pg_partition_tree('talon_one_effect') where isleaf
  ) as leaf`;

function report(series: Series, json: number): Report {
  const [events, eventIndexes, effects, effectIndexes] = [
    'events',
    'eventIndexes',
    'effects',
    'effectIndexes',
  ].map((name) => series.median(name)) as [number, number, number, number];
  return {
    title: 'Bytes on disk',
    columns: ['', 'bytes an event'],
    rows: [
      ['JSON as the API sends it', figure(json)],
      ['talon_one_event: rows with payload', figure(events)],
      ['talon_one_event: primary key and four indexes', figure(eventIndexes)],
      ['**NORMALIZE_EFFECTS=false: together**', figure(events + eventIndexes)],
      ['talon_one_effect: 2.3 rows', figure(effects)],
      ['talon_one_effect: primary key', figure(effectIndexes)],
      ['**with effects: together**', figure(events + eventIndexes + effects + effectIndexes)],
    ],
    notes: [
      `${PAGES * 1000} events. Payloads over 2 KB are compressed: with lz4 where the server has it (5 % more bytes than pglz here), else with pglz.`,
    ],
  };
}
