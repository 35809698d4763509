import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/warehouse/embedded/cluster.js';
import { locateNative } from '../src/warehouse/embedded/native.js';
import { isAlive, ownIdentity } from '../src/warehouse/embedded/process-identity.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-unit-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('programs that cannot be used', () => {
  test('an absent package gives one line with both ways out', async () => {
    const [platform, arch] = process.platform === 'win32' ? ['linux', 'x64'] : ['win32', 'x64'];
    await expect(locateNative(platform, arch)).rejects.toMatchObject({
      name: 'EmbeddedPostgresError',
      message: expect.stringMatching(
        /^[^\n]*is not installed: set DATABASE_URL, or install without --omit=optional$/,
      ),
    });
  });

  test('a platform without a package is named', async () => {
    await expect(locateNative('sunos', 'sparc')).rejects.toThrow(
      'There is no embedded Postgres for sunos on sparc: set DATABASE_URL',
    );
  });

  test('programs whose loader is missing, as on Alpine, are explained', async () => {
    await mkdir(join(folder, 'native', 'bin'), { recursive: true });
    await mkdir(join(folder, 'native', 'share', 'postgresql'), { recursive: true });
    await writeFile(join(folder, 'native', 'share', 'postgresql', 'postgres.bki'), '');
    for (const name of ['initdb', 'pg_ctl', 'postgres']) {
      await writeFile(join(folder, 'native', 'bin', name), '#!/lib64/ld-absent.so\n', { mode: 0o755 });
    }
    await chmod(folder, 0o755);
    const started = startEmbeddedPostgres({
      dataDir: join(folder, 'data'),
      nativeDir: join(folder, 'native'),
    });
    await expect(started).rejects.toMatchObject({
      name: 'EmbeddedPostgresError',
      message: expect.stringMatching(/^[^\n]*glibc[^\n]*Alpine[^\n]*set DATABASE_URL$/),
    });
  });

  test('a data folder that cannot be made is one clear error', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(startEmbeddedPostgres({ dataDir: join(folder, 'file', 'data') })).rejects.toMatchObject({
      name: 'EmbeddedPostgresError',
      message: expect.stringMatching(/^The embedded Postgres in [^\n]*ENOTDIR[^\n]*DATABASE_URL[^\n]*$/),
    });
  });
});

describe('the identity of a process', () => {
  test('is alive as long as the process, and only that process', async () => {
    const own = await ownIdentity();
    expect(await isAlive(own)).toBe(true);
    if (process.platform === 'linux')
      expect(await isAlive({ ...own, started: 'another boot 1' })).toBe(false);
    const child = spawn(process.execPath, ['--eval', '']);
    await once(child, 'exit');
    expect(await isAlive({ pid: Number(child.pid) })).toBe(false);
  });
});
