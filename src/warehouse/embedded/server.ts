import { chown, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { monotonicMs, sleep } from '../../clock.js';
import { EmbeddedPostgresError, inOneLine } from './embedded-postgres-error.js';
import type { Place } from './place.js';
import { findFreePort } from './port.js';
import { findPostmaster, removeStalePidFile } from './postmaster.js';
import { type ProgramResult, runProgram } from './program.js';
import { readLastPort, writeSettings } from './settings.js';
import { codeOf, inheritOwner } from './whole-file.js';

// Starting and stopping the server with pg_ctl, which gives it a session of its own.

const logFile = 'postgres.log';
const maxLogBytes = 10_000_000;
const startLimitMs = 120_000;
const retryStepMs = 100;

/** Starts the server and returns when it accepts connections, after a crash with its recovery done. */
export async function startServer(
  place: Place,
  native: string,
  settings: Record<string, string>,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = monotonicMs() + startLimitMs;
  await removeStalePidFile(place.pgdata);
  let port = await findFreePort(await readLastPort(place.pgdata));
  for (;;) {
    await writeSettings(place.pgdata, port, settings);
    const logStart = await prepareLog(place);
    const result = await pgCtl(
      place,
      native,
      ['start', '--silent', '--wait', '--timeout=86400', `--log=${logFile}`],
      signal,
    );
    if (result.code === 0) return;
    const reason = (await readLog(place, logStart)) || result.output;
    if (monotonicMs() > deadline) throw cannotStart(place, reason);
    // Somebody took the port between our look and the start.
    if (/could not bind|could not create any TCP\/IP sockets/.test(reason)) port = await findFreePort();
    // The processes of a server that was killed take a moment to notice.
    else if (!/pre-existing shared memory block/.test(reason)) throw cannotStart(place, reason);
    await sleep(retryStepMs, signal);
  }
}

/** Stops the server, letting nobody finish: open transactions are rolled back, everything committed is on disk. */
export async function stopServer(place: Place, native: string): Promise<void> {
  if (!(await findPostmaster(place.pgdata))) return;
  const { code, output } = await pgCtl(place, native, [
    'stop',
    '--silent',
    '--wait',
    '--mode=fast',
    '--timeout=60',
  ]);
  if (code === 0 || !(await findPostmaster(place.pgdata))) return;
  throw new EmbeddedPostgresError(
    `The embedded Postgres in ${place.pgdata} does not stop: ${inOneLine(output)}`,
  );
}

function pgCtl(place: Place, native: string, args: string[], signal?: AbortSignal): Promise<ProgramResult> {
  const { account, home, pgdata } = place;
  return runProgram(join(native, 'bin', 'pg_ctl'), args, { account, cwd: home, pgdata, signal });
}

/** Sees to it that the server can write its log, and that the log stays small; returns where the next line goes. */
async function prepareLog(place: Place): Promise<number> {
  const path = join(place.home, logFile);
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size > maxLogBytes) await rename(path, `${path}.1`);
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return size;
    throw error;
  }
  if (place.account) await chown(path, place.account.uid, place.account.gid);
  else await inheritOwner(path);
  return 0;
}

async function readLog(place: Place, start: number): Promise<string> {
  const handle = await open(join(place.home, logFile), 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(20_000), 0, 20_000, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function cannotStart(place: Place, log: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The embedded Postgres in ${place.pgdata} does not start: ${inOneLine(log)} (or set DATABASE_URL)`,
  );
}
