import type { ServerResponse } from 'node:http';
import { isCsv } from './csv.js';
import type { FaultAction } from './fault-rules.js';
import type { Page } from './page.js';
import { bodyBytes, type Reply } from './reply.js';

const HTML =
  '<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>\n';
const DEFAULT_DRIP_MS = 100;
const CHUNK = Buffer.alloc(64 * 1024, ' ');

/** Faults that only change what is answered. */
export function faultyReply(action: FaultAction, reply: Reply): Reply {
  switch (action.type) {
    case 'status':
      return {
        status: action.status,
        headers: { 'Content-Type': 'application/json', ...action.headers },
        body:
          action.body ??
          JSON.stringify({ message: 'Simulated fault', errors: [], StatusCode: action.status }),
      };
    case 'html200':
      return { status: 200, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: HTML };
    case 'empty200':
      return { status: 200, headers: { 'Content-Type': 'application/json' }, body: '' };
    case 'notJson200':
      return {
        status: 200,
        headers: { 'Content-Type': 'application/json' },
        body: 'upstream connect error\n',
      };
    case 'redirect':
      return {
        status: action.status ?? 302,
        headers: { Location: action.location ?? 'https://login.invalid/' },
        body: '',
      };
    case 'emptyPage':
      return isPage(reply.body) ? { ...reply, body: { ...reply.body, rows: [], hasMore: true } } : reply;
    case 'truncatedButValidJson':
      return truncated(reply, action.share ?? 0.5);
    default:
      return reply;
  }
}

function isPage(body: Reply['body']): body is Page {
  return typeof body !== 'string' && !isCsv(body);
}

function truncated(reply: Reply, share: number): Reply {
  if (!isPage(reply.body)) return reply;
  const { rows, hasMore, totalResultSize } = reply.body;
  const kept = rows.slice(0, Math.floor(rows.length * share));
  const body = {
    rows: kept,
    hasMore: hasMore === undefined ? undefined : false,
    totalResultSize: totalResultSize === undefined ? undefined : kept.length,
  };
  return { ...reply, body };
}

/** Faults of the connection. False when the reply is to be sent in the ordinary way. */
export function sendFaultily(action: FaultAction, reply: Reply, response: ServerResponse): boolean {
  switch (action.type) {
    case 'stall':
      return true;
    case 'reset':
      sendReset(action.at ?? 'start', reply, response);
      return true;
    case 'cutBody':
      sendCut(action, reply, response);
      return true;
    case 'dripBody':
      sendDrops(action.everyMs ?? DEFAULT_DRIP_MS, reply, response);
      return true;
    case 'hugeBody':
      sendHuge(action.bytes ?? Infinity, response);
      return true;
    default:
      return false;
  }
}

function sendReset(at: 'start' | 'body', reply: Reply, response: ServerResponse): void {
  const reset = (): void => {
    response.socket?.resetAndDestroy();
  };
  if (at === 'start') {
    reset();
    return;
  }
  const body = bodyBytes(reply);
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': body.length });
  response.write(body.subarray(0, Math.ceil(body.length / 2)), reset);
}

function sendCut(action: FaultAction & { type: 'cutBody' }, reply: Reply, response: ServerResponse): void {
  const whole = bodyBytes(reply);
  const part = cut(whole, action.share ?? 0.5, action.where ?? 'anywhere');
  const close = (): void => {
    response.socket?.end();
  };
  if (action.framing === 'content-length') {
    response.writeHead(reply.status, {
      ...reply.headers,
      'Content-Length': whole.length,
      Connection: 'close',
    });
    response.write(part, close);
    return;
  }
  if (action.framing === 'close') {
    // Without this, Node falls back to chunks when there is no length.
    response.useChunkedEncodingByDefault = false;
    response.writeHead(reply.status, { ...reply.headers, Connection: 'close' });
    response.end(part);
    return;
  }
  response.writeHead(reply.status, reply.headers);
  if (action.framing === 'chunkedEnd') response.end(part);
  else response.write(part, close);
}

function cut(whole: Buffer, share: number, where: 'anywhere' | 'betweenRows'): Buffer {
  const at = Math.floor(whole.length * share);
  if (where === 'anywhere') return whole.subarray(0, at);
  const json = whole.lastIndexOf('},{"id":', at);
  if (json >= 0) return whole.subarray(0, json + 1);
  const line = whole.lastIndexOf('\n', at);
  return whole.subarray(0, line < 0 ? at : line + 1);
}

function sendDrops(everyMs: number, reply: Reply, response: ServerResponse): void {
  const body = bodyBytes(reply);
  let sent = 0;
  response.writeHead(reply.status, reply.headers);
  const timer = setInterval(() => {
    // Spaces after the last byte but one: valid so far, and never done.
    response.write(sent < body.length - 1 ? body.subarray(sent, sent + 1) : ' ');
    sent += 1;
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}

function sendHuge(bytes: number, response: ServerResponse): void {
  let left = bytes;
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write('{"data":[');
  const pump = (): void => {
    while (!response.destroyed && left > 0) {
      left -= CHUNK.length;
      if (!response.write(CHUNK)) {
        response.once('drain', pump);
        return;
      }
    }
    if (left <= 0) response.end(']}');
  };
  pump();
}
