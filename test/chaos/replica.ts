import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/package-info.js';

// One place where a daemon runs. It is the supervisor as well, as an orchestrator would be: a daemon that ends without
// having been told to is noted and started again.

const RESTART_MS = 500;
const STOP_PATIENCE_MS = 30_000;
const CLOCK_SHIFT = pathToFileURL(join(packageRoot(), 'test/support/clock-shift.mjs')).href;

export interface ReplicaOptions {
  readonly name: string;
  /** Entry of the built daemon. */
  readonly program: string;
  readonly cwd: string;
  /** The environment, for a process of this name. */
  readonly env: (processName: string) => Readonly<Record<string, string>>;
  readonly logFile: string;
}

export class Replica {
  /** What went against the rules: ends nobody asked for, stops that were not clean. */
  readonly complaints: string[] = [];
  /** Largest resident memory of any of its processes, in bytes; 0 where /proc does not tell. */
  peakMemory = 0;
  private child: ChildProcess | undefined;
  private ended: Promise<string> = Promise.resolve('');
  private isWanted = false;
  private lives = 0;
  private hasSpoken = false;
  private shiftMs = 0;
  private readonly log: WriteStream;

  constructor(private readonly options: ReplicaOptions) {
    this.log = createWriteStream(options.logFile, { flags: 'a' });
  }

  get name(): string {
    return this.options.name;
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts a process whose clock is off by so many milliseconds. */
  start(shiftMs = 0): void {
    if (this.isWanted) return;
    this.isWanted = true;
    this.shiftMs = shiftMs;
    this.spawn();
  }

  /** kill -9: it can finish nothing. */
  async kill(): Promise<void> {
    this.isWanted = false;
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM; a stop that is not clean is a complaint. */
  async stop(): Promise<void> {
    this.isWanted = false;
    const { child } = this;
    if (!child) return;
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
    const how = await this.ended;
    clearTimeout(timer);
    // Before its first line it does not listen to signals yet.
    if (how !== 'exit code 0' && this.hasSpoken)
      this.complaints.push(`${this.name} answered SIGTERM with ${how}`);
  }

  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  async measureMemory(): Promise<void> {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
    this.peakMemory = Math.max(this.peakMemory, Number(kilobytes ?? 0) * 1024);
  }

  async close(): Promise<void> {
    await this.kill();
    await new Promise((resolve) => this.log.end(resolve));
  }

  private spawn(): void {
    this.lives += 1;
    const processName = `${this.name}.${this.lives}`.replaceAll(' ', '-');
    const preload = this.shiftMs === 0 ? [] : [`--import=${CLOCK_SHIFT}?ms=${this.shiftMs}`];
    const child = spawn(process.execPath, [...preload, this.options.program, 'run'], {
      cwd: this.options.cwd,
      env: { PATH: process.env.PATH ?? '', ...this.options.env(processName) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.hasSpoken = false;
    child.stdout?.pipe(this.log, { end: false });
    child.stdout?.once('data', () => {
      this.hasSpoken = true;
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2_000);
      this.log.write(text);
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        const how = signal ?? `exit code ${code}`;
        if (this.child === child) this.child = undefined;
        resolve(how);
        this.endedBy(how, stderr);
      });
    });
  }

  private endedBy(how: string, stderr: string): void {
    if (!this.isWanted) return;
    this.complaints.push(
      `${this.name} ended by itself with ${how}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
    );
    setTimeout(() => {
      if (this.isWanted) this.spawn();
    }, RESTART_MS).unref();
  }
}
