import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

test('every query of the loyalty page runs', async () => {
  const page = readFileSync(join(packageRoot(), 'docs/loyalty.md'), 'utf8');
  const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  expect(queries.length).toBeGreaterThan(8);
  for (const query of queries) await db().rows(query);
});

test('the deletes of the page take what is too old, by the primary keys, and nothing else', async () => {
  const page = readFileSync(join(packageRoot(), 'docs/loyalty.md'), 'utf8');
  const [, block = ''] = page.match(/```sql\n(delete from[\s\S]*?)```/) ?? [];
  const statements = block.split(';').filter((statement) => statement.trim() !== '');
  expect(statements).toHaveLength(4);
  const kept = { balance_snapshot: 'balances', tier_snapshot: 'tiers', balance_projection: 'projection' };
  await db().rows(`insert into talon_one_loyalty_snapshot (program_id, kind, fetched_at, finished_at)
    select program, kind, date_trunc('day', now()) - day * interval '1 day', now()
    from generate_series(1, 2) as program, unnest(array['balances', 'tiers', 'projection', 'join-dates']) as kind,
      generate_series(0, 91) as day`);
  for (const [table, kind] of Object.entries(kept)) {
    const [column, value] = kind === 'projection' ? [', day, balance_at', ", '2026-01-01', now()"] : ['', ''];
    await db().rows(`insert into talon_one_loyalty_${table} (program_id, fetched_at, holder, subledger_id${column})
      select program_id, fetched_at, 'customer-' || number, ''${value}
      from talon_one_loyalty_snapshot, generate_series(1, 100) as number where kind = '${kind}'`);
    await db().rows(`analyze talon_one_loyalty_${table}`);
  }
  await db().rows('analyze talon_one_loyalty_snapshot');
  // A table of this size is read whole all the same, unless the planner is told not to.
  const client = await db().database.pool.connect();
  try {
    await client.query(
      'begin; set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off',
    );
    for (const statement of statements.slice(0, 3)) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${statement}`);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('Index Cond: ((program_id = r.program_id) AND (fetched_at = r.fetched_at))');
    }
  } finally {
    await client.query('rollback');
    client.release();
  }
  for (const statement of statements) await db().rows(statement);
  for (const table of Object.keys(kept)) {
    const [row] = await db().rows(`select count(*)::int as rows, count(distinct fetched_at)::int as days,
      min(fetched_at) >= now() - interval '90 days' as is_new from talon_one_loyalty_${table}`);
    expect(row, table).toEqual({ rows: 2 * 90 * 100, days: 90, is_new: true });
  }
  const left = 'select count(*)::int from talon_one_loyalty_snapshot';
  expect(await db().value(left)).toBe(String(2 * 4 * 90));
});

test('every table, view and variable of loyalty stands on the page', async () => {
  const page = readFileSync(join(packageRoot(), 'docs/loyalty.md'), 'utf8');
  const names = await db().rows<{ name: string }>(
    `select relname::text as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') and relname like 'talon\\_one\\_loyalty\\_%'`,
  );
  expect(names.map(({ name }) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('views and functions of loyalty serve readers with any search_path', async () => {
  const client = await db().database.pool.connect();
  try {
    await client.query(`begin; set local search_path to ''`);
    for (const name of ['balance', 'difference', 'projection', 'reported_balance', 'reported_tier'])
      await client.query(`select * from public.talon_one_loyalty_${name}`);
    await client.query(`select * from public.talon_one_loyalty_balances_at(now(), 1, 'ada')`);
  } finally {
    await client.query('rollback');
    client.release();
  }
});
