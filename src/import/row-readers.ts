import { type Parser, parse } from 'csv-parse';
import type { SourceRow } from './unit.js';

/** A quote that is never closed would otherwise swallow the rest of the file into memory. */
const LONGEST_ROW_BYTES = 4 * 1024 * 1024;

/** The file cannot be read on; the message says why. */
export class UnreadableError extends Error {
  /** @param line where, if that is known better than by the rows that were read */
  constructor(
    message: string,
    readonly line?: number,
  ) {
    super(message);
  }
}

/** Makes rows of the bytes of a file. */
export interface RowReader {
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
export class CsvReader implements RowReader {
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

export class LineReader implements RowReader {
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

/** Why a file cannot be read on; other errors are thrown on. */
export function explainReadError(error: unknown): string {
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
