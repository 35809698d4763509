import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, accountFor, mayEnter } from './account.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { exists, makeFolder, readIfThere, writeWhole } from './whole-file.js';

// Where the cluster lives: in DATA_DIR/postgres. Only when root keeps DATA_DIR where the user that runs Postgres
// cannot go (below root's home), it lives in a folder of the system instead, which a pointer file in DATA_DIR names.

export const systemFolder = '/var/lib/talon-one-sync';
const pointerFile = 'postgres-location.json';

export interface Place {
  /** Holds the cluster (`pgdata`), its password and its log. */
  home: string;
  pgdata: string;
  account: Account | undefined;
}

/** The place of the cluster of `dataDir`, made if it is new. Call it under the folder's lock. */
export async function findPlace(dataDir: string): Promise<Place> {
  const elsewhere = await followPointer(dataDir);
  if (elsewhere) return placeAt(elsewhere, await accountFor(join(elsewhere, 'pgdata'), elsewhere));
  const home = join(dataDir, 'postgres');
  const account = await accountFor(join(home, 'pgdata'), dataDir);
  if (!account || (await mayEnter(dataDir, account))) {
    await makeFolder(home, 0o711);
    return placeAt(home, account);
  }
  if (await exists(join(home, 'pgdata'))) {
    const message = `The files in ${home} belong to user ${account.uid}, who may no longer enter that folder: let it (chmod o+x) or set DATABASE_URL`;
    throw new EmbeddedPostgresError(message);
  }
  return placeAt(await settleElsewhere(dataDir), account);
}

function placeAt(home: string, account: Account | undefined): Place {
  return { home, pgdata: join(home, 'pgdata'), account };
}

/** The home that the pointer names, unless DATA_DIR is only a copy of the one it belongs to. */
async function followPointer(dataDir: string): Promise<string | undefined> {
  const home = await readPointer(dataDir);
  if (home === undefined) return undefined;
  const owner = await readIfThere(join(home, 'belongs-to'));
  if (owner === undefined) {
    const message = `${join(dataDir, pointerFile)} says that the database is in ${home}, where it is not: bring it back, or remove that file to begin anew`;
    throw new EmbeddedPostgresError(message);
  }
  if (owner === dataDir) return home;
  if ((await readPointer(owner)) === home) return undefined;
  await writeWhole(join(home, 'belongs-to'), dataDir);
  return home;
}

async function readPointer(dataDir: string): Promise<string | undefined> {
  const text = await readIfThere(join(dataDir, pointerFile));
  return text === undefined ? undefined : (JSON.parse(text) as { home: string }).home;
}

async function settleElsewhere(dataDir: string): Promise<string> {
  await mkdir('/var/lib', { recursive: true });
  await makeFolder(systemFolder, 0o755);
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  // A number is added when the folder of an earlier DATA_DIR of that name was left behind: its data is not ours.
  let home = join(systemFolder, hash);
  for (let number = 2; !(await makeFolder(home, 0o711)); number += 1)
    home = join(systemFolder, `${hash}-${number}`);
  await writeWhole(join(home, 'belongs-to'), dataDir);
  const note =
    'Postgres does not run as root, and the user it runs as may not enter this folder. Its files are in "home".';
  await writeWhole(join(dataDir, pointerFile), `${JSON.stringify({ note, home }, null, 2)}\n`, 0o644);
  return home;
}
