import { readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { processExists, startOf } from './process-identity.js';
import { codeOf, readIfThere } from './whole-file.js';

// The server process (postmaster) as its file postmaster.pid describes it. That file outlives a machine crash, and
// the process id in it may then belong to something else.

export interface Postmaster {
  pid: number;
  /** Undefined while it is only just starting. */
  port: number | undefined;
  isStopping: boolean;
}

/** The living server of the cluster, if there is one. */
export async function findPostmaster(pgdata: string): Promise<Postmaster | undefined> {
  const lines = ((await readIfThere(pidFile(pgdata))) ?? '').split('\n');
  const pid = Number(lines[0]);
  if (!(pid > 0) || !(await runsIn(pid, pgdata))) return undefined;
  return { pid, port: Number(lines[3]) || undefined, isStopping: lines[7]?.trim() === 'stopping' };
}

/**
 * Removes a postmaster.pid that would keep Postgres from starting: an empty one, or one with the id of a process that
 * lives and is not the server. Others Postgres itself sorts out. Call it when there is no living server.
 */
export async function removeStalePidFile(pgdata: string): Promise<void> {
  const text = await readIfThere(pidFile(pgdata));
  if (text === undefined) return;
  const pid = Number(text.split('\n')[0]);
  if (!(pid > 0) || processExists(pid)) await rm(pidFile(pgdata), { force: true });
}

function pidFile(pgdata: string): string {
  return join(pgdata, 'postmaster.pid');
}

/** The server is the process whose working folder is the cluster; elsewhere than on Linux any process may be it. */
async function runsIn(pid: number, pgdata: string): Promise<boolean> {
  if (process.platform !== 'linux') return processExists(pid);
  if ((await startOf(pid)) === undefined) return false;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(pgdata));
  } catch (error) {
    // In containers root itself may not look (CAP_SYS_PTRACE); the name of the program is for everybody to see.
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') return false;
    return (await readIfThere(`/proc/${pid}/comm`))?.trim() === 'postgres';
  }
}
