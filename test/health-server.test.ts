import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type HealthReport, HealthServer, type Page } from '../src/health/health-server.js';
import { readHealth } from './support/health.js';
import { RawClient } from './support/raw-client.js';
import { waitFor } from './support/wait.js';

// The port may be open to a whole cluster: real sockets that mean no good, against the real server.

const clients: RawClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});

const ready = async (): Promise<HealthReport> => ({ isReady: true, reasons: [] });

async function serve(report: () => Promise<HealthReport> = ready, pages?: ReadonlyMap<string, Page>) {
  const server = await HealthServer.start('127.0.0.1', 0, report, pages);
  onTestFinished(() => server.stop());
  const open = (): RawClient => {
    const client = new RawClient(server.port);
    clients.push(client);
    return client;
  };
  return { open, url: `http://127.0.0.1:${server.port}`, isAlive: () => isAlive(server.port) };
}

async function isAlive(port: number): Promise<boolean> {
  return (await readHealth(`http://127.0.0.1:${port}/livez`)).status === 200;
}

const GET = 'GET /livez HTTP/1.1\r\nHost: x\r\n';
const KILOBYTE = Buffer.alloc(1024, 'x');
const MEGABYTE = 1024 * 1024;

describe('a client that holds on', () => {
  test('is let go after seconds: a header byte by byte, a body that does not come, silence', async () => {
    const { open, isAlive } = await serve();
    const dripping = open().send(GET);
    const waiting = open().send(
      'POST /livez HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
    );
    const silent = open();
    const idle = open().send(`${GET}\r\n`);
    const drip = setInterval(() => dripping.send('x'), 50);
    await Promise.all([dripping, waiting, silent, idle].map((client) => client.closed)).finally(() =>
      clearInterval(drip),
    );
    expect(dripping.statuses).not.toContain(200);
    expect(idle.statuses).toEqual([200]);
    expect(await isAlive()).toBe(true);
  });

  test('keeps nobody out, with as many connections as it likes, and of those few stay', async () => {
    const { open, isAlive } = await serve();
    const held = Array.from({ length: 300 }, () => open().send(GET));
    await waitFor('all but a few to be closed', () => held.filter((client) => client.isOpen).length <= 64);
    expect(await isAlive()).toBe(true);
    expect(held.at(-1)?.isOpen).toBe(true);
  });
});

describe('a client that sends too much', () => {
  test.each([
    ['one endless header', `${GET}X-Long: `, KILOBYTE, 431],
    ['endless headers', GET, Buffer.from('X-More: 1\r\n'.repeat(100)), 431],
    ['an endless address', 'GET /livez?', KILOBYTE, 431],
    ['an endless method', '', KILOBYTE, 400],
  ])('is refused and cut off: %s', async (_, beginning, piece, status) => {
    const { open, isAlive } = await serve();
    const client = open().send(beginning).pour(piece);
    await client.closed;
    // What was still on its way may turn the answer into a reset.
    expect([[], [status]]).toContainEqual(client.statuses);
    expect(await isAlive()).toBe(true);
  });

  test.each([
    ['with a length', 'Content-Length: 1000000000000'],
    ['without one', 'Transfer-Encoding: chunked'],
  ])('is cut off, and costs neither memory nor seconds of reading: a body %s', async (_, header) => {
    const { open, isAlive } = await serve();
    const before = process.memoryUsage().rss;
    const piece = Buffer.concat([Buffer.from('400\r\n'), KILOBYTE, Buffer.from('\r\n')]);
    const many = Array.from({ length: 8 }, () =>
      open().send(`POST /livez HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`).pour(piece),
    );
    await Promise.all(many.map((client) => client.closed));
    expect(await isAlive()).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MEGABYTE);
    expect(many.reduce((sum, client) => sum + client.sent, 0)).toBeLessThan(256 * MEGABYTE);
  });
});

describe('whatever is asked for', () => {
  test.each([
    ['/', 404],
    ['//livez', 404],
    ['/livez/', 404],
    ['/livez/../readyz', 404],
    ['/../livez', 404],
    ['/%6civez', 404],
    ['/livez%00', 404],
    ['/livez;x=1', 404],
    ['/LIVEZ', 404],
    ['/..%2f..%2fetc/passwd', 404],
    ['http://169.254.169.254/livez', 404],
    ['*', 404],
    ['/livez?x=/readyz', 200],
  ])('only the two routes are served: %s is answered with %i', async (path, status) => {
    const { open, isAlive } = await serve();
    const client = open().send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await client.closed;
    expect(client.statuses).toEqual([status]);
    expect(await isAlive()).toBe(true);
  });

  test.each([
    ['POST /livez HTTP/1.1\r\nHost: x', [405]],
    ['TRACE /livez HTTP/1.1\r\nHost: x\r\nCookie: secret', [405]],
    ['OPTIONS /livez HTTP/1.1\r\nHost: x', [405]],
    ['GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket', [200]],
    ['GET /livez HTTP/1.1\r\nHost: x\r\nExpect: miracles', [417]],
    ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com', []],
  ])('only reading is allowed: %j', async (text, statuses) => {
    const { open, isAlive } = await serve();
    const client = open().send(`${text}\r\n\r\n`);
    await waitFor('an answer or the end', () => client.statuses.length > 0 || !client.isOpen);
    expect(client.statuses).toEqual(statuses);
    expect(client.received).not.toContain('secret');
    expect(await isAlive()).toBe(true);
  });

  test.each([
    'BREW /livez HTTP/1.1\r\nHost: x',
    'get /livez HTTP/1.1\r\nHost: x',
    'GET /livez HTTP/1.1',
    'GET /livez HTTP/9.9\r\nHost: x',
    'GET /livez HTTP/1.1\r\nHost: x\r\nX: a\rb',
    'GET /livez HTTP/1.1\r\nHost: x\r\nX : a',
    'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
    'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1',
    'PRI * HTTP/2.0\r\n\r\nSM',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    '\0\xff\xfe',
  ])('what is no HTTP is refused: %j', async (text) => {
    const { open, isAlive } = await serve();
    const client = open().send(`${text}\r\n\r\n`);
    await client.closed;
    expect([[], [400]]).toContainEqual(client.statuses);
    expect(await isAlive()).toBe(true);
  });

  const pages = new Map<string, Page>([
    ['/', async (query) => ({ contentType: 'text/plain', text: `page ${query.get('a')}` })],
    ['/broken', () => Promise.reject(new Error('the password is hush-hush'))],
  ]);

  test.each([
    ['GET', '/', 200],
    ['GET', '/?a=b', 200],
    ['HEAD', '/', 200],
    ['POST', '/', 405],
    ['GET', '//', 404],
    ['GET', '/constructor', 404],
    ['GET', '/broken', 500],
    ['GET', '/livez', 200],
  ])(
    'pages are served beside the two routes, and nothing else: %s %s is answered with %i',
    async (method, path, status) => {
      const { open, isAlive } = await serve(ready, pages);
      const client = open().send(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await client.closed;
      expect(client.statuses).toEqual([status]);
      expect(client.received.includes('page b')).toBe(path === '/?a=b');
      expect(client.received).not.toContain('hush-hush');
      expect(client.received).toContain('x-content-type-options: nosniff');
      expect(await isAlive()).toBe(true);
    },
  );

  test('HEAD has the head of GET and no body', async () => {
    const { open } = await serve();
    const [head, get] = ['HEAD', 'GET'].map((method) =>
      open().send(`${method} /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    );
    await Promise.all([head?.closed, get?.closed]);
    const headOf = (text = '') => text.slice(0, text.indexOf('\r\n\r\n') + 4).replace(/^Date:.*$/m, '');
    expect(headOf(head?.received)).toBe(headOf(get?.received));
    expect(head?.received).toMatch(/\r\n\r\n$/);
  });
});

describe('the report of /readyz', () => {
  test('is made once for all who ask meanwhile, however many pipelined requests there are', async () => {
    let reports = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { open, isAlive } = await serve(async () => {
      reports += 1;
      await held;
      return { isReady: false, reasons: ['later'] };
    });
    const asked = 500;
    const many = Array.from({ length: 4 }, () =>
      open().send('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(asked)),
    );
    await waitFor('the first request', () => reports > 0);
    expect(await isAlive()).toBe(true);
    release();
    await waitFor('every answer', () => many.every((client) => client.statuses.length === asked));
    expect(new Set(many.flatMap((client) => client.statuses))).toEqual(new Set([503]));
    expect(reports).toBeLessThan(asked);
  });

  test('that fails is an answer, not the end of the daemon', async () => {
    const { url, isAlive } = await serve(() => Promise.reject(new Error('the password is hush-hush')));
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 503,
      body: { status: 'not ready', reasons: ['unexpected error'] },
    });
    expect(await isAlive()).toBe(true);
  });
});
