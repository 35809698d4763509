import { ApiError } from '../talon-one/api-error.js';
import { CsvScanner, cellsOf } from './csv-scanner.js';

/** A record beyond this is taken for a quote that never closes. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** What tells a CSV export from anything else that was answered with 200. */
export interface CsvExpectation {
  /** Method and path template, for messages. */
  readonly endpoint: string;
  /** Column names in lower case; the header must have one of them. Empty: columns are not documented. */
  readonly proof: readonly string[];
  readonly ending: FinalLineEnd;
}

/** The right export, but not all of it. */
export class IncompleteCsvError extends ApiError {
  override name = 'IncompleteCsvError';
}

export type CsvPart =
  | { readonly kind: 'header'; readonly bytes: Buffer; readonly columns: readonly string[] }
  /** Whole records; `ends` are the positions in `bytes` after each of them. */
  | { readonly kind: 'rows'; readonly bytes: Buffer; readonly ends: readonly number[] };

/**
 * Whether this server ends its last row with a line end. That is not documented, and the lack of one is also what a text
 * looks like that was cut in its last cell: it is believed once two answers of the same length have ended so.
 */
export class FinalLineEnd {
  private isOptional = false;
  private seenBytes = -1;

  mayLack(bytes: number): boolean {
    this.isOptional ||= this.seenBytes === bytes;
    this.seenBytes = bytes;
    return this.isOptional;
  }
}

/**
 * Cuts a CSV body into its header and pieces of whole records, the bytes as they were sent. Nothing is returned of a body
 * that is not CSV (HTML, JSON, empty).
 * @throws ApiError (`body`) when it is not the export that was asked for, or ends inside a record
 */
export async function* csvParts(
  pieces: AsyncIterable<Buffer>,
  expected: CsvExpectation,
): AsyncGenerator<CsvPart, void> {
  const scanner = new CsvScanner();
  let columns: readonly string[] | undefined;
  let open: Buffer[] = [];
  let openBytes = 0;
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    const ends: number[] = [];
    scanner.scan(piece, (end) => ends.push(openBytes + end));
    open.push(piece);
    openBytes += piece.length;
    const last = ends.at(-1);
    if (last === undefined) {
      if (openBytes > MAX_RECORD_BYTES)
        throw notCsv(expected, `a row is longer than ${MAX_RECORD_BYTES} bytes`);
      continue;
    }
    const bytes = Buffer.concat(open, openBytes);
    open = [bytes.subarray(last)];
    openBytes -= last;
    let start = 0;
    if (columns === undefined) {
      start = ends.shift() ?? 0;
      const header = bytes.subarray(0, start);
      columns = readHeader(header, expected);
      yield { kind: 'header', bytes: header, columns };
    }
    if (ends.length > 0)
      yield { kind: 'rows', bytes: bytes.subarray(start, last), ends: ends.map((end) => end - start) };
  }
  const rest = Buffer.concat(open, openBytes);
  if (columns !== undefined && scanner.openCells === 0) return;
  if (columns === undefined) readHeader(rest, expected);
  if (scanner.isQuoted || scanner.openCells < (columns?.length ?? 0))
    throw notCsv(expected, 'it is cut short inside a row', IncompleteCsvError);
  if (!expected.ending.mayLack(total))
    throw notCsv(expected, 'its last row has no line end, it may be cut short', IncompleteCsvError);
  yield columns === undefined
    ? { kind: 'header', bytes: rest, columns: readHeader(rest, expected) }
    : { kind: 'rows', bytes: rest, ends: [rest.length] };
}

function readHeader(bytes: Buffer, expected: CsvExpectation): readonly string[] {
  const columns = cellsOf(bytes).map((name) => name.trim());
  const begin = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trim();
  if (begin === '') throw notCsv(expected, 'it is empty');
  const names = columns.map((name) => name.toLowerCase());
  const { proof } = expected;
  const isExport = proof.length === 0 ? names.length > 1 : proof.some((name) => names.includes(name));
  if (isExport && !/^[<{[]/.test(begin)) return columns;
  const wanted = proof.length === 0 ? 'its first line is no header' : `it has no column "${proof[0]}"`;
  throw notCsv(expected, `${wanted} (it begins with: ${begin.slice(0, 80).replace(/\s+/g, ' ')})`);
}

function notCsv({ endpoint }: CsvExpectation, problem: string, Failure = ApiError): ApiError {
  const message = `${endpoint} was answered with 200, but not with a complete CSV export: ${problem}`;
  return new Failure(message, { failure: 'body', endpoint, status: 200 });
}
