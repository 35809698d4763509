import { sleep } from '../../../src/clock.js';
import { finishErasures, forgetProfile, noteErasure } from '../../../src/warehouse/forget.js';
import type { Warehouse } from '../../../src/warehouse/warehouse.js';
import { CleanUp } from '../../demo/clean-up.js';
import { describeMachine } from '../machine.js';
import { BenchPostgres } from '../postgres.js';
import { FILL } from './fill.js';

// What `forget` costs in a large database: how long it takes, and how long others who write wait for it. Two minutes.

const EVENTS = 300_000;

async function measure(): Promise<void> {
  const postgres = await BenchPostgres.open(process.argv[2], cleanUp, new AbortController().signal);
  const { warehouse, drop } = await postgres.newWarehouse();
  cleanUp.add(drop);
  console.log(`${describeMachine(postgres).join('\n')}\n`);
  await fill(warehouse);
  await report('no customer forgotten yet, nobody writes', warehouse, () =>
    forgetProfile(warehouse, 'customer-77'),
  );
  await report(
    'a second customer, while pages are written',
    warehouse,
    () => forgetProfile(warehouse, 'customer-78'),
    true,
  );
  const ids: string[] = [];
  for (let n = 100; n < 120; n += 1) ids.push(await noteErasure(warehouse, `customer-${n}`));
  await report(
    'twenty customers at once, as the daemon does it',
    warehouse,
    () => finishErasures(warehouse, ids),
    true,
  );
}

async function fill(warehouse: Warehouse): Promise<void> {
  for (const statement of FILL) {
    await warehouse.transaction((client) => client.query(statement, [EVENTS]), { statementMs: 600_000 });
  }
  const size = `select pg_size_pretty(sum(pg_total_relation_size(c.oid))) as size, sum(greatest(reltuples, 0))::bigint as rows
    from pg_class c where relnamespace = current_schema()::regnamespace and relkind = 'r'`;
  await warehouse.transaction((client) => client.query('analyze'), { statementMs: 600_000 });
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ size: string; rows: string }>(size),
  );
  console.log(`${EVENTS} events; in all ${rows[0]?.rows} rows, ${rows[0]?.size}\n`);
}

async function report(
  what: string,
  warehouse: Warehouse,
  work: () => Promise<unknown>,
  writes = false,
): Promise<void> {
  const writer = writes ? new Writer(warehouse) : undefined;
  const began = performance.now();
  await work();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const waits = await writer?.stop();
  const waited = waits
    ? `; ${waits.pages} pages were written meanwhile, the slowest took ${waits.slowestMs.toFixed(0)} ms, usual are ${waits.usualMs.toFixed(0)} ms`
    : '';
  console.log(`${what}: ${seconds} s${waited}`);
}

/** Writes a page of a hundred events after the other, a cursor among them, as a cycle does. */
class Writer {
  private readonly tookMs: number[] = [];
  private isStopping = false;
  private readonly ended: Promise<void>;

  constructor(private readonly warehouse: Warehouse) {
    this.ended = this.run();
  }

  private async run(): Promise<void> {
    for (let page = 0; !this.isStopping; page += 1) {
      const began = performance.now();
      await this.warehouse.transaction((client) =>
        client.query(
          `insert into talon_one_event (application_id, event_id, created, profile_id, session_id, payload)
           select 2, $1::bigint * 100 + n, now(), n, $1::bigint * 100 + n, jsonb_build_object('id', n, 'attributes', jsonb_build_object('n', n))
           from generate_series(1, 100) as n`,
          [page + Math.floor(performance.timeOrigin % 1e9)],
        ),
      );
      this.tookMs.push(performance.now() - began);
      await sleep(5);
    }
  }

  async stop(): Promise<{ pages: number; slowestMs: number; usualMs: number }> {
    this.isStopping = true;
    await this.ended;
    const sorted = this.tookMs.toSorted((one, other) => one - other);
    return {
      pages: sorted.length,
      slowestMs: sorted.at(-1) ?? 0,
      usualMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
    };
  }
}

const cleanUp = new CleanUp();
try {
  await measure();
} finally {
  await cleanUp.run();
}
