import { randomBytes } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';
import { monotonicMs, sleep } from '../../clock.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { isAlive, ownIdentity, type ProcessIdentity, parseIdentity } from './process-identity.js';
import { codeOf, inheritOwner, readIfThere } from './whole-file.js';

// One process at a time starts or stops the server of a data folder. The lock is a file that only one can create.
// A file whose maker died is never removed by the others, for two of them could do so one after the other, and the
// second would remove the lock of the first. Instead the successor of a dead lock creates a file named after its
// token, which again only one can do. Releasing removes the first file first, so a successor that finds it changed
// knows that it succeeded to nothing.

const waitStepMs = 25;
const waitLimitMs = 300_000;

interface Holder {
  token: string;
  process: ProcessIdentity | undefined;
}

/** Waits for the lock and returns its release. */
export async function takeLock(path: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  const deadline = monotonicMs() + waitLimitMs;
  for (;;) {
    signal?.throwIfAborted();
    const files = await tryLock(path);
    if (files) return () => release(files);
    if (monotonicMs() > deadline) throw new EmbeddedPostgresError(await waitedInVain(path));
    await sleep(waitStepMs, signal);
  }
}

/** The files that make up our lock, or undefined while somebody alive holds it. */
async function tryLock(path: string): Promise<string[] | undefined> {
  const files = [path];
  let last = path;
  let first: Holder | undefined;
  for (let holder = await readHolder(last); holder; holder = await readHolder(last)) {
    if (holder.process && (await isAlive(holder.process))) return undefined;
    first ??= holder;
    last = `${last}.${holder.token}`;
    files.push(last);
  }
  if (!(await create(last))) return undefined;
  if (!first || (await readHolder(path))?.token === first.token) return files;
  await rm(last, { force: true });
  return undefined;
}

/** Creates the file with its whole content in one step; false when it is there already. */
async function create(file: string): Promise<boolean> {
  const token = randomBytes(8).toString('hex');
  const draft = `${file}.${token}.new`;
  await writeFile(draft, JSON.stringify({ token, ...(await ownIdentity()) }), { flag: 'wx', mode: 0o644 });
  try {
    await inheritOwner(draft);
    await link(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const token = /"token":"([0-9a-f]+)"/.exec(text)?.[1] ?? 'unreadable';
  return { token, process: parseIdentity(text) };
}

async function release(files: string[]): Promise<void> {
  for (const file of files) await rm(file, { force: true });
}

async function waitedInVain(path: string): Promise<string> {
  const pid = (await readHolder(path))?.process?.pid;
  return `Another process (${pid ?? 'unknown'}) has held ${path} for ${waitLimitMs / 60_000} minutes: end it, or remove the file`;
}
