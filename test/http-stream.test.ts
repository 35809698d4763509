import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sleep } from '../src/clock.js';
import { isAbortError } from '../src/errors.js';
import { createStreamSender, type HttpOptions, type OpenStream } from '../src/talon-one/http.js';
import { unlimitedBudget } from '../src/talon-one/request-budget.js';

// Bodies of any size, over real sockets.

const request = {
  method: 'GET',
  path: '/v1/export',
  template: '/v1/export',
  accept: 'application/csv',
} as const;
const never = new AbortController().signal;

async function serve(
  answer: (response: ServerResponse) => void,
  options: Partial<HttpOptions> = {},
): Promise<{ open: OpenStream; closed: Promise<void> }> {
  let hasClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    hasClosed = resolve;
  });
  const server = createServer((_, response) => {
    response.on('close', hasClosed);
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const open = createStreamSender({
    baseUrl: `http://127.0.0.1:${port}`,
    apiKey: 'the-secret-key',
    timeoutMs: 5_000,
    userAgent: 'test',
    budget: unlimitedBudget,
    ...options,
  });
  return { open, closed };
}

async function textOf(pieces: Promise<AsyncIterable<Buffer>>): Promise<string> {
  let text = '';
  for await (const piece of await pieces) text += piece.toString();
  return text;
}

async function drip(response: ServerResponse, pieces: number, everyMs: number): Promise<void> {
  for (let sent = 0; sent < pieces; sent += 1) {
    response.write('x');
    await sleep(everyMs);
  }
  response.end();
}

describe('the deadline is for the next piece', () => {
  test('a body that takes longer altogether is read to its end', async () => {
    const { open } = await serve((response) => void drip(response, 12, 50), { timeoutMs: 300 });
    expect(await textOf(open(request, never))).toBe('x'.repeat(12));
  });

  test('the time that the reader takes does not count', async () => {
    const { open } = await serve((response) => response.end('a,b\n'), { timeoutMs: 200 });
    const pieces = await open(request, never);
    await sleep(300);
    let text = '';
    for await (const piece of pieces) {
      text += piece.toString();
      await sleep(300);
    }
    expect(text).toBe('a,b\n');
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['before the head', () => {}],
    ['after the head', (response) => response.flushHeaders()],
    ['in the middle', (response) => response.write('a,b\n1,')],
  ])('a server that falls silent %s is given up', async (_, answer) => {
    const { open, closed } = await serve(answer, { timeoutMs: 100 });
    await expect(textOf(open(request, never))).rejects.toMatchObject({
      name: 'ApiError',
      failure: 'timeout',
    });
    await closed;
  });
});

test.each<[string, (response: ServerResponse) => void]>([
  [
    'shorter than its length',
    (response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('a,b\n', () => response.destroy());
    },
  ],
  ['without its last chunk', (response) => response.write('a,b\n', () => response.destroy())],
  [
    'with half of its gzip',
    (response) => {
      const body = gzipSync('a,b\n'.repeat(5_000));
      response.writeHead(200, { 'Content-Encoding': 'gzip' });
      response.end(body.subarray(0, body.length / 2));
    },
  ],
])('a body %s is a network failure', async (_, answer) => {
  const { open } = await serve(answer);
  await expect(textOf(open(request, never))).rejects.toMatchObject({ name: 'ApiError', failure: 'network' });
});

test('a compressed body is unpacked', async () => {
  const { open } = await serve((response) => {
    response.writeHead(200, { 'Content-Encoding': 'gzip' });
    response.end(gzipSync('a,b\n1,2\n'));
  });
  expect(await textOf(open(request, never))).toBe('a,b\n1,2\n');
});

test('another status than 200 says what the API said, never the key, and how long to wait', async () => {
  const { open } = await serve((response) => {
    response.writeHead(429, { 'Retry-After': '7' });
    response.end('{"message":"slow down, the-secret-key"}');
  });
  const failure = { failure: 'status', status: 429, retryAfterMs: 7_000 };
  await expect(open(request, never)).rejects.toMatchObject(failure);
  await expect(open(request, never)).rejects.toThrow('slow down, ***');
});

test('a redirect is not followed', async () => {
  const { open } = await serve((response) => {
    response.writeHead(302, { Location: 'http://127.0.0.1:1/' });
    response.end();
  });
  await expect(open(request, never)).rejects.toThrow('redirects are not followed');
});

test('a stop in the middle ends the reading and the connection', async () => {
  const { open, closed } = await serve((response) => response.write('a,b\n'));
  const controller = new AbortController();
  const read = (async () => {
    for await (const _ of await open(request, controller.signal)) controller.abort();
  })();
  await expect(read).rejects.toSatisfy(isAbortError);
  await closed;
});

test('a reader that stops early closes the connection', async () => {
  const { open, closed } = await serve((response) => response.write('a,b\n'));
  for await (const _ of await open(request, never)) break;
  await closed;
});

test('a slow reader makes the server wait: memory does not grow with the body', async () => {
  let sent = 0;
  const { open } = await serve((response) => {
    const block = Buffer.alloc(1_000_000, 'x');
    const pump = () => {
      while (sent < 200_000_000 && !response.destroyed) {
        sent += block.length;
        if (!response.write(block)) {
          response.once('drain', pump);
          return;
        }
      }
    };
    pump();
  });
  for await (const _ of await open(request, never)) {
    await sleep(200);
    break;
  }
  expect(sent).toBeLessThan(100_000_000);
});
