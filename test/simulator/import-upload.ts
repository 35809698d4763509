import { parse } from 'csv-parse/sync';
import { messageOf } from '../../src/errors.js';
import type { ApiRequest } from './endpoint.js';
import { badRequest, Refusal, withStatus } from './refusal.js';

export interface UploadedRow {
  /** Of the uploaded file, from 1. */
  line: number;
  /** By lower-case column name; empty cells are left out. */
  cells: Record<string, string>;
}

export interface Upload {
  fileName: string;
  text: string;
  columns: string[];
  rows: UploadedRow[];
}

/** The one file part that the documentation names, with a CSV in it. Anything else is a mistake of the client. */
export function readUpload(request: ApiRequest): Upload {
  const { fileName, text } = readFilePart(request);
  const parsed = parseCsv(text);
  const header = parsed[0];
  if (header === undefined) throw badLine('N/A', 'the file is empty');
  const columns = header.cells.map((name) => name.trim().toLowerCase());
  const rows = parsed.slice(1).map(({ line, cells }) => {
    if (cells.length !== columns.length) throw badLine(String(line), 'wrong number of fields');
    const named = columns.map((name, index) => [name, cells[index] ?? ''] as const);
    return { line, cells: Object.fromEntries(named.filter(([, cell]) => cell !== '')) };
  });
  return { fileName, text, columns, rows };
}

/** The documented source of an error in a file: the line as text. */
export function badLine(line: string, details: string): Refusal {
  return new Refusal(400, {
    message: 'The submitted data was invalid',
    errors: [{ title: 'Invalid type', details, source: { line } }],
    StatusCode: 400,
  });
}

function readFilePart({ headers, body }: ApiRequest): { fileName: string; text: string } {
  const boundary = /^multipart\/form-data; *boundary="?([^";]+)"?$/.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw badRequest('expected multipart/form-data', { pointer: '' });
  const parts = `\r\n${body}`.split(`\r\n--${boundary}`);
  const [, part = '', end] = parts;
  if (parts.length !== 3 || end?.trim() !== '--') throw badRequest('expected one part', { pointer: '' });
  const split = part.indexOf('\r\n\r\n');
  const head = part.slice(0, split);
  const fileName = /Content-Disposition: form-data; name="upFile"; filename="([^"]*)"/i.exec(head)?.[1];
  if (fileName === undefined) throw badRequest('the file part must be named upFile', { pointer: '/upFile' });
  if (!/Content-Type: text\/csv/i.test(head)) throw withStatus(400, 'the file must be text/csv');
  return { fileName, text: part.slice(split + 4) };
}

interface ParsedRow {
  record: string[];
  info: { lines: number };
}

function parseCsv(text: string): { line: number; cells: string[] }[] {
  try {
    const rows = parse(text, { info: true, relax_column_count: true }) as unknown as ParsedRow[];
    let line = 0;
    return rows.map(({ record, info }) => {
      const first = line + 1;
      line = info.lines;
      return { line: first, cells: record };
    });
  } catch (error) {
    throw badLine('N/A', messageOf(error));
  }
}
