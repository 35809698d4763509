import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// The launcher in processes of their own, to be killed: built once, since Node 20 does not run TypeScript.

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What startEmbeddedPostgres returned in the child, less its function. */
export interface ChildPostgres {
  url: string;
  dataDir: string;
  version: string;
  outcome: string;
  owned: boolean;
}

export interface EmbeddedChild {
  process: ChildProcess;
  postgres: ChildPostgres;
  /** Calls stop() in the child and waits for its end. */
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

const script = `
import { startEmbeddedPostgres } from './out/src/warehouse/embedded/cluster.js';
const { stop, ...facts } = await startEmbeddedPostgres({ dataDir: process.argv[2], settings: { fsync: 'off' } });
console.log(JSON.stringify(facts));
process.stdin.on('end', async () => {
  await stop();
  process.exitCode = 0;
}).resume();
`;

/** Builds the launcher into a new folder below `above`, and returns the script to run. */
export async function buildEmbeddedChild(above: string): Promise<string> {
  const folder = await mkdtemp(join(above, 'child-'));
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: root,
      outDir: join(folder, 'out'),
      noCheck: true,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [join(root, 'src/warehouse/embedded/*.ts')],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'child.mjs'), script);
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, '--project', join(folder, 'tsconfig.json')]);
  return join(folder, 'child.mjs');
}

/** Starts the script on `dataDir` and waits until its Postgres is there. */
export async function startEmbeddedChild(builtScript: string, dataDir: string): Promise<EmbeddedChild> {
  const child = spawn(process.execPath, [builtScript, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    return {
      process: child,
      postgres: JSON.parse(line) as ChildPostgres,
      stop: async () => {
        child.stdin.end();
        const [code] = await ended;
        if (code !== 0) throw new Error(`the child ended with ${code}`);
      },
      kill: async () => {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }
  throw new Error('the child ended without a Postgres');
}
