import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Account, mayEnter } from './account.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { type Place, systemFolder } from './place.js';
import { exists } from './whole-file.js';

// A copy of the programs for a Postgres user who cannot reach node_modules (root's home), or for a node_modules that
// nobody can write. Made once for each version, in a shared folder, or beside the cluster when that will not do.

/** The copy of `native`, made if there is none yet. */
export async function copyNative(native: string, place: Place): Promise<string> {
  const name = `native-${await versionOf(native)}`;
  let lastError: unknown;
  for (const folder of [sharedFolder(place.account), place.home]) {
    try {
      await mkdir(folder, { recursive: true });
      if (place.account && !(await mayEnter(folder, place.account))) continue;
      const copy = join(folder, name);
      if (!(await exists(copy))) await makeCopy(native, copy);
      return copy;
    } catch (error) {
      lastError = error;
    }
  }
  const message = `The embedded Postgres cannot be copied to ${place.home}: set DATABASE_URL`;
  throw new EmbeddedPostgresError(message, { cause: lastError });
}

/** Where all data folders can share one copy. */
function sharedFolder(account: Account | undefined): string {
  return account ? systemFolder : join(homedir(), '.cache', 'talon-one-sync');
}

/** Copies under another name first: what has the right name is complete. */
async function makeCopy(native: string, copy: string): Promise<void> {
  const draft = `${copy}.${randomBytes(6).toString('hex')}`;
  try {
    await cp(native, draft, {
      recursive: true,
      verbatimSymlinks: true,
      // Static libraries are a sixth of the package and nothing loads them.
      filter: (source) => !source.endsWith('.a') && basename(source) !== 'pkgconfig',
    });
    await openToAll(draft);
    await rename(draft, copy);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process was first.
    if (!(await exists(copy))) throw error;
  }
}

/** Lets everybody read and run the copy: a strict umask may have installed the package for root alone. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** Platform and version of the package, for instance linux-x64-18.4.0. */
async function versionOf(native: string): Promise<string> {
  const text = await readFile(join(dirname(native), 'package.json'), 'utf8');
  const { name, version } = JSON.parse(text) as { name: string; version: string };
  return `${basename(name)}-${version}`;
}
