import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type CsvBody, csvLines } from './csv.js';
import { withStatus } from './refusal.js';
import type { Reply } from './reply.js';
import type { Switches } from './switches.js';

const CHUNK_LENGTH = 64 * 1024;

/**
 * A file of `rows` in the way in which exports are documented. With the switch `exportTimeLimitRows` a server gives up
 * on what takes it too long: how is not documented, so there are three ways.
 */
export function csvReply(body: CsvBody, fileName: string, switches: Switches): Reply {
  const limit = switches.exportTimeLimitRows;
  const header = switches.exportByteOrderMark ? `\ufeff${body.header}` : body.header;
  const all = switches.exportOrder === 'reversed' ? [...body.rows].reverse() : body.rows;
  const rows = limit === 0 ? all : limited(all, limit, switches.exportTimeLimit);
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/csv',
      'Content-Disposition': `attachment; filename="${fileName}"`,
    },
    body: { header, rows, lineEnd: switches.exportLineEnds === 'lf' ? '\n' : '\r\n' },
  };
}

/** Thrown while a file is being sent: the connection is reset in the middle of it. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

function limited(
  rows: Iterable<string>,
  limit: number,
  answer: Switches['exportTimeLimit'],
): Iterable<string> {
  if (answer === '504') {
    const first: string[] = [];
    for (const row of rows) {
      if (first.length === limit) throw withStatus(504, 'Gateway timeout');
      first.push(row);
    }
    return first;
  }
  return cutAfter(rows, limit, answer);
}

function* cutAfter(rows: Iterable<string>, limit: number, answer: 'reset' | 'end'): Generator<string> {
  let count = 0;
  for (const row of rows) {
    if (count === limit && answer === 'reset') throw new OutOfTime();
    if (count === limit) return;
    count += 1;
    yield row;
  }
}

/** Sends it as it is made, no quicker than the client takes it. */
export async function sendCsv(
  status: number,
  headers: Record<string, string | number>,
  body: CsvBody,
  response: ServerResponse,
  isCompressed: boolean,
): Promise<void> {
  response.writeHead(status, isCompressed ? { ...headers, 'Content-Encoding': 'gzip' } : headers);
  const chunks = Readable.from(chunksOf(body), { objectMode: false });
  try {
    if (isCompressed) await pipeline(chunks, createGzip({ level: 1 }), response);
    else await pipeline(chunks, response);
  } catch (error) {
    if (error instanceof OutOfTime || response.destroyed) response.socket?.resetAndDestroy();
    // A client that hangs up is no mistake of the simulator.
    if (!(error instanceof OutOfTime) && !isHangUp(error)) throw error;
  }
}

function isHangUp(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED'].includes(code);
}

function* chunksOf(body: CsvBody): Generator<Buffer> {
  let lines = '';
  for (const line of csvLines(body)) {
    lines += line;
    if (lines.length < CHUNK_LENGTH) continue;
    yield Buffer.from(lines);
    lines = '';
  }
  if (lines !== '') yield Buffer.from(lines);
}
