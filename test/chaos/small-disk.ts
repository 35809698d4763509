import { execFile } from 'node:child_process';
import { chown, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of a fixed size, to be filled up. It needs Linux and the right to mount. */
export class SmallDisk {
  private constructor(
    /** Where the tablespace lies. */
    readonly path: string,
    private readonly mountPoint: string,
  ) {}

  /** `undefined` where the machine does not permit it. The folder belongs to the owner of `dataDir`. */
  static async mount(folder: string, megabytes: number, dataDir: string): Promise<SmallDisk | undefined> {
    const mountPoint = join(folder, 'small-disk');
    await mkdir(mountPoint);
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', mountPoint]);
    } catch {
      return undefined;
    }
    const path = join(mountPoint, 'tablespace');
    await mkdir(path, { mode: 0o700 });
    const owner = await stat(dataDir);
    await chown(path, owner.uid, owner.gid);
    return new SmallDisk(path, mountPoint);
  }

  /** Nothing more fits. */
  async fill(): Promise<void> {
    const file = await open(this.ballast, 'w');
    try {
      const megabyte = Buffer.alloc(1024 * 1024);
      for (;;) await file.write(megabyte);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  async empty(): Promise<void> {
    await rm(this.ballast, { force: true });
  }

  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.mountPoint]);
  }

  private get ballast(): string {
    return join(this.mountPoint, 'ballast');
  }
}
