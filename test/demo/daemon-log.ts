import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const KEPT_LINES = 12;

/** Everything the daemon writes, over all its lives: into a file, and what the demo wants to know of it. */
export class DaemonLog {
  /** How many lines of each level. */
  readonly levels: Record<string, number> = {};
  /** Lines of level warn and above, and whatever went to stderr. */
  readonly complaints: string[] = [];
  /** Where /livez and /readyz are served. */
  healthPort: number | undefined;
  private readonly last: string[] = [];
  private readonly file: WriteStream;

  constructor(readonly path: string) {
    this.file = createWriteStream(path);
  }

  read(stdout: Readable, stderr: Readable): void {
    createInterface({ input: stdout }).on('line', (line) => this.noteLog(line));
    createInterface({ input: stderr }).on('line', (line) => {
      this.complaints.push(line);
      this.keep(line);
    });
  }

  /** The newest lines, for somebody who has to find out what went wrong. */
  tail(): string {
    return this.last.join('\n');
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.file.end(resolve));
  }

  private noteLog(line: string): void {
    this.keep(line);
    const entry = parseEntry(line);
    const level = String(entry.level ?? 'unreadable');
    this.levels[level] = (this.levels[level] ?? 0) + 1;
    if (!['trace', 'debug', 'info'].includes(level)) this.complaints.push(line);
    if (entry.msg === 'serving /livez and /readyz' && typeof entry.port === 'number')
      this.healthPort = entry.port;
  }

  private keep(line: string): void {
    this.file.write(`${line}\n`);
    this.last.push(line);
    if (this.last.length > KEPT_LINES) this.last.shift();
  }
}

function parseEntry(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
