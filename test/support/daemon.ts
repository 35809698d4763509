import { type ChildProcess, spawn } from 'node:child_process';
import { inject } from 'vitest';
import { LogFile } from './log-archive.js';
import { waitFor } from './wait.js';

// The built program as a child process, with an environment that is written out.

/** One line of the log. */
export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DaemonOptions {
  /** What stands after the program's name. Default: nothing. */
  readonly words?: readonly string[];
  /** The whole environment, PATH excepted. */
  readonly env: Readonly<Record<string, string>>;
  /** Texts that must not appear in anything it writes; kept with its output. */
  readonly secrets: readonly string[];
  /** Modules that Node loads before the program. */
  readonly preload?: readonly URL[];
  /** Working folder. Default: that of the build, where no .env is. */
  readonly cwd?: string;
}

export class Daemon {
  stdout = '';
  stderr = '';
  /** Settles when it has ended and all it wrote has been read. */
  readonly ended: Promise<Exit>;
  private readonly child: ChildProcess;
  private readonly file: LogFile;
  private readonly parsed: LogLine[] = [];
  private parsedTo = 0;
  private exit: Exit | undefined;

  constructor(options: DaemonOptions) {
    const { main, folder, archive } = inject('builtProgram');
    const preload = (options.preload ?? []).map((url) => `--import=${url.href}`);
    this.child = spawn(process.execPath, [...preload, main, ...(options.words ?? [])], {
      cwd: options.cwd ?? folder,
      env: { PATH: process.env.PATH ?? '', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.file = new LogFile(archive, options.secrets);
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
        this.file.add(name, text);
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the program was not started');
    return this.child.pid;
  }

  get hasEnded(): boolean {
    return this.exit !== undefined;
  }

  /** Every complete line of stdout so far. Fails when one of them is no JSON object. */
  get lines(): readonly LogLine[] {
    for (;;) {
      const end = this.stdout.indexOf('\n', this.parsedTo);
      if (end < 0) return this.parsed;
      this.parsed.push(parseLine(this.stdout.slice(this.parsedTo, end)));
      this.parsedTo = end + 1;
    }
  }

  linesOf(msg: string): LogLine[] {
    return this.lines.filter((line) => line.msg === msg);
  }

  /** Waits for a line that is there already or comes; fails at once when the process ends without it. */
  async waitForLine(msg: string, isMeant: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return waitFor(`the line "${msg}"`, () => {
      const found = this.linesOf(msg).find(isMeant);
      if (!found && this.exit) throw new Error(`Ended without the line "${msg}": ${this.describe()}`);
      return found;
    });
  }

  /** Address of /livez and /readyz, once they are served. */
  async healthUrl(): Promise<string> {
    const { host, port } = await this.waitForLine('serving /livez and /readyz');
    return `http://${host}:${port}`;
  }

  /** A secret that came to be known after the start. */
  addSecret(secret: string): void {
    this.file.addSecrets([secret]);
  }

  send(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.send(signal);
    return this.ended;
  }

  /** What it was doing last, for the message of a failed test. */
  describe(): string {
    const tail = (text: string) => text.slice(-3_000);
    return `${JSON.stringify(this.exit ?? 'running')}\n${tail(this.stdout)}\n${tail(this.stderr)}`;
  }
}

function parseLine(text: string): LogLine {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null && 'msg' in line) return line as LogLine;
  } catch {
    // Reported below.
  }
  throw new Error(`stdout holds a line that is no JSON object with a msg: ${text.slice(0, 500)}`);
}
