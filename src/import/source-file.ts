import { createHash, type Hash } from 'node:crypto';
import { createReadStream, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { messageOf, UserError } from '../errors.js';
import type { Problems } from './problems.js';
import type { SourceRow } from './unit.js';

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

/** A quote that is never closed would otherwise swallow the rest of the file into memory. */
const LONGEST_ROW_BYTES = 4 * 1024 * 1024;
const BATCH = 500;

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
  const rows = file.format === 'csv' ? csvRows(file, reading, problems) : lines(file, reading, problems);
  let batch: SourceRow[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

class UnreadableError extends Error {}

/** The bytes as they are read; they have to be UTF-8. */
async function* checkedBytes(file: SourceFile, { hash, onBytes }: Reading): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (chunk?: Buffer) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new UnreadableError(
        'the file is not UTF-8 text: save it as UTF-8 (in a spreadsheet, "CSV UTF-8")',
      );
    }
  };
  let bytes = 0;
  for await (const chunk of createReadStream(file.path) as AsyncIterable<Buffer>) {
    decode(chunk);
    hash.update(chunk);
    bytes += chunk.length;
    onBytes?.(bytes);
    yield chunk;
  }
  decode();
}

interface ParsedRow {
  readonly record: readonly string[];
  readonly info: { readonly empty_lines: number };
}

// Lines are counted here: the parser counts a line break inside quotes twice when it is CR LF.
async function* csvRows(file: SourceFile, reading: Reading, problems: Problems): AsyncGenerator<SourceRow> {
  const parser = parse({
    bom: true,
    info: true,
    delimiter: file.delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW_BYTES,
  });
  const source = Readable.from(checkedBytes(file, reading), { objectMode: false });
  pipeline(source, parser, () => {});
  let lastLine = 0;
  let emptyLines = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRow>) {
      const firstLine = lastLine + 1 + info.empty_lines - emptyLines;
      lastLine = firstLine + record.reduce((sum, cell) => sum + lineBreaks(cell), 0);
      emptyLines = info.empty_lines;
      yield { firstLine, lastLine, cells: record };
    }
  } catch (error) {
    problems.add(lastLine + 1, '', '', explainCsvError(error));
  }
}

function lineBreaks(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count += 1;
  return count;
}

function explainCsvError(error: unknown): string {
  if (error instanceof UnreadableError) return error.message;
  switch ((error as { code?: unknown }).code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote is opened here or below and never closed: the rest of the file cannot be read';
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands inside a cell: quote the whole cell and double the quotes in it; the rest of the file was not looked at';
    case 'CSV_MAX_RECORD_SIZE':
      return `the row is longer than ${LONGEST_ROW_BYTES} bytes: is a quote not closed?`;
    default:
      throw error;
  }
}

async function* lines(file: SourceFile, reading: Reading, problems: Problems): AsyncGenerator<SourceRow> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  let line = 0;
  try {
    for await (const chunk of checkedBytes(file, reading)) {
      const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = texts.pop() ?? '';
      if (rest.length > LONGEST_ROW_BYTES)
        throw new UnreadableError(`the line is longer than ${LONGEST_ROW_BYTES} bytes`);
      for (const text of texts) {
        line += 1;
        if (text.trim() !== '') yield { firstLine: line, lastLine: line, cells: [text] };
      }
    }
    if (rest.trim() !== '') yield { firstLine: line + 1, lastLine: line + 1, cells: [rest] };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    problems.add(line + 1, '', '', error.message);
  }
}
