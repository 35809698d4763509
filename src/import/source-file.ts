import { createHash, type Hash } from 'node:crypto';
import { createReadStream, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Parser, parse } from 'csv-parse';
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
    problems.add(reader.line + 1, '', '', explain(error));
  }
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

interface RowReader {
  /** The last line of the last row. */
  readonly line: number;
  add(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
  /** The rows that are complete since the last call. */
  takeRows(): readonly SourceRow[];
}

/**
 * Lines are counted here: the parser counts a line break inside quotes twice when it is CR LF. Rows are taken as they are
 * parsed and not from the parser's stream, which loses those of a chunk with an error in it.
 */
class CsvReader implements RowReader {
  line = 0;
  private rows: SourceRow[] = [];
  private emptyLines = 0;
  private readonly parser: Parser;

  constructor(delimiter: string) {
    this.parser = parse({
      bom: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: LONGEST_ROW_BYTES,
      on_record: (cells: readonly string[], info) => {
        this.note(cells, info.empty_lines);
        return null;
      },
    });
    // Errors come to whoever waits below.
    this.parser.on('error', () => {});
    this.parser.resume();
  }

  add(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.parser.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.parser.once('error', reject).once('end', resolve).end();
    });
  }

  takeRows(): readonly SourceRow[] {
    const { rows } = this;
    this.rows = [];
    return rows;
  }

  private note(cells: readonly string[], emptyLines: number): void {
    const firstLine = this.line + 1 + emptyLines - this.emptyLines;
    this.line = firstLine + cells.reduce((sum, cell) => sum + lineBreaks(cell), 0);
    this.emptyLines = emptyLines;
    // A blank line that ends in CR LF, in a file whose other lines end in LF.
    if (cells.length === 1 && /^\s+$/.test(cells[0] ?? '')) return;
    this.rows.push({ firstLine, lastLine: this.line, cells });
  }
}

function lineBreaks(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count += 1;
  return count;
}

class LineReader implements RowReader {
  line = 0;
  private rows: SourceRow[] = [];
  private rest = '';
  private readonly decoder = new TextDecoder('utf-8');

  async add(chunk: Buffer): Promise<void> {
    const texts = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n');
    this.rest = texts.pop() ?? '';
    for (const text of texts) this.note(text);
    if (this.rest.length > LONGEST_ROW_BYTES)
      throw new UnreadableError(`the line is longer than ${LONGEST_ROW_BYTES} bytes`);
  }

  async end(): Promise<void> {
    this.note(this.rest);
  }

  takeRows(): readonly SourceRow[] {
    const { rows } = this;
    this.rows = [];
    return rows;
  }

  private note(text: string): void {
    this.line += 1;
    if (text.trim() !== '') this.rows.push({ firstLine: this.line, lastLine: this.line, cells: [text] });
  }
}

function explain(error: unknown): string {
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
