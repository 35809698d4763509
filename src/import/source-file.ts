import { createHash, type Hash } from 'node:crypto';
import { createReadStream, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { messageOf, UserError } from '../errors.js';
import type { Problems } from './problems.js';
import { CsvReader, explainReadError, LineReader, UnreadableError } from './row-readers.js';
import type { SourceRow } from './unit.js';
import { Utf8Check } from './utf8-check.js';

const LINE_FEED = 10;

export type Format = 'csv' | 'ndjson';

/** The file to import, and how to read it. */
export interface SourceFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly format: Format;
  /** Between the cells of a CSV file. */
  readonly delimiter: string;
}

/**
 * Looks at the file without reading it.
 * @throws UserError when it cannot be read twice, as an import has to
 */
export function openSourceFile(path: string, format: Format | undefined, delimiter: string): SourceFile {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${messageOf(error)}`);
  }
  if (!stats.isFile())
    throw new UserError(`${path} is no ordinary file: an import reads it twice, first to check all of it`);
  const byName = /\.(ndjson|jsonl)$/i.test(path) ? 'ndjson' : 'csv';
  return { path, name: basename(path), bytes: stats.size, format: format ?? byName, delimiter };
}

export interface Reading {
  /** Takes up every byte of the file. */
  readonly hash: Hash;
  /** Told how many bytes have been read so far. */
  readonly onBytes?: (bytes: number) => void;
}

export function newReading(onBytes?: (bytes: number) => void): Reading {
  return { hash: createHash('sha256'), ...(onBytes === undefined ? {} : { onBytes }) };
}

/**
 * The rows of the file in batches, the header of a CSV file first. What makes the file unreadable from some place on is
 * a problem, and ends it there.
 */
export async function* readRows(
  file: SourceFile,
  reading: Reading,
  problems: Problems,
): AsyncGenerator<readonly SourceRow[]> {
  const bytes = checkedBytes(file, reading);
  const reader = file.format === 'csv' ? new CsvReader(file.delimiter) : new LineReader();
  const take = async function* (work: () => Promise<void>): AsyncGenerator<readonly SourceRow[]> {
    let failure: unknown;
    await work().catch((error: unknown) => {
      failure = error;
    });
    // What was read before the failure comes first.
    const rows = reader.takeRows();
    if (rows.length > 0) yield rows;
    if (failure !== undefined) throw failure;
  };
  try {
    for await (const chunk of bytes) yield* take(() => reader.add(chunk));
    yield* take(() => reader.end());
  } catch (error) {
    const line = error instanceof UnreadableError ? error.line : undefined;
    problems.add(line ?? reader.line + 1, '', '', explainReadError(error));
  }
}

/** The bytes as they are read; they have to be UTF-8. Those before the first bad one come, for what else is wrong there. */
async function* checkedBytes(file: SourceFile, { hash, onBytes }: Reading): AsyncGenerator<Buffer> {
  const text = new Utf8Check();
  let bytes = 0;
  for await (const chunk of createReadStream(file.path) as AsyncIterable<Buffer>) {
    const good = text.goodBytes(chunk);
    if (good < chunk.length) {
      yield chunk.subarray(0, good);
      throw await notUtf8(file, bytes + good);
    }
    hash.update(chunk);
    bytes += chunk.length;
    onBytes?.(bytes);
    yield chunk;
  }
  if (!text.isWhole) throw await notUtf8(file, bytes);
}

/** @param offset of the first bad byte; the lines are counted only now, in a reading of their own */
async function notUtf8(file: SourceFile, offset: number): Promise<UnreadableError> {
  let line = 1;
  const before = offset === 0 ? [] : createReadStream(file.path, { end: offset - 1 });
  for await (const chunk of before as AsyncIterable<Buffer>)
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) line += 1;
  return new UnreadableError(
    'the file is not UTF-8 text from here on, and the rest was not looked at: save it as UTF-8 (in a spreadsheet, "CSV UTF-8")',
    line,
  );
}
