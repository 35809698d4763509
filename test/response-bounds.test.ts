import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ApiError } from '../src/talon-one/api-error.js';
import type { HttpOptions } from '../src/talon-one/http.js';
import { senderFor } from './support/management-client.js';
import { pour, startRawServer } from './support/raw-server.js';

// Whoever answers in the API's place cannot exhaust the memory of the daemon: real sockets, answers without end.

const MEGABYTE = 1024 * 1024;
const BOUND = 8 * MEGABYTE;
/** The bound, the copies on the way, and what the process takes meanwhile for other reasons. */
const MOST_GROWTH = 150 * MEGABYTE;

const never = new AbortController().signal;
const zeros = (megabytes: number) => Buffer.alloc(megabytes * MEGABYTE);
const head = (...headers: string[]) => ['HTTP/1.1 200 OK', ...headers, '', ''].join('\r\n');
const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/** Sends the beginning, and then the piece for ever. */
const endless =
  (beginning: string, piece: Buffer | string) =>
  (socket: Socket): void => {
    socket.write(beginning);
    pour(socket, Buffer.from(piece));
  };

async function attempt(answer: (socket: Socket) => void, options: Partial<HttpOptions> = {}) {
  const { port } = await startRawServer(answer);
  const send = senderFor(
    { url: `http://127.0.0.1:${port}`, apiKey: 'key' },
    { maxBodyBytes: BOUND, ...options },
  );
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  const request = { method: 'GET', path: '/v1/applications', template: '/v1/applications' } as const;
  const error = await send(request, never)
    .catch((reason: unknown) => reason)
    .finally(() => clearInterval(watch));
  if (!(error instanceof ApiError)) throw error;
  return { error, growth: Math.max(most, process.memoryUsage().rss) - before };
}

const compressed = (encoding: string, bomb: Buffer) =>
  endless(head(`Content-Encoding: ${encoding}`, 'Transfer-Encoding: chunked'), chunk(bomb));

test.each<[string, (socket: Socket) => void]>([
  ['that has no end', endless(head('Transfer-Encoding: chunked'), chunk(zeros(1)))],
  ['that has no length and no end', endless(head('Connection: close'), zeros(1))],
  ['of a petabyte', endless(head('Content-Length: 1000000000000000'), zeros(1))],
  ['that gzip has made small, again and again', compressed('gzip', gzipSync(zeros(64)))],
  ['that deflate has made small', compressed('deflate', deflateSync(zeros(256)))],
  ['that brotli has made small', compressed('br', brotliCompressSync(zeros(256)))],
])('a body is given up at the bound, with a clear error and little memory: %s', async (_, answer) => {
  const { error, growth } = await attempt(answer);
  expect(error).toMatchObject({ failure: 'too-large', status: undefined });
  expect(error.message).toBe(`GET /v1/applications: the answer is larger than ${BOUND} bytes`);
  expect(growth).toBeLessThan(MOST_GROWTH);
});

test.each<[string, (socket: Socket) => void]>([
  ['one header', endless('HTTP/1.1 200 OK\r\nX-Long: ', 'x'.repeat(1000))],
  ['many headers', endless('HTTP/1.1 200 OK\r\n', 'X-More: 1\r\n'.repeat(100))],
  ['the status line', endless('HTTP/1.1 200 ', 'x'.repeat(1000))],
  ['the extension of a chunk', endless(`${head('Transfer-Encoding: chunked')}1;`, 'x'.repeat(1000))],
  ['the trailer', endless(`${head('Transfer-Encoding: chunked')}0\r\n`, 'X-More: 1\r\n'.repeat(100))],
])('an endless head is a failure of the network: %s', async (_, answer) => {
  const { error, growth } = await attempt(answer);
  expect(error).toMatchObject({ failure: 'network' });
  expect(error.code).toMatch(/^(HPE_|ECONNRESET|ERR_)/);
  expect(growth).toBeLessThan(MOST_GROWTH);
});

test('interim answers without end run into the deadline', async () => {
  const { error, growth } = await attempt(endless('', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'), {
    timeoutMs: 500,
  });
  expect(error).toMatchObject({ failure: 'timeout' });
  expect(growth).toBeLessThan(MOST_GROWTH);
});
