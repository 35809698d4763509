import pg from 'pg';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { cutAfterCommit, cutBeforeCommit } from './support/commit-cut.js';
import { startOwnPostgres } from './support/own-postgres.js';
import {
  createTestDatabase,
  prepareTemplate,
  setReadOnly,
  type TestDatabase,
  terminateConnections,
} from './support/postgres.js';
import { startTcpProxy, type TcpProxy, throughProxy } from './support/proxy.js';

// The tools that other tests disturb Postgres with do what they say.

const undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function newDatabase(migrateDatabase?: (url: string) => Promise<void>): Promise<TestDatabase> {
  const database = await createTestDatabase(migrateDatabase ? { migrateDatabase } : {});
  undo.push(database.drop);
  return database;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  undo.push(() => client.end());
  return client;
}

async function newProxy(database: TestDatabase): Promise<TcpProxy> {
  const { hostname, port } = new URL(database.url);
  const proxy = await startTcpProxy(hostname, Number(port));
  undo.push(proxy.close);
  return proxy;
}

describe('test databases', () => {
  test('each call gives a database of its own', async () => {
    const [one, other] = [await newDatabase(), await newDatabase()];
    await one.query('create table t as select 1 as n');
    expect(await one.query('select n from t')).toEqual([{ n: 1 }]);
    await expect(other.query('select n from t')).rejects.toMatchObject({ code: '42P01' });
  });

  test('a migrated database is cloned from one template, filled once however many ask at once', async () => {
    let calls = 0;
    const migrateDatabase = async (url: string) => {
      calls += 1;
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('create table migrated ()');
      await client.end();
    };
    const { adminUrl } = inject('testPostgres');
    const key = 'support-test';
    await Promise.all([1, 2, 3, 4].map(() => prepareTemplate(adminUrl, migrateDatabase, key)));
    expect(calls).toBe(1);
    const database = await createTestDatabase({ migrateDatabase, templateKey: key });
    undo.push(database.drop);
    expect(await database.query('select * from migrated')).toEqual([]);
    expect(calls).toBe(1);
  });

  test('a connection left open makes drop() fail, and the database goes all the same', async () => {
    const database = await createTestDatabase();
    await connect(database.url);
    await expect(database.drop()).rejects.toThrow('the test left 1 connections open');
    await expect(connect(database.url)).rejects.toMatchObject({ code: '3D000' });
  });

  test('connections can be ended, all or those of a condition', async () => {
    const database = await newDatabase();
    const [idle, busy] = [await connect(database.url), await connect(database.url)];
    await busy.query('begin');
    expect(await terminateConnections(database, `state = 'idle in transaction'`)).toBe(1);
    await expect(busy.query('select 1')).rejects.toThrow();
    await idle.query('select 1');
    expect(await terminateConnections(database)).toBe(1);
    await expect(idle.query('select 1')).rejects.toThrow();
  });

  test('a database can be made read-only and writable again', async () => {
    const database = await newDatabase();
    await database.query('create table t (n int)');
    await setReadOnly(database, true);
    const insert = async () => (await connect(database.url)).query('insert into t values (1)');
    await expect(insert()).rejects.toMatchObject({ code: '25006' });
    await database.query('insert into t values (2)');
    await setReadOnly(database, false);
    await insert();
  });
});

describe('the proxy', () => {
  test('cut() resets the connections and lets new ones in', async () => {
    const database = await newDatabase();
    const proxy = await newProxy(database);
    const client = await connect(throughProxy(database.url, proxy));
    const sleeping = client.query('select pg_sleep(10)');
    proxy.cut();
    await expect(sleeping).rejects.toMatchObject({ code: 'ECONNRESET' });
    await (await connect(throughProxy(database.url, proxy))).query('select 1');
    await terminateConnections(database);
  });

  test('freeze() holds everything up, thaw() lets it go on', async () => {
    const database = await newDatabase();
    const proxy = await newProxy(database);
    const client = await connect(throughProxy(database.url, proxy));
    proxy.freeze();
    let isAnswered = false;
    const answer = client.query(`select repeat('x', 5000000) as x`).then((result) => {
      isAnswered = true;
      return result.rows[0].x.length;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isAnswered).toBe(false);
    proxy.thaw();
    expect(await answer).toBe(5_000_000);
  });

  test.each([
    ['a simple COMMIT', 'commit'],
    ['an extended COMMIT', { text: 'commit', values: [], queryMode: 'extended' }],
    ['a COMMIT among other statements', 'insert into t values (2); commit'],
  ])('cutAfterCommit: %s is done, and its answer never comes', async (_case, commit) => {
    const database = await newDatabase();
    await database.query('create table t (n int)');
    const proxy = await newProxy(database);
    const client = await connect(throughProxy(database.url, proxy));
    const cut = cutAfterCommit(proxy);
    await client.query('begin');
    await client.query('insert into t select generate_series(1, 3)');
    await expect(client.query(commit)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await cut;
    expect((await database.query('select n from t')).length).toBeGreaterThanOrEqual(3);
  });

  test.each([
    ['a simple COMMIT', 'commit'],
    ['an extended COMMIT', { text: 'commit', values: [], queryMode: 'extended' }],
  ])('cutBeforeCommit: %s never arrives', async (_case, commit) => {
    const database = await newDatabase();
    await database.query('create table t (n int)');
    const proxy = await newProxy(database);
    const client = await connect(throughProxy(database.url, proxy));
    await client.query('begin');
    await client.query('insert into t values ($1)', ['1']);
    const cut = cutBeforeCommit(proxy);
    await expect(client.query(commit)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await cut;
    expect(await database.query('select n from t')).toEqual([]);
  });
});

test('a Postgres of its own stops, crashes and comes back at the same address with its data', async () => {
  const postgres = await startOwnPostgres({ maxConnections: 7 });
  undo.push(postgres.remove);
  const client = await connect(postgres.url);
  expect((await client.query('show max_connections')).rows).toEqual([{ max_connections: '7' }]);
  await client.query('create table t as select 1 as n');
  await postgres.stopImmediately();
  await expect(client.query('select 1')).rejects.toThrow();
  await postgres.start();
  await postgres.crash();
  await postgres.start();
  expect((await (await connect(postgres.url)).query('select n from t')).rows).toEqual([{ n: 1 }]);
});
