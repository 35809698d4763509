import { type CsvBody, csvLines, isCsv } from './csv.js';
import { type Page, pageParts } from './page.js';
import type { Refusal } from './refusal.js';

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string | Page | CsvBody;
}

export function json(body: string | Page): Reply {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}

export function refusalReply(refusal: Refusal, contentType = 'application/json'): Reply {
  return {
    status: refusal.status,
    headers: { 'Content-Type': contentType, ...refusal.headers },
    body: JSON.stringify(refusal.body),
  };
}

export function bodyBytes(reply: Reply): Buffer {
  if (typeof reply.body === 'string') return Buffer.from(reply.body);
  // Only where a fault needs to know the whole file.
  if (isCsv(reply.body)) return Buffer.from([...csvLines(reply.body)].join(''));
  const { start, rows, end } = pageParts(reply.body);
  return encodeRows(start, rows, end);
}

const encoder = new TextEncoder();
const KEPT_BYTES = 16 * 1024 * 1024;
let scratch = Buffer.allocUnsafe(1024 * 1024);

/**
 * Row by row: encoding the joined text of a page takes three times as long. Into memory that stays: room for the worst
 * case, three bytes for each UTF-16 unit, would keep the garbage collector busy.
 */
function encodeRows(start: string, rows: readonly string[], end: string): Buffer {
  const units = rows.reduce((sum, row) => sum + row.length + 1, start.length + end.length);
  const bytes = scratch.length >= units * 3 ? scratch : Buffer.allocUnsafe(units * 3);
  if (bytes.length <= KEPT_BYTES) scratch = bytes;
  let at = bytes.write(start);
  rows.forEach((row, index) => {
    if (index > 0) at += bytes.write(',', at);
    at += encoder.encodeInto(row, bytes.subarray(at)).written;
  });
  at += bytes.write(end, at);
  return Buffer.from(bytes.subarray(0, at));
}
