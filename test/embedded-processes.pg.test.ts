import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/warehouse/embedded/cluster.js';
import { findPostmaster } from '../src/warehouse/embedded/postmaster.js';
import { endPostmaster } from './support/data-dir.js';
import { buildEmbeddedChild, type EmbeddedChild, startEmbeddedChild } from './support/embedded-child.js';
import { fast, newDataDir, queryOnce, useCluster } from './support/embedded-data.js';

// The launcher in several processes, some of which are killed.

const clusterDir = useCluster();
let tools: string;
let child: string;

beforeAll(async () => {
  tools = await mkdtemp(join(tmpdir(), 'talon-one-sync-tools-'));
  child = await buildEmbeddedChild(tools);
});

afterAll(() => rm(tools, { recursive: true, force: true }));

async function startChild(dataDir: string): Promise<EmbeddedChild> {
  const started = await startEmbeddedChild(child, dataDir);
  onTestFinished(started.kill);
  return started;
}

describe('crashes', () => {
  test('a server left by a killed daemon is taken over with its data', async () => {
    const dataDir = clusterDir();
    const killed = await startChild(dataDir);
    await queryOnce(killed.postgres.url, 'create table left_behind as select 1 as n');
    const before = await findPostmaster(killed.postgres.dataDir);
    await killed.kill();

    const next = await startEmbeddedPostgres({ dataDir, settings: fast });
    expect(next).toMatchObject({ outcome: 'adopted', owned: true, url: killed.postgres.url });
    expect((await findPostmaster(next.dataDir))?.pid).toBe(before?.pid);
    expect(await queryOnce(next.url, 'select n from left_behind')).toEqual([[1]]);
    await next.stop();
    expect(await findPostmaster(next.dataDir)).toBeUndefined();
  });

  test('after kill -9 of the server itself the next start recovers what was committed', async () => {
    const dataDir = clusterDir();
    const first = await startEmbeddedPostgres({ dataDir });
    await queryOnce(first.url, 'create table kept as select generate_series(1, 1000) as n');
    await endPostmaster(first.dataDir, 'SIGKILL');
    await first.stop();

    const second = await startEmbeddedPostgres({ dataDir });
    expect(second).toMatchObject({ outcome: 'started', owned: true });
    expect(await queryOnce(second.url, 'select count(*)::int from kept')).toEqual([[1000]]);
  });

  test.each([
    ['names a process that is not the server', `${process.pid}\n/elsewhere\n1\n5432\n`],
    ['is empty', ''],
  ])('a postmaster.pid from before a machine crash that %s does not block', async (_case, content) => {
    const dataDir = clusterDir();
    await writeFile(join(dataDir, 'postgres', 'pgdata', 'postmaster.pid'), content);
    const second = await startEmbeddedPostgres({ dataDir, settings: fast });
    expect(second.outcome).toBe('started');
  });

  test('a killed daemon whose process id is in use again is not believed to be alive', async () => {
    const dataDir = clusterDir();
    const first = await startEmbeddedPostgres({ dataDir, settings: fast });
    const users = join(first.dataDir, '..', 'users');
    const [note] = await readdir(users);
    const identity = JSON.parse(await readFile(join(users, String(note)), 'utf8')) as { started: string };
    await writeFile(
      join(users, 'other'),
      JSON.stringify({ pid: process.pid, started: `${identity.started}0` }),
    );
    await first.stop();
    expect(await findPostmaster(first.dataDir)).toBeUndefined();
  });
});

describe('several processes', () => {
  test("a guest does not stop the owner's server", async () => {
    const dataDir = clusterDir();
    const owner = await startChild(dataDir);
    const guest = await startEmbeddedPostgres({ dataDir, settings: fast });
    expect(guest).toMatchObject({ outcome: 'adopted', owned: false, url: owner.postgres.url });
    await guest.stop();
    expect(await queryOnce(owner.postgres.url, 'select 1')).toEqual([[1]]);
    await owner.stop();
    expect(await findPostmaster(guest.dataDir)).toBeUndefined();
  });

  test('an owner that leaves first leaves the server to its guest, who stops it', async () => {
    const dataDir = clusterDir();
    const owner = await startChild(dataDir);
    const guest = await startEmbeddedPostgres({ dataDir, settings: fast });
    await owner.stop();
    expect(await queryOnce(guest.url, 'select 1')).toEqual([[1]]);
    await guest.stop();
    expect(await findPostmaster(guest.dataDir)).toBeUndefined();
  });

  test('processes that start at the same moment share one server, those of another folder have theirs', async () => {
    const dataDir = await newDataDir();
    const [elsewhere, ...together] = await Promise.all(
      [clusterDir(), dataDir, dataDir, dataDir].map((folder) => startChild(folder)),
    );
    const facts = together.map(({ postgres }) => postgres);
    expect(new Set(facts.map(({ url }) => url)).size).toBe(1);
    expect(facts.map(({ outcome }) => outcome).sort()).toEqual(['adopted', 'adopted', 'created']);
    expect(facts.filter(({ owned }) => owned)).toHaveLength(1);
    expect(elsewhere?.postgres).toMatchObject({ outcome: 'started', owned: true });
    expect(elsewhere?.postgres.url).not.toBe(facts[0]?.url);

    await Promise.all(together.map((one) => one.stop()));
    expect(await findPostmaster(String(facts[0]?.dataDir))).toBeUndefined();
    expect(await queryOnce(String(elsewhere?.postgres.url), 'select 1')).toEqual([[1]]);
  });
});
