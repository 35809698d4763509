const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

type State = 'cell-start' | 'plain' | 'quoted' | 'after-quote';

/**
 * Finds where the records of a CSV text end (RFC 4180), byte by byte and across pieces, without building them. A quote
 * opens a quoted cell only at the cell's beginning: the documented export of loyalty cards has JSON without quotes
 * around it. Line ends may be LF or CRLF; empty lines are no records.
 */
export class CsvScanner {
  private state: State = 'cell-start';
  private cells = 0;
  private offset = 0;

  /** Cells of the record that has begun and not ended; 0: none has. */
  get openCells(): number {
    return this.cells;
  }

  /** The text so far ends inside quotes. */
  get isQuoted(): boolean {
    return this.state === 'quoted';
  }

  /** Reads on; `onRecord` gets the position in `bytes` after the line end of each record. */
  scan(bytes: Buffer, onRecord: (end: number) => void): void {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      if (this.offset < BYTE_ORDER_MARK.length && this.isByteOrderMark(byte)) continue;
      if (this.state === 'quoted') {
        if (byte === QUOTE) this.state = 'after-quote';
        else at = skipTo(bytes, at) - 1;
      } else if (byte === LINE_FEED) {
        if (this.cells > 0) onRecord(at + 1);
        this.state = 'cell-start';
        this.cells = 0;
      } else if (byte === COMMA) {
        this.cells = Math.max(this.cells, 1) + 1;
        this.state = 'cell-start';
      } else if (byte !== CARRIAGE_RETURN) {
        this.cells = Math.max(this.cells, 1);
        const opens = byte === QUOTE && (this.state === 'cell-start' || this.state === 'after-quote');
        this.state = opens ? 'quoted' : 'plain';
      }
    }
  }

  // Only at the very beginning, byte after byte.
  private isByteOrderMark(byte: number): boolean {
    const isMark = byte === BYTE_ORDER_MARK[this.offset];
    this.offset = isMark ? this.offset + 1 : BYTE_ORDER_MARK.length;
    return isMark;
  }
}

/** Position of the next quote at or after `from`, or the end. */
function skipTo(bytes: Buffer, from: number): number {
  const quote = bytes.indexOf(QUOTE, from);
  return quote < 0 ? bytes.length : quote;
}

/** The cells of one record, quotes resolved; `record` may have its line end. One character stands for one byte. */
export function cellsOf(record: Buffer): string[] {
  const text = record
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .replace(/\r?\n$/, '');
  const cells: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const quoted = text[at] === '"' ? endOfQuoted(text, at) : at;
    const comma = text.indexOf(',', quoted);
    const end = comma < 0 ? text.length : comma;
    const inner = quoted > at ? text.slice(at + 1, quoted - 1).replaceAll('""', '"') : '';
    cells.push(inner + text.slice(quoted, end));
    at = end + 1;
  }
  return cells;
}

// After the closing quote; doubled quotes belong to the text.
function endOfQuoted(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    if (text[quote + 1] !== '"') return quote + 1;
    at = quote + 2;
  }
}
