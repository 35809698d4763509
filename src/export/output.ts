import type { Sink } from './sink.js';

/** Progress of an export, told after every piece. */
export type OnProgress = (rows: number, bytes: number) => void;

/** A place to come back to. */
export interface Mark {
  readonly position: number;
  readonly rows: number;
}

/** A sink that counts its rows. */
export class Output {
  rows = 0;

  constructor(
    private readonly sink: Sink,
    private readonly onProgress: OnProgress,
  ) {}

  get bytes(): number {
    return this.sink.position;
  }

  async write(bytes: Buffer, rows: number): Promise<void> {
    await this.sink.write(bytes);
    this.rows += rows;
    this.onProgress(this.rows, this.bytes);
  }

  mark(): Mark {
    return { position: this.sink.position, rows: this.rows };
  }

  /** Forgets what was written since; false when it cannot be taken back (standard output). */
  async rewind(mark: Mark): Promise<boolean> {
    if (!(await this.sink.rewind(mark.position))) return false;
    this.rows = mark.rows;
    return true;
  }
}
