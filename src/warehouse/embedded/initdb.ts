import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError, inOneLine } from './embedded-postgres-error.js';
import type { Place } from './place.js';
import { runProgram } from './program.js';
import { settingsFile } from './settings.js';
import { readIfThere, syncFolder, writeWhole } from './whole-file.js';

// Makes the cluster beside its final name and renames it, so that whatever is called `pgdata` is complete.

const draftPrefix = 'initdb-';

/** Makes the cluster. `durable: false` leaves out waiting for the disk. */
export async function createCluster(
  place: Place,
  native: string,
  options: { durable: boolean; signal?: AbortSignal | undefined },
): Promise<void> {
  await removeDrafts(place.home);
  const password = (await readPassword(place)) ?? (await makePassword(place));
  const draft = await mkdtemp(join(place.home, draftPrefix));
  const passwordForInitdb = `${draft}.password`;
  await writeFile(passwordForInitdb, password, { mode: 0o600, flag: 'wx' });
  if (place.account) {
    for (const path of [draft, passwordForInitdb]) await chown(path, place.account.uid, place.account.gid);
  }
  const args = ['--username=postgres', `--pwfile=${passwordForInitdb}`, '--auth=scram-sha-256'];
  args.push('--encoding=UTF8', '--locale=C', '--no-instructions', ...(options.durable ? [] : ['--no-sync']));
  const { code, output } = await runProgram(join(native, 'bin', 'initdb'), args, {
    account: place.account,
    cwd: place.home,
    pgdata: draft,
    signal: options.signal,
  });
  if (code !== 0) {
    const message = `The embedded Postgres cannot make its files in ${place.home}: ${inOneLine(output)} (or set DATABASE_URL)`;
    throw new EmbeddedPostgresError(message);
  }
  await includeSettings(draft);
  await rm(passwordForInitdb);
  await rename(draft, place.pgdata);
  await syncFolder(place.home);
}

/** The superuser's password; undefined before the cluster exists. */
export async function readPassword(place: Place): Promise<string | undefined> {
  return readIfThere(join(place.home, 'password'));
}

async function makePassword(place: Place): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  await writeWhole(join(place.home, 'password'), password);
  return password;
}

async function includeSettings(pgdata: string): Promise<void> {
  const handle = await open(join(pgdata, 'postgresql.conf'), 'a');
  try {
    await handle.write(`\n# Written anew at each start. Settings below this line win over it.\n`);
    await handle.write(`include_if_exists = '${settingsFile}'\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What a start that was killed half-way left behind. */
async function removeDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith(draftPrefix)) await rm(join(home, name), { recursive: true, force: true });
  }
}
