import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { UserError } from '../src/errors.js';
import { isMigrated, migrate } from '../src/warehouse/migrate.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { withAdmin } from './support/admin.js';
import { createTestDatabase } from './support/postgres.js';
import { openWarehouse } from './support/warehouse.js';

const database = createTestDatabase();
const opened: Warehouse[] = [];

afterAll(async () => {
  for (const warehouse of opened) await warehouse.pool.end();
  await (await database).drop();
});

let schemas = 0;

/** A schema of the test's own in the database of this file; it does not exist yet. */
function freshSchema(): string {
  schemas += 1;
  return `fresh_${schemas}`;
}

async function open(schema: string, poolSize = 1): Promise<Warehouse> {
  const warehouse = openWarehouse((await database).url, { schema, poolSize });
  opened.push(warehouse);
  return warehouse;
}

async function applied(schema: string): Promise<string[]> {
  const { query } = await database;
  const rows = await query<{ name: string }>(
    `select name from "${schema.replaceAll('"', '""')}".talon_one_migration order by applied_at, name`,
  );
  return rows.map((row) => row.name);
}

async function tablesOf(schema: string): Promise<string[]> {
  const rows = await (await database).query<{ relname: string }>(
    `select relname from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'p') order by 1`,
    [`"${schema.replaceAll('"', '""')}"`],
  );
  return rows.map((row) => row.relname);
}

/** A folder of migrations. */
async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

test('a fresh database gets every migration, and a second start does nothing', async () => {
  const schema = freshSchema();
  const warehouse = await open(schema);
  expect(await isMigrated(warehouse)).toBe(false);
  expect(await migrate(warehouse)).toContain('0001_initial.sql');
  expect(await isMigrated(warehouse)).toBe(true);
  expect(await migrate(warehouse)).toEqual([]);
});

describe('ten at once run each migration once', () => {
  test.each([
    ['ten processes', 10, 1],
    ['ten calls in one process', 1, 10],
  ])('%s', async (_case, processes, calls) => {
    const schema = freshSchema();
    const folder = await folderOf({
      '0001_a.sql': 'create table a (n int); insert into a values (1); select pg_sleep(0.05)',
      '0002_b.sql': 'insert into a values (2)',
    });
    const warehouses = await Promise.all(Array.from({ length: processes }, () => open(schema, calls)));
    const runs = await Promise.all(
      warehouses.flatMap((warehouse) => Array.from({ length: calls }, () => migrate(warehouse, folder))),
    );
    expect(runs.flat().sort()).toEqual(['0001_a.sql', '0002_b.sql']);
    expect(await (await database).query(`select n from ${schema}.a order by n`)).toEqual([
      { n: 1 },
      { n: 2 },
    ]);
  });

  test('with the real migrations in a database that has nothing', async () => {
    const empty = await createTestDatabase();
    onTestFinished(() => empty.drop());
    const warehouses = Array.from({ length: 10 }, () => openWarehouse(empty.url, { poolSize: 1 }));
    const runs = await Promise.all(warehouses.map((warehouse) => migrate(warehouse)));
    await Promise.all(warehouses.map((warehouse) => warehouse.pool.end()));
    expect(runs.filter((run) => run.length > 0)).toHaveLength(1);
  });
});

test('an older program refuses a schema that a newer one has made, and changes nothing', async () => {
  const schema = freshSchema();
  const newer = await folderOf({ '0001_a.sql': 'create table a ()', '0002_later.sql': 'create table b ()' });
  const older = await folderOf({ '0001_a.sql': 'create table a ()', '0003_own.sql': 'create table c ()' });
  const warehouse = await open(schema);
  await migrate(warehouse, newer);
  const refusal = migrate(warehouse, older);
  await expect(refusal).rejects.toThrow(UserError);
  await expect(refusal).rejects.toThrow(/newer than this program.*0002_later\.sql.*newer version/);
  expect(await applied(schema)).toEqual(['0001_a.sql', '0002_later.sql']);
  expect(await tablesOf(schema)).not.toContain('c');
});

test.each(['Ware House', `o"dd'quotes;--`, 'ÜMLÄUT', 'a.b'])(
  'the schema may be called %s',
  async (schema) => {
    const warehouse = await open(schema);
    await migrate(warehouse);
    expect(await tablesOf(schema)).toContain('talon_one_event');
    expect(await tablesOf('public')).toEqual([]);
    // Partitions are made by name at run time.
    await warehouse.transaction((client) => client.query(`select talon_one_create_partitions('2026-03-01')`));
    expect(await tablesOf(schema)).toContain('talon_one_event_2026_03');
    expect(await migrate(warehouse)).toEqual([]);
  },
);

test('a failing migration leaves nothing half done, not even the ones before it', async () => {
  const schema = freshSchema();
  const folder = await folderOf({
    '0001_good.sql': 'create table good ()',
    '0002_bad.sql': 'create table half (); insert into nowhere values (1)',
  });
  const warehouse = await open(schema);
  await expect(migrate(warehouse, folder)).rejects.toThrow(/0002_bad\.sql/);
  const { query } = await database;
  expect(await query('select from pg_namespace where nspname = $1', [schema])).toEqual([]);
  await writeFile(join(folder, '0002_bad.sql'), 'create table mended ()');
  expect(await migrate(warehouse, folder)).toEqual(['0001_good.sql', '0002_bad.sql']);
  expect(await tablesOf(schema)).toEqual(['good', 'mended', 'talon_one_migration']);
});

test('migrations run in the order of their numbers; other files are left alone', async () => {
  const schema = freshSchema();
  const note = (name: string) => `insert into noted (name) values ('${name}')`;
  const folder = await folderOf({
    '0010_ten.sql': note('ten'),
    '0002_two.sql': note('two'),
    '0001_one.sql': 'create table noted (n serial, name text)',
    'README.md': 'not SQL',
    '0003_three.sql.bak': 'not SQL',
    'four.sql': 'not SQL',
  });
  await migrate(await open(schema), folder);
  expect(await (await database).query(`select name from ${schema}.noted order by n`)).toEqual([
    { name: 'two' },
    { name: 'ten' },
  ]);
});

test('a role that owns only its schema can migrate and make partitions', async () => {
  const own = await createTestDatabase();
  const role = `owner_${own.name}`;
  const { adminUrl } = inject('testPostgres');
  onTestFinished(async () => {
    await own.drop();
    await withAdmin(adminUrl, (admin) => admin.query(`drop role if exists ${role}`));
  });
  await own.query(`create role ${role} login password 'secret'`);
  await own.query(`revoke all on database ${own.name} from public`);
  await own.query(`grant connect on database ${own.name} to ${role}`);
  await own.query(`create schema warehouse authorization ${role}`);
  const url = new URL(own.url);
  url.username = role;
  url.password = 'secret';
  const warehouse = openWarehouse(url.href, { schema: 'warehouse' });
  try {
    await migrate(warehouse);
    await warehouse.transaction((client) => client.query(`select talon_one_create_partitions('2026-03-01')`));
  } finally {
    await warehouse.pool.end();
  }
});
