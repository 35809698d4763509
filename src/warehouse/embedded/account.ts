import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readIfThere } from './whole-file.js';

// Postgres refuses to run as root. When we are root it runs as the owner of its files: as the person the data
// folder belongs to, or as `nobody` when that is root too.

export interface Account {
  uid: number;
  gid: number;
}

interface User extends Account {
  name: string;
}

const enter = 0o1;
const read = 0o4;

/** The account that runs Postgres on `pgdata`, which may not exist yet; undefined: simply ours. */
export async function accountFor(pgdata: string, dataDir: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const files = await ownerOf(pgdata);
  if (files && files.uid !== 0) return files;
  const users = await listUsers();
  const person = await ownerOf(dataDir);
  // initdb insists on a name for its user id: an owner without one (a volume from elsewhere) will not do.
  if (person && person.uid !== 0 && users.some((user) => user.uid === person.uid)) return person;
  return unprivilegedUser(users);
}

/** Whether the account may enter the folder, which takes the right to pass every folder above it. */
export async function mayEnter(folder: string, account: Account): Promise<boolean> {
  for (let path = await realpath(folder); ; path = dirname(path)) {
    if (!allows(await stat(path), account, enter)) return false;
    if (path === dirname(path)) return true;
  }
}

/** Whether the account may read the file, given that it may enter the folder. */
export async function mayRead(file: string, account: Account): Promise<boolean> {
  return allows(await stat(file), account, read);
}

function allows(stats: Stats, account: Account, right: number): boolean {
  const shift = stats.uid === account.uid ? 6 : stats.gid === account.gid ? 3 : 0;
  return ((stats.mode >> shift) & right) === right;
}

async function ownerOf(path: string): Promise<Account | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats && { uid: stats.uid, gid: stats.gid };
}

async function listUsers(): Promise<User[]> {
  const text = (await readIfThere('/etc/passwd')) ?? '';
  return text.split('\n').map((line) => {
    const [name = '', , uid, gid] = line.split(':');
    return { name, uid: Number(uid), gid: Number(gid) };
  });
}

function unprivilegedUser(users: User[]): Account {
  for (const name of ['nobody', 'daemon']) {
    const user = users.find((candidate) => candidate.name === name);
    // macOS gives nobody the id -2, which cannot be passed on everywhere; daemon serves there.
    if (user && user.uid > 0 && user.gid >= 0) return { uid: user.uid, gid: user.gid };
  }
  return { uid: 65534, gid: 65534 };
}
