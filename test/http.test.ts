import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { sleep } from '../src/clock.js';
import { isAbortError, LeaseLostError } from '../src/errors.js';
import { parseInstant } from '../src/instant.js';
import { ApiError, isUnauthorised } from '../src/talon-one/api-error.js';
import type { HttpRequest } from '../src/talon-one/http.js';
import { LocalBudget, type RequestBudget } from '../src/talon-one/request-budget.js';
import type { FailedAttempt } from '../src/talon-one/retry.js';
import type { FaultAction } from './simulator/fault-rules.js';
import { startForTest } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';
import { EVENTS } from './support/event-reading.js';
import { clientFor, senderFor } from './support/management-client.js';
import { startRawServer } from './support/raw-server.js';

// One attempt, and the client that repeats it, over real sockets against a server that misbehaves.

const never = new AbortController().signal;
const query = { createdAfter: '2020-01-01T00:00:00Z', pageSize: 1000, skip: 0, sort: 'created' };
const request: HttpRequest = {
  method: 'GET',
  path: '/v1/applications/1/events/no_total',
  template: EVENTS,
  query,
};

async function start(switches: SwitchSettings = {}): Promise<Simulator> {
  return startForTest({ history: { events: 20 }, switches });
}

async function withFault(action: FaultAction, times = Infinity): Promise<Simulator> {
  const sim = await start();
  sim.addFault({ path: EVENTS, times, action });
  return sim;
}

async function failureOf(attempt: Promise<unknown>): Promise<ApiError> {
  const error = await attempt.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw error;
  return error;
}

describe('one attempt', () => {
  test('returns the text as it was sent, and the server’s clock', async () => {
    const sim = await start();
    const answer = await senderFor(sim)(request, never);
    const texts = [...sim.issuedEvents(1)].map((event) => event.text);
    expect(answer.text).toBe(`{"hasMore":false,"data":[${texts.join(',')}]}`);
    const [now, served] = [parseInstant(sim.now()) ?? 0n, answer.serverTime ?? 0n];
    expect(now - served < 60_000_000n && served <= now).toBe(true);
  });

  test('reads compressed answers', async () => {
    const plain = await senderFor(await start())(request, never);
    const sim = await startForTest({ history: { events: 20 }, switches: { gzip: true } });
    expect((await senderFor(sim)(request, never)).text.length).toBe(plain.text.length);
  });

  test('does without a Date header', async () => {
    const sim = await start({ dateHeader: 'absent' });
    expect((await senderFor(sim)(request, never)).serverTime).toBeUndefined();
  });

  test('says what the API said about a mistake', async () => {
    const sim = await start();
    const wrong = { ...request, query: { ...query, pageSize: 1001 } };
    const error = await failureOf(senderFor(sim)(wrong, never));
    expect(error).toMatchObject({ failure: 'status', status: 400, endpoint: `GET ${EVENTS}` });
    expect(error.message).toContain('expected 1 to 1000, got 1001');
  });

  test('a wrong key is recognised', async () => {
    const sim = await start();
    const error = await failureOf(senderFor({ url: sim.url, apiKey: 'wrong' })(request, never));
    expect(error.status).toBe(401);
    expect(isUnauthorised(error)).toBe(true);
  });

  test('nobody listening is a network failure with its system code', async () => {
    const sim = await start();
    await sim.stop();
    expect(await failureOf(senderFor(sim)(request, never))).toMatchObject({
      failure: 'network',
      code: 'ECONNREFUSED',
    });
  });

  test.each<[string, FaultAction]>([
    ['before the answer', { type: 'reset', at: 'start' }],
    ['in the middle of the body', { type: 'reset', at: 'body' }],
    ['a body shorter than its length', { type: 'cutBody', framing: 'content-length' }],
    ['a body without its last chunk', { type: 'cutBody', framing: 'chunked' }],
  ])('a broken connection is a network failure: %s', async (_, action) => {
    const sim = await withFault(action);
    expect(await failureOf(senderFor(sim)(request, never))).toMatchObject({ failure: 'network' });
  });

  test.each<[string, FaultAction]>([
    ['no answer', { type: 'stall' }],
    ['a body that drips', { type: 'dripBody', everyMs: 5 }],
    ['a late answer', { type: 'delay', ms: 60_000 }],
  ])('the deadline ends it: %s', async (_, action) => {
    const sim = await withFault(action);
    const error = await failureOf(senderFor(sim, { timeoutMs: 150 })(request, never));
    expect(error).toMatchObject({ failure: 'timeout', status: undefined });
  });

  test('the wait for the request budget is not counted against the deadline', async () => {
    const sim = await start();
    const timeoutMs = 1500;
    const slow: RequestBudget = {
      acquire: async (_, signal) => {
        await sleep(timeoutMs + 100, signal);
        return () => {};
      },
    };
    const send = senderFor(sim, { timeoutMs, budget: slow });
    await expect(send(request, never)).resolves.toMatchObject({ status: 200 });
  });

  test('an answer larger than the bound is given up, however long it would go on', async () => {
    const sim = await withFault({ type: 'hugeBody' });
    const error = await failureOf(senderFor(sim, { maxBodyBytes: 1_000_000 })(request, never));
    expect(error).toMatchObject({ failure: 'too-large', endpoint: `GET ${EVENTS}` });
    const own = await failureOf(senderFor(sim)({ ...request, maxBytes: 500_000 }, never));
    expect(own.message).toContain('500000 bytes');
  });

  test('a redirect is not followed: the key reaches no other host', async () => {
    let strayed = 0;
    const other = createServer((_, response) => {
      strayed += 1;
      response.end('{"data":[],"hasMore":false}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    for (const status of [301, 302, 303, 307, 308] as const) {
      const sim = await withFault({ type: 'redirect', status, location });
      const error = await failureOf(senderFor(sim)(request, never));
      expect(error).toMatchObject({ failure: 'status', status });
      expect(error.message).toContain('TALON_ONE_BASE_URL');
    }
    expect(strayed).toBe(0);
  });

  test('a proxy never sees the key: https goes through a tunnel, plain http past it', async () => {
    const proxy = await startRawServer((socket) => void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'])
      vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const sim = await start();
    expect((await senderFor(sim)(request, never)).status).toBe(200);
    expect(proxy.received()).toBe('');
    const away = { url: 'https://mycompany.invalid', apiKey: sim.apiKey };
    await failureOf(senderFor(away)(request, never));
    expect(proxy.received()).toMatch(/^CONNECT mycompany\.invalid:443 HTTP\/1\.1\r\n/);
    expect(proxy.received()).not.toContain(sim.apiKey);
  });

  test.each<[SwitchSettings['retryAfter'], number | undefined, number | undefined]>([
    ['seconds', 1000, 1000],
    // A minute ahead of us: the date must not have passed when a busy machine reads it.
    ['date', 30_000, 62_000],
    ['none', undefined, undefined],
    ['absurd', 86_400_000, 86_400_000],
  ])('a 429 tells how long to wait: %s', async (retryAfter, least, most) => {
    const clockOffsetMs = retryAfter === 'date' ? 60_000 : 0;
    const sim = await start({ requestsPerSecond: 1, retryAfter, clockOffsetMs });
    const send = senderFor(sim);
    await send(request, never);
    const { status, retryAfterMs } = await failureOf(send(request, never));
    expect(status).toBe(429);
    if (least === undefined || most === undefined) expect(retryAfterMs).toBeUndefined();
    else {
      expect(retryAfterMs).toBeGreaterThanOrEqual(least);
      expect(retryAfterMs).toBeLessThanOrEqual(most);
    }
  });
});

describe('the request budget', () => {
  /** Counts what is held. */
  function countingBudget(): RequestBudget & { held: number; endpoints: string[] } {
    const budget = {
      held: 0,
      endpoints: [] as string[],
      acquire: async (endpoint: string) => {
        budget.held += 1;
        budget.endpoints.push(endpoint);
        let isHeld = true;
        return () => {
          if (isHeld) budget.held -= 1;
          isHeld = false;
        };
      },
    };
    return budget;
  }

  test('is counted by method and path template', async () => {
    const budget = countingBudget();
    await senderFor(await start(), { budget })(request, never);
    expect(budget.endpoints).toEqual([`GET ${EVENTS}`]);
  });

  test.each<[string, FaultAction | undefined]>([
    ['after an answer', undefined],
    ['after a refusal', { type: 'status', status: 503 }],
    ['after a reset', { type: 'reset' }],
    ['after a timeout', { type: 'stall' }],
    ['after an answer that is too large', { type: 'hugeBody' }],
  ])('is given back %s', async (_, action) => {
    const sim = action ? await withFault(action) : await start();
    const budget = countingBudget();
    await senderFor(sim, { budget, timeoutMs: 200, maxBodyBytes: 100_000 })(request, never).catch(() => {});
    expect(budget.held).toBe(0);
  });

  test('is given back as soon as the answer begins, not only when its body is there', async () => {
    const sim = await withFault({ type: 'dripBody', everyMs: 5 });
    const budget = countingBudget();
    const controller = new AbortController();
    const running = senderFor(sim, { budget, timeoutMs: 60_000 })(request, controller.signal).catch(() => {});
    await expect.poll(() => [budget.endpoints.length, budget.held], { timeout: 10_000 }).toEqual([1, 0]);
    controller.abort();
    await running;
  });
});

describe('a cancellation stays a cancellation', () => {
  const reason = new LeaseLostError('1');

  test('before anything was sent', async () => {
    const sim = await start();
    const running = senderFor(sim)(request, AbortSignal.abort(reason));
    await expect(running).rejects.toBe(reason);
    expect(sim.requests).toEqual([]);
  });

  test('while it waits for the request budget', async () => {
    const sim = await start();
    const send = senderFor(sim, { budget: new LocalBudget({ slots: 1, periodMs: 3_600_000 }) });
    await send(request, never);
    const controller = new AbortController();
    const running = send(request, controller.signal).catch((error: unknown) => error);
    controller.abort();
    expect(isAbortError(await running)).toBe(true);
  });

  test('while it waits for the answer', async () => {
    const sim = await start();
    const hold = sim.holdNext();
    const controller = new AbortController();
    const running = senderFor(sim)(request, controller.signal);
    await hold.held;
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test('while the body comes', async () => {
    const sim = await withFault({ type: 'dripBody', everyMs: 5 });
    const controller = new AbortController();
    const running = senderFor(sim)(request, controller.signal);
    await sim.waitForRequest((logged) => logged.status === 200, { includePast: true });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test('and is not repeated', async () => {
    const sim = await withFault({ type: 'stall' });
    const controller = new AbortController();
    const running = clientFor(sim).events('1', query, { signal: controller.signal });
    await sim.waitForRequest(() => true, { includePast: true });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(sim.requests).toHaveLength(1);
  });
});

describe('a bad answer is repeated and never taken for "no more data"', () => {
  const faults: [string, FaultAction][] = [
    ['HTML with status 200', { type: 'html200' }],
    ['an empty 200', { type: 'empty200' }],
    ['a 200 that is not JSON', { type: 'notJson200' }],
    ['a body cut with a length', { type: 'cutBody', framing: 'content-length' }],
    ['a body cut within its chunks', { type: 'cutBody', framing: 'chunked' }],
    ['a body cut and properly ended', { type: 'cutBody', framing: 'chunkedEnd' }],
    ['a body cut without length or chunks', { type: 'cutBody', framing: 'close' }],
    ['a body cut between two records', { type: 'cutBody', framing: 'close', where: 'betweenRows' }],
    ['a body cut before its first byte', { type: 'cutBody', framing: 'close', share: 0 }],
    ['a reset', { type: 'reset' }],
    ['a reset within the body', { type: 'reset', at: 'body' }],
    ['408', { type: 'status', status: 408 }],
    ['429', { type: 'status', status: 429 }],
    ['500', { type: 'status', status: 500 }],
    [
      '502 with HTML',
      { type: 'status', status: 502, body: '<html></html>', headers: { 'Content-Type': 'text/html' } },
    ],
    ['503', { type: 'status', status: 503, headers: { 'Retry-After': '0' } }],
    ['JSON without data', { type: 'status', status: 200, body: '{}' }],
    ['data that is no list', { type: 'status', status: 200, body: '{"data":{}}' }],
    ['hasMore that is no boolean', { type: 'status', status: 200, body: '{"data":[],"hasMore":"no"}' }],
    ['null', { type: 'status', status: 200, body: 'null' }],
    ['an error with status 200', { type: 'status', status: 200, body: '{"message":"Oops","errors":[]}' }],
  ];

  test.each(faults)('%s', async (_, action) => {
    const sim = await withFault(action, 2);
    const failed: FailedAttempt[] = [];
    const attempts: number[] = [];
    const page = await clientFor(sim).events('1', query, {
      signal: never,
      onAttempt: (attempt) => void attempts.push(attempt),
      onFailedAttempt: (one) => void failed.push(one),
    });
    expect(page.data).toHaveLength(20);
    expect(page.hasMore).toBe(false);
    expect(attempts).toEqual([1, 2, 3]);
    expect(failed.map((one) => one.attempt)).toEqual([1, 2]);
  });

  test('when it does not stop, it is an error that says what came instead', async () => {
    const sim = await withFault({ type: 'html200' });
    const error = await failureOf(clientFor(sim).events('1', query, { signal: never }));
    expect(error).toMatchObject({ failure: 'body', status: 200 });
    expect(error.message).toContain('<!DOCTYPE html> <html>');
    const empty = await failureOf(
      clientFor(await withFault({ type: 'empty200' })).events('1', query, { signal: never }),
    );
    expect(empty.message).toContain('it is empty');
  });

  test('a storm of 5xx and resets only costs attempts', async () => {
    const sim = await start();
    sim.addFault({ probability: 0.3, action: { type: 'status', status: 503 } });
    sim.addFault({ probability: 0.2, action: { type: 'reset', at: 'body' } });
    const client = clientFor(sim);
    for (let round = 0; round < 10; round += 1) {
      const page = await client
        .events('1', query, { signal: never })
        .catch(() => client.events('1', query, { signal: never }));
      expect(page.data).toHaveLength(20);
    }
  });
});

test('no error carries the key, whatever went wrong and however it is printed', async () => {
  const actions: FaultAction[] = [
    { type: 'status', status: 500 },
    { type: 'status', status: 403 },
    { type: 'reset' },
    { type: 'reset', at: 'body' },
    { type: 'stall' },
    { type: 'html200' },
    { type: 'hugeBody' },
    { type: 'redirect' },
  ];
  for (const action of actions) {
    const sim = await withFault(action);
    const client = clientFor(sim, { timeoutMs: 100, maxBodyBytes: 100_000 });
    const error = await failureOf(client.events('1', query, { signal: never }));
    const printed = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + error.stack;
    expect(printed).not.toContain(sim.apiKey);
    expect(printed).not.toContain('ManagementKey');
  }
});

test.each([
  ['a status', 500],
  ['a status with JSON', 400],
  ['a wrong body', 200],
])('a server that sends the key back does not get it into a message: %s', async (_, status) => {
  const sim = await start();
  const echoed = `Authorization: ManagementKey-v1 ${sim.apiKey}`;
  const body = status === 400 ? JSON.stringify({ message: echoed, errors: [{ details: echoed }] }) : echoed;
  sim.addFault({ times: Infinity, action: { type: 'status', status, body } });
  const error = await failureOf(clientFor(sim).events('1', query, { signal: never }));
  expect(error.message).toContain('ManagementKey-v1 ***');
  // No part of it either, as a cut in the middle of the key would leave.
  expect(error.message).not.toContain(sim.apiKey.slice(0, 8));
});
