import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../src/talon-one/api-error.js';
import { ImportClient } from '../src/talon-one/import-client.js';
import { multipartBody } from '../src/talon-one/multipart.js';
import { writeFailure } from '../src/talon-one/write-safety.js';
import type { FaultAction } from './simulator/fault-rules.js';
import { startForTest } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { quickRetry, senderFor } from './support/management-client.js';

const never = new AbortController().signal;
const AUDIENCE = '/v1/audiences/{audienceId}/memberships/import';
const PROFILES = '/v2/customer_profiles';
const endpoint = { template: AUDIENCE, parameters: { audienceId: '4' } };
const file = { fileName: 'a.csv', content: Buffer.from('profileintegrationid\nanna\n') };

function clientOf(simulator: { url: string; apiKey: string; integrationApiKey: string }): ImportClient {
  const { url, integrationApiKey: apiKey } = simulator;
  return new ImportClient({
    management: senderFor(simulator),
    integration: senderFor({ url, apiKey }, { keyKind: 'integration' }),
    retry: quickRetry,
  });
}

async function failureOf(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw error;
  return error;
}

function countOf(simulator: Simulator, name: string): number {
  return simulator.requestCounts()[name]?.total ?? 0;
}

describe('an upload without an Idempotency-Key', () => {
  const cases: [what: string, action: FaultAction, attempts: number, failure: string][] = [
    ['429', { type: 'status', status: 429, headers: { 'Retry-After': '0' } }, 5, 'not-done'],
    ['401', { type: 'status', status: 401 }, 1, 'not-done'],
    ['404', { type: 'status', status: 404 }, 1, 'not-done'],
    ['413', { type: 'status', status: 413 }, 1, 'not-done'],
    ['a redirect', { type: 'redirect' }, 1, 'not-done'],
    ['400', { type: 'status', status: 400 }, 1, 'refused'],
    ['409', { type: 'status', status: 409 }, 1, 'refused'],
    ['408', { type: 'status', status: 408 }, 1, 'uncertain'],
    ['500', { type: 'status', status: 500 }, 1, 'uncertain'],
    ['503', { type: 'status', status: 503 }, 1, 'uncertain'],
    ['a reset connection', { type: 'reset' }, 1, 'uncertain'],
    ['202', { type: 'status', status: 202, body: '{"id":1,"amount":1}' }, 1, 'uncertain'],
    ['204', { type: 'status', status: 204, body: '' }, 1, 'uncertain'],
    ['an answer that is cut', { type: 'cutBody', framing: 'content-length' }, 1, 'uncertain'],
    ['HTML with 200', { type: 'html200' }, 1, 'uncertain'],
  ];

  test.each(cases)('%s', async (_what, action, attempts, failure) => {
    const simulator = await startForTest({ history: { events: 1 } });
    simulator.addFault({ path: AUDIENCE, times: Infinity, action });
    const error = await failureOf(clientOf(simulator).upload(endpoint, {}, file, { signal: never }));
    expect([writeFailure(error), countOf(simulator, `POST ${AUDIENCE}`)]).toEqual([failure, attempts]);
  });

  test.each(['127.0.0.1', 'localhost'])(
    'is repeated when nobody listened at %s, and is certainly not done then',
    async (host) => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      const nobody = { url: `http://${host}:${port}`, apiKey: 'k', integrationApiKey: 'i' };
      let attempts = 0;
      const context = { signal: never, onAttempt: () => (attempts += 1) };
      const error = await failureOf(clientOf(nobody).upload(endpoint, {}, file, context));
      expect([writeFailure(error), attempts]).toEqual(['not-done', 5]);
    },
  );

  test.each<[code: string, syscall: string | undefined, failure: string]>([
    ['ECONNREFUSED', 'connect', 'not-done'],
    ['EHOSTUNREACH', 'connect', 'not-done'],
    ['ETIMEDOUT', 'connect', 'not-done'],
    ['ENOTFOUND', 'getaddrinfo', 'not-done'],
    ['CERT_HAS_EXPIRED', undefined, 'not-done'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', undefined, 'not-done'],
    ['ERR_TLS_RENEGOTIATION_DISABLED', undefined, 'uncertain'],
    ['ECONNREFUSED', 'read', 'uncertain'],
    ['EHOSTUNREACH', 'read', 'uncertain'],
    ['ENETUNREACH', 'write', 'uncertain'],
    ['EHOSTUNREACH', undefined, 'uncertain'],
  ])('%s at %s was sent or not by what was being done, not by its code', (code, syscall, failure) => {
    const error = new ApiError('no answer', { failure: 'network', endpoint: 'POST /', code, syscall });
    expect(writeFailure(error)).toBe(failure);
  });

  test('whose time is over is uncertain', async () => {
    const simulator = await startForTest({ history: { events: 1 } });
    simulator.addFault({ path: AUDIENCE, action: { type: 'stall' } });
    const management = senderFor(simulator, { timeoutMs: 50 });
    const client = new ImportClient({ management, integration: undefined, retry: quickRetry });
    const error = await failureOf(client.upload(endpoint, {}, file, { signal: never }));
    expect([error.failure, writeFailure(error)]).toEqual(['timeout', 'uncertain']);
  });
});

describe('a write with an Idempotency-Key', () => {
  test.each<[string, FaultAction]>([
    ['409', { type: 'status', status: 409 }],
    ['503', { type: 'status', status: 503 }],
    ['a reset connection', { type: 'reset' }],
  ])('is repeated after %s, with the same key, and done once', async (_what, action) => {
    const simulator = await startForTest({ history: { events: 1 } });
    simulator.addFault({ path: PROFILES, times: 2, action });
    const body = '{"customerProfiles":[{"integrationId":"anna"}]}';
    await clientOf(simulator).putProfiles(body, 'key-1', { signal: never });
    expect(simulator.imports.profiles.get('anna')?.updates).toBe(1);
    expect(simulator.imports.repeated).toBe(2);
  });

  test('is not repeated after a 400, whose complaints name their places', async () => {
    const simulator = await startForTest({ history: { events: 1 } });
    const body =
      '{"customerProfiles":[{"integrationId":"anna"},{"integrationId":"bob","attributes":{"x":1}}]}';
    const error = await failureOf(clientOf(simulator).putProfiles(body, 'key-2', { signal: never }));
    expect(writeFailure(error)).toBe('refused');
    expect(error.complaints).toEqual([
      {
        text: 'The attribute "x" is not defined on CustomerProfile entities.',
        pointer: '/customerProfiles/1/attributes/x',
        line: undefined,
      },
    ]);
    expect(countOf(simulator, `PUT ${PROFILES}`)).toBe(1);
  });
});

test('an upload is one file part with a name and a type, whatever is in the file and its name', () => {
  const content = Buffer.from('item\r\n--boundary\r\n"ä"\n');
  const { type, data } = multipartBody({ fileName: 'my "list"\r\n.csv', content });
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(type)?.[1];
  expect(data.toString()).toBe(
    `--${boundary}\r\nContent-Disposition: form-data; name="upFile"; filename="my %22list%22%0D%0A.csv"\r\nContent-Type: text/csv\r\n\r\n${content.toString()}\r\n--${boundary}--\r\n`,
  );
});
