import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProbeReport } from './daemon-probe.js';

const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const PROBE = new URL('./daemon-probe.js', import.meta.url).href;

export interface OnceResult {
  readonly probe: ProbeReport;
  /** From the start of the process to its end. */
  readonly wholeMs: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** Runs `talon-one-sync once`, or another command, to its end, as a child process. Aborting kills it. */
export async function runDaemonOnce(
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
  words: readonly string[] = ['once'],
): Promise<OnceResult> {
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-bench-'));
  try {
    const probeFile = join(folder, 'probe.json');
    const startedAt = performance.now();
    const child = spawn(process.execPath, ['--import', PROBE, PROGRAM, ...words], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...settings, PROBE_FILE: probeFile },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    const kill = () => child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = `${output}${chunk.toString()}`.slice(-4_000);
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    const wholeMs = performance.now() - startedAt;
    signal.removeEventListener('abort', kill);
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`the program ended with exit code ${code}:\n${output}`);
    return {
      probe: JSON.parse(await readFile(probeFile, 'utf8')) as ProbeReport,
      wholeMs,
      startedAt: performance.timeOrigin + startedAt,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
