import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DaemonLog } from './daemon-log.js';
import { DemoError } from './demo-error.js';

/** The program that users deploy, as built beside this file. */
const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const STOP_PATIENCE_MS = 15_000;

export interface DaemonOptions {
  /** Entry of the program. */
  readonly program?: string | undefined;
  /** Its settings. Nothing else of our own environment reaches it. */
  readonly settings: Readonly<Record<string, string>>;
  /** Its working directory: a `.env` file there would be read. */
  readonly cwd: string;
  readonly log: DaemonLog;
  /** Told when it ends without having been asked to. */
  readonly onUnexpectedEnd: (error: DemoError) => void;
}

/** How a process ended. */
export interface DaemonEnd {
  readonly code: number | null;
  readonly ms: number;
}

/** The daemon as a child process. */
export class Daemon {
  private isWanted = true;
  private readonly ended: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    options: DaemonOptions,
  ) {
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        resolve(null);
        options.onUnexpectedEnd(new DemoError(`The daemon cannot be started: ${error.message}`));
      });
      // After 'close' its output has been read to the end.
      child.once('close', (code, signal) => {
        resolve(code);
        if (!this.isWanted) return;
        const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
        options.onUnexpectedEnd(
          new DemoError(`The daemon ended by itself, ${how}. Its last lines:\n${options.log.tail()}`),
        );
      });
    });
  }

  static start(options: DaemonOptions): Daemon {
    const child = spawn(process.execPath, [options.program ?? PROGRAM, 'run'], {
      cwd: options.cwd,
      env: { ...systemEnvironment(), ...options.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Out of reach of the terminal's Ctrl-C: we stop it ourselves, in the right order.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    options.log.read(child.stdout, child.stderr);
    return new Daemon(child, options);
  }

  /** kill -9: it can finish nothing. */
  async kill(): Promise<void> {
    this.isWanted = false;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM, and kill -9 if it has not ended after a while. Harmless when it has ended already. */
  async stop(): Promise<DaemonEnd> {
    this.isWanted = false;
    const startedAt = performance.now();
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_PATIENCE_MS);
    const code = await this.ended;
    clearTimeout(timer);
    return { code, ms: performance.now() - startedAt };
  }
}

function systemEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USERPROFILE', 'SystemRoot', 'TMPDIR', 'TEMP', 'TMP'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
