import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/warehouse/embedded/cluster.js';
import type { LoggedRequest } from '../simulator/request-log.js';
import { startSimulator } from '../simulator/simulator.js';
import type { SwitchSettings } from '../simulator/switches.js';

export interface DaemonRun {
  name: string;
  command: string;
  /** What stands after the command. */
  words?: readonly string[];
  /** Files in its working folder, by name. */
  files?: Record<string, string>;
  switches: SwitchSettings;
  environment: Record<string, string>;
}

const CAMPAIGN = ['--application', '1', '--campaign', '200'];

function importRun(what: string, options: readonly string[], content: string): DaemonRun {
  return {
    name: `import ${what}`,
    command: 'import',
    words: [what, 'file.csv', ...options],
    files: { 'file.csv': content },
    switches: {},
    environment: {},
  };
}

/** Servers that make the daemon ask in different ways. */
export const DAEMON_RUNS: readonly DaemonRun[] = [
  { name: 'check', command: 'check', switches: {}, environment: { COUPON_SYNC: 'true' } },
  { name: 'a plain server', command: 'once', switches: {}, environment: { COUPON_SYNC: 'true' } },
  {
    name: 'an old server without sort',
    command: 'once',
    switches: { envelope: 'old', sort: 'refused' },
    environment: { SESSION_SNAPSHOT_SOURCE: 'list' },
  },
  {
    name: 'the export lane',
    command: 'once',
    switches: {},
    environment: { SESSION_SNAPSHOT_SOURCE: 'export', LOYALTY_PROJECTION_DAYS: '2' },
  },
  {
    name: 'an unordered server with small batches',
    command: 'once',
    switches: { sort: 'ignored', envelope: 'missing', maxProfileIds: 20 },
    environment: { SESSION_SNAPSHOT_SOURCE: 'by-id', TALON_ONE_APPLICATION_IDS: '1' },
  },
  importRun('profiles', [], 'integrationId,attributes.Language\nanna,german\nbob,\n'),
  importRun('sessions', [], 'sessionId,profileId,total\norder 1/a,anna,5.50\n'),
  importRun('loyalty-points', ['--program', '1'], 'customerprofileid,amount\nanna,5\n'),
  importRun(
    'store-budgets',
    [...CAMPAIGN, '--replace', '--period', 'daily'],
    'store_integration_id,limit\nS,5\n',
  ),
  importRun('audience', ['--audience', '4', '--replace'], 'profileintegrationid\nanna\n'),
];

export interface DaemonResult {
  requests: readonly LoggedRequest[];
  exitCode: number | null;
  output: string;
}

const TIME_LIMIT_MS = 120_000;
const KEPT_OUTPUT = 4000;

/** Lets the built daemon copy a small simulator into an embedded Postgres of its own. */
export async function runDaemon(entry: string, run: DaemonRun): Promise<DaemonResult> {
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-contract-'));
  // Root's embedded Postgres runs as another user, who has to get in.
  await chmod(folder, 0o755);
  const sim = await startSimulator({
    applications: [{}, { sandbox: true }],
    history: { events: 600, days: 2 },
    switches: { requestsPerSecond: 0, ...run.switches },
    requestLogSize: 100_000,
  });
  const dataDir = join(folder, 'data');
  // Imports want to be told where their journal is.
  const postgres = run.command === 'import' ? await startEmbeddedPostgres({ dataDir }) : undefined;
  try {
    for (const [name, content] of Object.entries(run.files ?? {}))
      await writeFile(join(folder, name), content);
    const { exitCode, output } = await spawnDaemon(entry, run, folder, {
      TALON_ONE_BASE_URL: sim.url,
      TALON_ONE_API_KEY: sim.apiKey,
      TALON_ONE_INTEGRATION_API_KEY: sim.integrationApiKey,
      DATA_DIR: dataDir,
      ...(postgres ? { DATABASE_URL: postgres.url } : {}),
      HTTP_PORT: '',
      REQUESTS_PER_SECOND: '0',
      ...run.environment,
    });
    return { requests: sim.requests, exitCode, output };
  } finally {
    await postgres?.stop();
    await sim.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function spawnDaemon(
  entry: string,
  run: DaemonRun,
  cwd: string,
  environment: Record<string, string>,
): Promise<{ exitCode: number | null; output: string }> {
  // Nothing of the caller's configuration may reach the daemon, and no other database.
  const inherited = Object.entries(process.env).filter(([name]) =>
    ['PATH', 'HOME', 'LANG', 'TMPDIR'].includes(name),
  );
  const child = spawn(process.execPath, [entry, run.command, ...(run.words ?? [])], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, output });
    });
  });
}
