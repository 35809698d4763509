import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { dataDirPrefix } from './data-dir.js';
import { scanArchive } from './log-archive.js';

// The program that the end-to-end tests start: built anew for each run, into a folder of the run, so that no output of
// another time or of another run is ever used. The folder looks like an installed package.

declare module 'vitest' {
  export interface ProvidedContext {
    /** The program's entry, its folder, and where the output of its processes is kept. */
    builtProgram: { main: string; folder: string; archive: string };
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds the program for the tests of `project`; what is returned searches the logs of the run and tidies up. */
export async function prepareProgram(project: TestProject): Promise<() => Promise<void>> {
  // Named so that a later run finds it if this one is killed.
  const ofRun = await mkdtemp(join(tmpdir(), `${dataDirPrefix}${process.pid}-`));
  const remove = () => rm(ofRun, { recursive: true, force: true });
  const [folder, archive] = [join(ofRun, 'program'), join(ofRun, 'logs')];
  try {
    await mkdir(archive);
    await build(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  project.provide('builtProgram', { main: join(folder, 'dist/src/main.js'), folder, archive });
  return async () => {
    try {
      failOnLeaks(archive);
    } finally {
      await remove();
    }
  };
}

async function build(folder: string): Promise<void> {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: root,
      outDir: join(folder, 'dist'),
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [join(root, 'src')],
  };
  await mkdir(folder);
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  for (const name of ['node_modules', 'migrations', 'package.json'])
    await symlink(join(root, name), join(folder, name));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  try {
    await promisify(execFile)(process.execPath, [compiler, '--project', join(folder, 'tsconfig.json')]);
  } catch (error) {
    throw new Error(`The program cannot be built: ${(error as { stdout?: string }).stdout ?? error}`);
  }
}

/** vitest only reports what a teardown throws: the exit code is set here. */
function failOnLeaks(archive: string): void {
  const { leaks } = scanArchive(archive);
  if (leaks.length === 0) return;
  process.exitCode = 1;
  const lines = leaks.slice(0, 20).map(({ spelling, line }) => `  ${spelling}: ${line}`);
  throw new Error(`${leaks.length} secrets in the output of the daemons:\n${lines.join('\n')}`);
}
