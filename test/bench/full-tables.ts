import type { Lease } from '../../src/warehouse/cursor.js';
import { formatCount } from '../demo/numbers.js';
import type { BenchContext, Benchmark, Report } from './benchmark.js';
import { APPLICATION_ID, OURS } from './contenders.js';
import { figure, withRange } from './figures.js';
import { Series } from './medians.js';
import { type PreparedPage, preparePages } from './pages.js';
import { EFFECT_COLUMNS, EVENT_COLUMNS } from './parsed-page.js';
import type { BenchWarehouse } from './postgres.js';
import { prepareWarehouse } from './writer.js';

const SAMPLE_PAGES = 10;
const PAGES_A_RUN = 20;
const MONTHS = 12;
const FILL_MS = 60 * 60_000;

/** The writer into tables that hold `--rows` events of twelve months, beside empty ones. */
export async function openFullTables(context: BenchContext): Promise<Benchmark> {
  const { postgres, options, cleanUp } = context;
  const all = await preparePages(SAMPLE_PAGES + options.runs * PAGES_A_RUN);
  const [sample, pages] = [all.slice(0, SAMPLE_PAGES), all.slice(SAMPLE_PAGES)];
  const full = await postgres.newWarehouse();
  cleanUp.add(() => full.drop());
  // The lease outlives its time: nobody else wants it.
  const fullLease = await prepareWarehouse(full.warehouse, all, APPLICATION_ID);
  for (const page of sample) await OURS.write(full.warehouse, fullLease, page);
  await fill(full, options.rows, context.signal);
  const series = { full: new Series(), empty: new Series() };
  let run = 0;
  return {
    run: async () => {
      const these = pages.slice(run * PAGES_A_RUN, (run + 1) * PAGES_A_RUN);
      run += 1;
      const empty = await postgres.newWarehouse();
      try {
        const emptyLease = await prepareWarehouse(empty.warehouse, these, APPLICATION_ID);
        const emptySpeed = await speedOf(context, empty, emptyLease, these);
        const fullSpeed = await speedOf(context, full, fullLease, these);
        series.empty.add({ speed: emptySpeed });
        series.full.add({ speed: fullSpeed, ratio: fullSpeed / emptySpeed });
      } finally {
        await empty.drop();
      }
    },
    report: () => report(series, options.rows),
  };
}

async function speedOf(
  { signal }: BenchContext,
  { warehouse }: BenchWarehouse,
  lease: Lease,
  pages: readonly PreparedPage[],
): Promise<number> {
  const startedAt = performance.now();
  for (const page of pages) {
    signal.throwIfAborted();
    await OURS.write(warehouse, lease, page);
  }
  return (pages.length * 1_000_000) / (performance.now() - startedAt);
}

/** Copies of the sample within Postgres, with IDs and times of their own, spread evenly over the months before it. */
async function fill({ warehouse }: BenchWarehouse, rows: number, signal: AbortSignal): Promise<void> {
  const copies = Math.ceil(rows / (SAMPLE_PAGES * 1000) / MONTHS);
  for (let month = 1; month <= MONTHS; month += 1) {
    signal.throwIfAborted();
    console.log(`full-tables: filling month ${month} of ${MONTHS}`);
    const values = [month, copies, APPLICATION_ID];
    await warehouse.transaction(
      async (client) => {
        await client.query(
          `select talon_one_create_partitions((date_trunc('month', min(created)) - $1 * interval '1 month')::date)
           from talon_one_event where application_id = $2 and event_id >= 1000000000`,
          [month, APPLICATION_ID],
        );
        await client.query(FILL_EVENTS, values);
        await client.query(FILL_EFFECTS, values);
      },
      { statementMs: FILL_MS },
    );
  }
  await warehouse.transaction((client) => client.query('analyze talon_one_event, talon_one_effect'), {
    statementMs: FILL_MS,
  });
}

// A copy's number is unique over the months; its events lie within the month, in the order of their IDs. $1 months back,
// $2 copies a month, $3 Application.
const COPIES = `generate_series(0, $2::integer - 1) as copy
  cross join lateral (select -(($1::bigint * 1000000 + copy) * 100000) as number) as numbered
  cross join (select date_trunc('month', min(created)) - $1 * interval '1 month' as begin
    from talon_one_event where event_id >= 1000000000) as month
  cross join lateral (select begin + (copy + (event_id % 10000) / 10000.0) / $2 * interval '27 days' as moment) as placed`;

const FILL_EVENTS = `insert into talon_one_event (${EVENT_COLUMNS})
  select $3, number + event_id % 100000, moment, type, profile_id + 10 * number, session_id + 10 * number, integration_id,
    store_integration_id, payload
  from (select * from talon_one_event where event_id >= 1000000000) as sample
  cross join ${COPIES} order by moment`;

const FILL_EFFECTS = `insert into talon_one_effect (${EFFECT_COLUMNS})
  select $3, number + event_id % 100000, moment, effect_index, effect_type, campaign_id, ruleset_id, rule_index, rule_name,
    triggered_by_coupon, profile_id + 10 * number, session_id + 10 * number, props
  from (select * from talon_one_effect where event_id >= 1000000000) as sample
  cross join ${COPIES} order by moment`;

function report(series: { full: Series; empty: Series }, rows: number): Report {
  const speed = (one: Series) => withRange(one.median('speed'), one.least('speed'), one.most('speed'));
  const ratio = series.full.median('ratio');
  return {
    title: 'The writer into full tables',
    columns: ['tables', 'events/s (least–most)', 'of the empty speed'],
    rows: [
      ['empty', speed(series.empty), ''],
      [`${formatCount(rows)} events in ${MONTHS} months`, speed(series.full), `${figure(ratio, 2)} ×`],
    ],
    notes: [
      'With effects and all indexes, monthly partitions; filled within Postgres from a sample, then analysed.',
    ],
    ratios: [
      { name: 'speed into full tables to that into empty ones', value: ratio, aim: 0.8, atLeast: 0.7 },
    ],
  };
}
