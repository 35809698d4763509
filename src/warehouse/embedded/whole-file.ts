import { randomBytes } from 'node:crypto';
import { chmod, lchown, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

// Files beside the cluster. One rule for root: what it makes belongs to whom the folder belongs, so that the
// same person can go on without root later. Nothing is written through a link that somebody else planted there.

/** Writes the file whole or not at all, also when the machine stops half-way. */
export async function writeWhole(path: string, text: string, mode = 0o600): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, 'wx', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await inheritOwner(draft);
  await rename(draft, path);
  await syncFolder(dirname(path));
}

/** The file's text, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Makes the folder with exactly this mode (whatever the umask is); false when it was there already. */
export async function makeFolder(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  await chmod(path, mode);
  await inheritOwner(path);
  return true;
}

/** As root: gives `path` to the owner of the folder it lies in. */
export async function inheritOwner(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const folder = await stat(dirname(path));
  await lchown(path, folder.uid, folder.gid);
}

/** Makes the names in a folder durable; a rename before it can then no longer be lost. */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders, and makes names durable by itself.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The errno or SQLSTATE of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
