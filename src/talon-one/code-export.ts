import { pipeline, Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { messageOf } from '../errors.js';
import { type Instant, laterOf, parseInstant } from '../instant.js';
import { ApiError } from './api-error.js';
import type { HttpRequest, OpenStream } from './http.js';

// The CSV exports of coupons and referrals (talon-one-api sections 8.4 and 8.5), row by row as they arrive: one request
// may bring millions. Columns are found by their header name. A row becomes JSON with every value as the text it is.

/** Rows that are stored together, and characters after which there are enough of them. */
const BATCH = 1000;
const BATCH_LENGTH = 4 * 1024 * 1024;
const LINE_FEED = 0x0a;
const LONGEST_ROW = 8 * 1024 * 1024;

export interface CodeExport {
  /** Ends in `export_coupons` or `export_referrals`. */
  readonly path: string;
  readonly applicationId: string;
  readonly createdAfter: string;
  readonly createdBefore: string | undefined;
}

export interface CodeBatch {
  /** `{"data": [...]}`, an object for each row. */
  readonly text: string;
  readonly rows: number;
  /** Why a row is not usable, by its position. */
  readonly problems: ReadonlyMap<number, string>;
  readonly source: string;
  readonly mayChange: boolean;
  /** Latest `created` among the rows. */
  readonly newest: Instant | undefined;
}

/**
 * Whether a server ends its last row with a line end. That is not documented, and a text that was cut in its last cell
 * looks the same: it is believed once two answers of the same length have ended so.
 */
export class LastLine {
  private unended = -1;

  mayEndHere(bytes: number): boolean {
    const isSame = this.unended === bytes;
    this.unended = bytes;
    return isSame;
  }
}

/**
 * The rows of one export, in batches.
 * @throws ApiError when the answer is no such CSV, or broke off; batches before stay what they are
 */
export async function* exportedCodes(
  open: OpenStream,
  wanted: CodeExport,
  lastLine: LastLine,
  signal: AbortSignal,
): AsyncGenerator<CodeBatch, void> {
  const { applicationId, createdAfter, createdBefore } = wanted;
  const path = wanted.path.replace('{applicationId}', encodeURIComponent(applicationId));
  const query = { createdAfter, createdBefore, dateFormat: 'ISO8601' };
  const request: HttpRequest = {
    method: 'GET',
    template: wanted.path,
    path,
    query,
    accept: 'application/csv',
  };
  const source = `GET ${path}`;
  const parser = parse({
    bom: true,
    relax_column_count_more: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW,
  });
  // A failure of either side reaches the reader below through the parser.
  pipeline(Readable.from(withLineEnd(await open(request, signal), lastLine)), parser, () => {});
  let header: readonly string[] | undefined;
  let rows: string[][] = [];
  let length = 0;
  try {
    for await (const row of parser as AsyncIterable<string[]>) {
      if (header === undefined) header = readHeader(row);
      else {
        rows.push(row);
        length += row.reduce((sum, cell) => sum + cell.length, 0);
      }
      if (header === undefined || (rows.length < BATCH && length < BATCH_LENGTH)) continue;
      yield toBatch(header, rows, source);
      rows = [];
      length = 0;
    }
    if (header === undefined) throw new Error('it is empty');
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) throw error;
    const message = `GET ${wanted.path} was answered with 200, but not with a complete export: ${messageOf(error)}`;
    throw new ApiError(message, { failure: 'body', endpoint: `GET ${wanted.path}`, status: 200 });
  }
  if (rows.length > 0) yield toBatch(header, rows, source);
}

async function* withLineEnd(pieces: AsyncIterable<Buffer>, lastLine: LastLine): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  let last: number | undefined;
  for await (const piece of pieces) {
    bytes += piece.length;
    last = piece.at(-1) ?? last;
    yield piece;
  }
  if (last !== undefined && last !== LINE_FEED && !lastLine.mayEndHere(bytes))
    throw new Error('its last row has no line end, it may be cut short');
}

function readHeader(row: readonly string[]): readonly string[] {
  const header = row.map((name) => name.trim().toLowerCase());
  if (!header.includes('id')) throw new Error('it has no column "id"');
  return header;
}

function toBatch(header: readonly string[], rows: readonly string[][], source: string): CodeBatch {
  const keys = header.map((name) => JSON.stringify(name));
  const [id, created] = [header.indexOf('id'), header.indexOf('created')];
  const problems = new Map<number, string>();
  let newest: Instant | undefined;
  const texts = rows.map((row, index) => {
    if (!/^\d{1,18}$/.test(row[id] ?? '')) problems.set(index, 'id: must be a whole number');
    // Both documented forms: RFC 3339, and `2021-09-10 09:21:06` (UTC).
    const instant = parseInstant((row[created] ?? '').trim());
    if (instant !== undefined) newest = laterOf(newest ?? instant, instant);
    return `{${keys.map((key, column) => `${key}:${JSON.stringify(row[column] ?? '')}`).join(',')}}`;
  });
  const text = `{"data":[${texts.join(',')}]}`;
  return { text, rows: rows.length, problems, source, mayChange: false, newest };
}
