import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { processExists } from '../../src/warehouse/embedded/process-identity.js';
import { dropRunDatabases } from './admin.js';
import { prepareProgram } from './built-program.js';
import { dataDirPrefix, removeDataDir } from './data-dir.js';
import { startOwnPostgres } from './own-postgres.js';

// One Postgres for a whole test run: the one in TEST_DATABASE_URL, else an embedded one in a temporary folder. vitest
// calls this for each project whose tests run, in one process but from separately loaded copies of this file, so what
// they share hangs on globalThis. Unit tests need no Postgres and do not wait for one.

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser's address of the Postgres of this run, and the name of the run in its databases' names. */
    testPostgres: { adminUrl: string; runId: string };
  }
}

interface SharedPostgres {
  adminUrl: string;
  runId: string;
  projects: number;
  stop(): Promise<void>;
}

const key = Symbol.for('talon-one-sync.test-postgres');
const shared = globalThis as { [key]?: Promise<SharedPostgres> };
const withoutPostgres = ['', 'unit'];

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (withoutPostgres.includes(project.name)) return undefined;
  // Before there is a Postgres: a build that fails leaves nothing behind.
  const finishProgram = project.name === 'e2e' ? await prepareProgram(project) : undefined;
  shared[key] ??= start();
  const postgres = await shared[key];
  postgres.projects += 1;
  project.provide('testPostgres', { adminUrl: postgres.adminUrl, runId: postgres.runId });
  return async () => {
    try {
      await finishProgram?.();
    } finally {
      postgres.projects -= 1;
      if (postgres.projects === 0) {
        delete shared[key];
        await postgres.stop();
      }
    }
  };
}

async function start(): Promise<SharedPostgres> {
  const runId = randomBytes(4).toString('hex');
  const given = process.env.TEST_DATABASE_URL;
  if (given) return { adminUrl: given, runId, projects: 0, stop: () => dropRunDatabases(given, runId) };
  await removeLeftovers();
  const postgres = await startOwnPostgres({ maxConnections: 200 });
  return { adminUrl: postgres.url, runId, projects: 0, stop: () => postgres.remove() };
}

/** Clears away what a run that was killed left behind. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(name.startsWith(dataDirPrefix) ? name.slice(dataDirPrefix.length).split('-')[0] : 0);
    if (!(pid > 0) || processExists(pid)) continue;
    const folder = join(tmpdir(), name);
    // It may be another user's.
    for (const dataDir of await readdir(folder).catch(() => [])) {
      await removeDataDir(folder, join(folder, dataDir)).catch(() => {});
    }
  }
}
