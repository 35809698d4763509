import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { takeLock } from '../src/warehouse/embedded/folder-lock.js';
import { isAlive } from '../src/warehouse/embedded/process-identity.js';

vi.mock('../src/warehouse/embedded/process-identity.js', { spy: true });

let folder: string;
let path: string;

beforeEach(async () => {
  vi.clearAllMocks();
  folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-unit-'));
  path = join(folder, 'lock');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const deadHolder = (token: string) => JSON.stringify({ token, pid: 2 ** 22 + 1, started: 'never' });

describe('the lock of a data folder', () => {
  test('waits while its holder lives, and is free after its release', async () => {
    const release = await takeLock(path);
    let isTaken = false;
    const second = takeLock(path).then((free) => {
      isTaken = true;
      return free;
    });
    await delay(100);
    expect(isTaken).toBe(false);
    await release();
    await (await second)();
    expect(await readdir(folder)).toEqual([]);
  });

  test('an abort ends the wait', async () => {
    const release = await takeLock(path);
    await expect(takeLock(path, AbortSignal.timeout(50))).rejects.toMatchObject({
      name: expect.stringMatching(/Abort|Timeout/),
    });
    await release();
  });

  test.each([
    ['a process that is dead', [['lock', deadHolder('aa')]]],
    [
      'a dead process and its dead successor',
      [
        ['lock', deadHolder('aa')],
        ['lock.aa', deadHolder('bb')],
      ],
    ],
    ['a machine that stopped while writing it', [['lock', '']]],
  ] as const)('is taken over from %s', async (_case, files) => {
    for (const [name, text] of files) await writeFile(join(folder, name), text);
    const release = await takeLock(path);
    await release();
    expect(await readdir(folder)).toEqual([]);
  });

  test('many that take it over from a dead process hold it one after the other', async () => {
    await writeFile(path, deadHolder('aa'));
    let holders = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const release = await takeLock(path);
        holders += 1;
        await delay(5);
        expect(holders).toBe(1);
        holders -= 1;
        await release();
      }),
    );
    expect(await readdir(folder)).toEqual([]);
  });

  test('who found the holder dead, and was held up while others took over and left, gets nothing by that', async () => {
    await writeFile(path, deadHolder('aa'));
    let goOn = () => {};
    const heldUp = new Promise<boolean>((resolve) => {
      goOn = () => resolve(false);
    });
    vi.mocked(isAlive).mockReturnValueOnce(heldUp);
    let isTaken = false;
    const slow = takeLock(path).then((release) => {
      isTaken = true;
      return release;
    });
    await vi.waitFor(() => expect(isAlive).toHaveBeenCalled());
    await (await takeLock(path))();
    const release = await takeLock(path);

    goOn();
    await delay(100);
    expect(isTaken).toBe(false);
    await release();
    await (await slow)();
    expect(await readdir(folder)).toEqual([]);
  });
});
