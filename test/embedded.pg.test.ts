import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { access, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/warehouse/embedded/cluster.js';
import { findPostmaster } from '../src/warehouse/embedded/postmaster.js';
import { endPostmaster } from './support/data-dir.js';
import { fast, newDataDir, queryOnce, useCluster } from './support/embedded-data.js';

// The launcher in one process.

const clusterDir = useCluster();

test('the first start makes a cluster, the next one keeps its data, its password and its port', async () => {
  const dataDir = await newDataDir();
  const first = await startEmbeddedPostgres({ dataDir, settings: fast });
  expect(first).toMatchObject({ outcome: 'created', owned: true });
  expect(first.version).toMatch(/^18\.\d+$/);
  expect(new URL(first.url)).toMatchObject({ hostname: '127.0.0.1', pathname: '/talon_one' });
  await queryOnce(first.url, 'create table kept as select 1 as n');
  await first.stop();
  await first.stop();
  expect(await findPostmaster(first.dataDir)).toBeUndefined();

  const second = await startEmbeddedPostgres({ dataDir, settings: fast });
  expect(second).toMatchObject({ outcome: 'started', owned: true, url: first.url, dataDir: first.dataDir });
  expect(await queryOnce(second.url, 'select n from kept')).toEqual([[1]]);
  await second.stop();
});

test('the server is UTF8, UTC, durable, on 127.0.0.1 alone, and lets nobody in without the password', async () => {
  const { url, dataDir } = await startEmbeddedPostgres({ dataDir: clusterDir() });
  const [row] = await queryOnce(
    url,
    `select current_setting('server_encoding'), current_setting('timezone'), current_setting('fsync'),
            current_setting('synchronous_commit'), current_setting('listen_addresses'),
            current_setting('unix_socket_directories'), datcollate from pg_database where datname = 'talon_one'`,
  );
  expect(row).toEqual(['UTF8', 'UTC', 'on', 'on', '127.0.0.1', '', 'C']);
  const stranger = new URL(url);
  stranger.password = 'wrong';
  await expect(queryOnce(stranger.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  expect((await stat(join(dirname(dataDir), 'password'))).mode & 0o777).toBe(0o600);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
});

test('the server has a session of its own, so that Ctrl-C is for the daemon alone', async () => {
  const { dataDir } = await startEmbeddedPostgres({ dataDir: clusterDir(), settings: fast });
  const server = await findPostmaster(dataDir);
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,pgid=', '-p', String(server?.pid)]);
  expect(stdout.trim().split(/\s+/)).toEqual([String(server?.pid), String(server?.pid)]);
});

test('settings are passed on, whatever is in their values', async () => {
  const dataDir = clusterDir();
  const odd = { ...fast, max_connections: '17', 'talon.odd': `it's "a" $HOME \\ value` };
  const { url } = await startEmbeddedPostgres({ dataDir, settings: odd });
  const [row] = await queryOnce(
    url,
    `select current_setting('max_connections'), current_setting('talon.odd')`,
  );
  expect(row).toEqual(['17', odd['talon.odd']]);
});

test('a folder works whatever its name holds, and however long its path is', async () => {
  const dataDir = join(await newDataDir(`my "own" $HOME \`data\` it's ü`), 'x'.repeat(150));
  const { url, dataDir: pgdata } = await startEmbeddedPostgres({ dataDir, settings: fast });
  expect(await queryOnce(url, 'select 1')).toEqual([[1]]);
  await endPostmaster(pgdata, 'SIGQUIT');
});

test('a port that somebody else has taken meanwhile is given up', async () => {
  const dataDir = clusterDir();
  const first = await startEmbeddedPostgres({ dataDir, settings: fast });
  const port = Number(new URL(first.url).port);
  await first.stop();
  const squatter = createServer().listen({ host: '127.0.0.1', port });
  try {
    const second = await startEmbeddedPostgres({ dataDir, settings: fast });
    expect(new URL(second.url).port).not.toBe(String(port));
    expect(await queryOnce(second.url, 'select 1')).toEqual([[1]]);
  } finally {
    squatter.close();
  }
});

test('a start cut off in initdb leaves nothing half made, and the next one works', async () => {
  const dataDir = await newDataDir();
  const abort = new AbortController();
  const started = startEmbeddedPostgres({ dataDir, settings: fast, signal: abort.signal });
  const home = join(dataDir, 'postgres');
  await expect
    .poll(() => readdir(home).catch(() => []), { interval: 5 })
    .toContainEqual(expect.stringMatching(/^initdb-\w{6}$/));
  abort.abort();
  await expect(started).rejects.toMatchObject({ name: 'AbortError' });
  await expect(access(join(home, 'pgdata'))).rejects.toMatchObject({ code: 'ENOENT' });
  mkdirSync(join(home, 'initdb-killed'));

  const { outcome, stop } = await startEmbeddedPostgres({ dataDir, settings: fast });
  expect(outcome).toBe('created');
  expect(await readdir(home)).not.toContainEqual(expect.stringMatching(/^initdb-/));
  await stop();
});

test('a signal that is aborted already starts nothing', async () => {
  const dataDir = await newDataDir();
  const started = startEmbeddedPostgres({ dataDir, signal: AbortSignal.abort() });
  await expect(started).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readdir(dataDir)).toEqual([]);
});

test('a start that Postgres refuses says why in one line', async () => {
  const dataDir = clusterDir();
  const versionFile = join(dataDir, 'postgres', 'pgdata', 'PG_VERSION');
  await writeFile(versionFile, '15\n');
  const error: unknown = await startEmbeddedPostgres({ dataDir, settings: fast }).catch((reason) => reason);
  await writeFile(versionFile, '18\n');
  expect(error).toMatchObject({
    name: 'EmbeddedPostgresError',
    message: expect.stringMatching(
      /^[^\n]*does not start[^\n]*incompatible[^\n]*version 15[^\n]*DATABASE_URL[^\n]*$/,
    ),
  });
});
