import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, ownIdentity, parseIdentity } from './process-identity.js';
import { makeFolder, readIfThere, writeWhole } from './whole-file.js';

// Who uses the server: a file for each use, with the process that made it. The last one to leave stops the server,
// so that a command that happened to start it does not take it away from a daemon that came later.

/** Notes that this process uses the server; returns what takes the note away. */
export async function registerUse(home: string): Promise<() => Promise<void>> {
  const folder = join(home, 'users');
  await makeFolder(folder, 0o755);
  const file = join(folder, randomBytes(8).toString('hex'));
  await writeWhole(file, JSON.stringify(await ownIdentity()), 0o644);
  return () => rm(file, { force: true });
}

/** How many uses by living processes there are; forgets the others. */
export async function countUses(home: string): Promise<number> {
  const folder = join(home, 'users');
  const names = await readdir(folder).catch(() => []);
  let alive = 0;
  for (const name of names) {
    const file = join(folder, name);
    const identity = parseIdentity((await readIfThere(file)) ?? '');
    if (identity && (await isAlive(identity))) alive += 1;
    else await rm(file, { force: true });
  }
  return alive;
}
