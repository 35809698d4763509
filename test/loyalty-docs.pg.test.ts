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
