import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import type { Account } from './account.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { codeOf } from './whole-file.js';

export interface ProgramOptions {
  account: Account | undefined;
  /** Working folder; given so that no path needs quoting for the shell that pg_ctl uses. */
  cwd: string;
  pgdata: string;
  signal?: AbortSignal | undefined;
}

export interface ProgramResult {
  code: number | null;
  output: string;
}

/** Runs one of Postgres' programs to its end. Aborting interrupts it, which makes pg_ctl and initdb tidy up. */
export function runProgram(path: string, args: string[], options: ProgramOptions): Promise<ProgramResult> {
  const { account, cwd, pgdata, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const child = spawn(path, args, {
      cwd,
      // LC_ALL: messages in English, because server.ts reads some of them.
      env: { LC_ALL: 'C', PGDATA: pgdata },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C on the terminal is for the daemon, which stops Postgres when it has drained.
      detached: process.platform !== 'win32',
      windowsHide: true,
      ...account,
    });
    let output = '';
    let isStarted = true;
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    const interrupt = () => child.kill('SIGINT');
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    signal?.addEventListener('abort', interrupt, { once: true });
    child.on('error', (error) => {
      isStarted = false;
      signal?.removeEventListener('abort', interrupt);
      explain(error, path, account).then(reject, reject);
    });
    child.on('close', (code) => {
      // A program that could not be started closes as well.
      if (!isStarted) return;
      signal?.removeEventListener('abort', interrupt);
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, output });
    });
  });
}

async function explain(error: Error, path: string, account: Account | undefined): Promise<Error> {
  const code = codeOf(error);
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  // The file is there but its loader is not.
  if (code === 'ENOENT' && exists) {
    return unusable('the programs are built for glibc, which this system (Alpine?) does not have', error);
  }
  if (code === 'EACCES') return unusable(`${path} may not be executed`, error);
  if (account && (code === 'EPERM' || code === 'EINVAL')) {
    return unusable(`root may not start programs as user ${account.uid} here`, error);
  }
  return unusable(error.message, error);
}

function unusable(reason: string, cause: Error): Error {
  return new EmbeddedPostgresError(`The embedded Postgres cannot run: ${reason}; set DATABASE_URL`, {
    cause,
  });
}
