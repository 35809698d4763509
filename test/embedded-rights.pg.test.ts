import { execFile } from 'node:child_process';
import { chmod, chown, cp, lstat, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/warehouse/embedded/cluster.js';
import { locateNative } from '../src/warehouse/embedded/native.js';
import { findPlace } from '../src/warehouse/embedded/place.js';
import { findPostmaster } from '../src/warehouse/embedded/postmaster.js';
import { removeDataDir } from './support/data-dir.js';
import { fast, newDataDir, queryOnce, useCluster } from './support/embedded-data.js';

// The launcher where rights are missing. As root Postgres runs as another user; what takes root to try, an ordinary
// user tries in the form in which it can happen to him.

const isRoot = process.getuid?.() === 0;
const clusterDir = useCluster();

describe('rights', () => {
  test('below a folder that the user of Postgres may not enter the cluster lives elsewhere', async () => {
    const dataDir = await newDataDir('my data', 0o700);
    const first = await startEmbeddedPostgres({ dataDir, settings: fast });
    await queryOnce(first.url, 'create table kept as select 1 as n');
    await first.stop();
    // An ordinary user runs Postgres himself, and may enter what is his own.
    expect(first.dataDir.startsWith(isRoot ? '/var/lib/talon-one-sync/' : dataDir)).toBe(true);

    const again = await startEmbeddedPostgres({ dataDir, settings: fast });
    expect(again).toMatchObject({ outcome: 'started', dataDir: first.dataDir });
    await again.stop();

    // A moved folder keeps its data, a copied one gets its own.
    const [moved, copied] = [`${dataDir} moved`, `${dataDir} copied`];
    for (const path of [moved, copied]) onTestFinished(() => removeDataDir(path, path));
    await rename(dataDir, moved);
    await promisify(execFile)('cp', ['-a', moved, copied]);
    const original = await startEmbeddedPostgres({ dataDir: moved, settings: fast });
    expect(await queryOnce(original.url, 'select n from kept')).toEqual([[1]]);
    expect((await findPlace(copied)).pgdata).not.toBe(original.dataDir);
    expect((await findPlace(moved)).pgdata).toBe(original.dataDir);
  });

  test('the server never runs as root, and a data folder of somebody stays his', async () => {
    const dataDir = await newDataDir();
    const daemon = { uid: 1, gid: 1 };
    if (isRoot) await chown(dataDir, daemon.uid, daemon.gid);
    const owner = await stat(dataDir);
    const { dataDir: pgdata, stop } = await startEmbeddedPostgres({ dataDir, settings: fast });
    expect(owner.uid).not.toBe(0);
    expect((await stat(pgdata)).uid).toBe(owner.uid);
    const server = await findPostmaster(pgdata);
    if (process.platform === 'linux') expect((await stat(`/proc/${server?.pid}`)).uid).toBe(owner.uid);
    await stop();
    const beside = await readdir(join(pgdata, '..'));
    for (const name of beside) expect((await stat(join(pgdata, '..', name))).uid).toBe(owner.uid);
  });
});

describe('programs', () => {
  let nativeDir: string;
  const version = `0.0.0-test-${process.pid}`;

  // A package as npm leaves it when no install script ran.
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-package-'));
    const original = await locateNative();
    await cp(original, join(folder, 'package', 'native'), {
      recursive: true,
      filter: (path) => !path.endsWith('.a'),
    });
    await writeFile(
      join(folder, 'package', 'package.json'),
      JSON.stringify({ name: '@test/postgres', version }),
    );
    nativeDir = join(folder, 'package', 'native');
    await removeLinks();
  });

  afterAll(() => rm(join(nativeDir, '..', '..'), { recursive: true }));

  async function removeLinks(): Promise<void> {
    for (const entry of await readdir(join(nativeDir, 'lib'), { withFileTypes: true })) {
      if (entry.isSymbolicLink()) await rm(join(nativeDir, 'lib', entry.name));
    }
  }

  test('what cannot be run in place is copied to a place that can be reached', async () => {
    // For root the package lies where the user of Postgres cannot go; an ordinary user cannot write it.
    await chmod(join(nativeDir, '..', '..'), 0o700);
    await chmod(join(nativeDir, 'lib'), 0o555);
    const { url } = await startEmbeddedPostgres({ dataDir: clusterDir(), settings: fast, nativeDir });
    expect(await queryOnce(url, 'select 1')).toEqual([[1]]);
    await expect(lstat(join(nativeDir, 'lib', 'libpq.so.5'))).rejects.toMatchObject({ code: 'ENOENT' });
    const copies = isRoot ? '/var/lib/talon-one-sync' : join(homedir(), '.cache', 'talon-one-sync');
    await rm(join(copies, `native-postgres-${version}`), { recursive: true });
  });

  test('missing links are restored where node_modules can be written', async () => {
    await chmod(join(nativeDir, '..', '..'), 0o755);
    await chmod(join(nativeDir, 'lib'), 0o755);
    const { url } = await startEmbeddedPostgres({ dataDir: clusterDir(), settings: fast, nativeDir });
    expect(await queryOnce(url, 'select 1')).toEqual([[1]]);
    expect((await lstat(join(nativeDir, 'lib', 'libpq.so.5'))).isSymbolicLink()).toBe(true);
  });
});
