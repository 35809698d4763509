import { formatMicros, formatSeconds, type Micros } from './timestamp.js';

/** A CSV answer whose rows are made while it is sent: a large export is never in memory as a whole. */
export interface CsvBody {
  header: string;
  /** Without line ends. */
  rows: Iterable<string>;
  lineEnd?: '\n' | '\r\n';
}

export type DateFormat = 'excel' | 'ISO8601';

/** Quoted when the field needs it. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? quoted(text) : text;
}

export function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

export function csvRow(fields: readonly string[]): string {
  return fields.map(csvField).join(',');
}

/** Whole seconds; year 1 for a time that is not set. */
export function csvTime(at: Micros | undefined, format: DateFormat): string {
  if (at === undefined || at === 0) {
    return format === 'excel' ? '0001-01-01 00:00:00' : '0001-01-01T00:00:00Z';
  }
  return formatSeconds(at, format);
}

/** With microseconds, as the documented example of a card has it. */
export function csvExactTime(at: Micros, format: DateFormat): string {
  return format === 'excel' ? formatSeconds(at, format) : formatMicros(at);
}

export function isCsv(body: unknown): body is CsvBody {
  return typeof body === 'object' && body !== null && 'header' in body;
}

export function* csvLines({ header, rows, lineEnd = '\n' }: CsvBody): Generator<string> {
  yield header + lineEnd;
  for (const row of rows) yield row + lineEnd;
}
