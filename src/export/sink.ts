import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { UserError } from '../errors.js';

/** Where an export goes, byte for byte. */
export interface Sink {
  /** Bytes written so far. */
  readonly position: number;
  /** Resolves when more may come. */
  write(bytes: Buffer): Promise<void>;
  /** Forgets what came after `position`; false when it is out of reach already. */
  rewind(position: number): Promise<boolean>;
  /** Everything is written: only now may it look complete. */
  finish(): Promise<void>;
  /** Leaves nothing behind that looks complete. */
  discard(): Promise<void>;
}

/** Whoever read our standard output has closed it (`| head`): no failure, but nothing more to do. */
export class OutputClosedError extends Error {
  override name = 'OutputClosedError';
}

/** A file that is there complete or not at all: written under another name beside it, flushed to disk, renamed. */
export class FileSink implements Sink {
  position = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly temporary: string,
    private readonly path: string,
    private readonly force: boolean,
  ) {}

  /** @throws UserError when the file exists and `force` does not allow to replace it, or the folder cannot be written */
  static async create(path: string, force: boolean): Promise<FileSink> {
    if (!force && (await exists(path))) throw fileExists(path);
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`);
    try {
      return new FileSink(await open(temporary, 'wx'), temporary, path, force);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new UserError(`${path} cannot be written (${code}): choose another place with --output.`);
    }
  }

  async write(bytes: Buffer): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.file.write(
        bytes,
        written,
        bytes.length - written,
        this.position + written,
      );
      written += bytesWritten;
    }
    this.position += bytes.length;
  }

  async rewind(position: number): Promise<boolean> {
    await this.file.truncate(position);
    this.position = position;
    return true;
  }

  async finish(): Promise<void> {
    await this.file.sync();
    await this.file.close();
    await this.moveIntoPlace();
    await syncFolder(dirname(this.path));
  }

  async discard(): Promise<void> {
    await this.file.close().catch(() => {});
    await unlink(this.temporary).catch(() => {});
  }

  // A link never replaces a file, not even one that came into being meanwhile. Where the file system has no links, a
  // look just before has to do.
  private async moveIntoPlace(): Promise<void> {
    if (!this.force) {
      try {
        await link(this.temporary, this.path);
        await unlink(this.temporary);
        return;
      } catch {
        if (await exists(this.path)) throw fileExists(this.path);
      }
    }
    await rename(this.temporary, this.path);
  }
}

/** Standard output. What has been written is out of reach. */
export class StreamSink implements Sink {
  position = 0;

  constructor(private readonly stream: Writable) {
    // Each write is told of its failure; the event would end the process if nobody listened.
    stream.on('error', () => {});
  }

  async write(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.stream.write(bytes, (error) => (error ? reject(explain(error)) : resolve()));
    });
    this.position += bytes.length;
  }

  async rewind(position: number): Promise<boolean> {
    return this.position === position;
  }

  async finish(): Promise<void> {}

  async discard(): Promise<void> {}
}

function explain(error: NodeJS.ErrnoException): Error {
  const isClosed = error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED';
  return isClosed ? new OutputClosedError('the output was closed') : error;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function fileExists(path: string): UserError {
  return new UserError(
    `${path} exists already: choose another name with --output, or replace it with --force.`,
  );
}

// The new name itself has to reach the disk too. Not every system can flush a folder.
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
