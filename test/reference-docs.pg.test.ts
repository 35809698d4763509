import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { entities } from '../src/sync/reference/entities.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const page = readFileSync(join(packageRoot(), 'docs/reference-data.md'), 'utf8');

test('every query of the page on reference data runs', async () => {
  const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  expect(queries).toHaveLength(4);
  for (const query of queries) await db().rows(query);
});

test('every kind of reference data stands on the page, with all its typed columns', () => {
  for (const { table } of entities) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${table.name}\` |`)) ?? '';
    const missing = table.columns.map(({ name }) => name).filter((name) => !row.includes(name));
    expect(missing, table.name).toEqual([]);
  }
});
