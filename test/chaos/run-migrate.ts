import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs `talon-one-sync migrate`. */
export async function runMigrate(
  program: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  await promisify(execFile)(process.execPath, [program, 'migrate'], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
  });
}
