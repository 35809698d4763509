import nock from 'nock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatInstant } from '../src/instant.js';
import { ApiError } from '../src/talon-one/api-error.js';
import type { ManagementClient } from '../src/talon-one/management.js';
import { startForTest } from './simulator/for-tests.js';
import { clientFor } from './support/management-client.js';

// Exactly what is sent, and how exactly it is read. Nothing here reaches a network.

const host = 'https://mycompany.europe-west1.talon.one';
const key = '4b7f1d2c9a';
const context = { signal: new AbortController().signal };
const page = { data: [{ id: 1 }], hasMore: false };

let client: ManagementClient;

beforeEach(() => {
  nock.disableNetConnect();
  client = clientFor({ url: host, apiKey: key });
});

afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

function api(options: nock.Options = {}): nock.Scope {
  return nock(host, { reqheaders: { authorization: `ManagementKey-v1 ${key}` }, ...options });
}

describe('what is sent', () => {
  test('every request carries the key, the name of the program, and what it accepts', async () => {
    const reqheaders = {
      authorization: `ManagementKey-v1 ${key}`,
      'user-agent': 'talon-one-sync/test',
      accept: 'application/json',
    };
    nock(host, { reqheaders, badheaders: ['content-type'] })
      .get('/v1/applications')
      .query({ pageSize: 1000, skip: 0 })
      .reply(200, { data: [], totalResultSize: 0 });
    await client.applications({ pageSize: 1000, skip: 0 }, context);
  });

  test('one Application', async () => {
    api()
      .get('/v1/applications/12')
      .reply(200, { id: 12, created: '2020-06-10T09:05:27.993483Z', name: 'Shop' });
    await expect(client.application('12', context)).resolves.toEqual({
      id: 12,
      created: '2020-06-10T09:05:27.993483Z',
      name: 'Shop',
    });
  });

  test('events: times with microseconds, only the parameters that were given', async () => {
    const query = { createdAfter: '2026-03-01T00:00:00.000001Z', pageSize: 1000, skip: 20, sort: 'created' };
    api().get('/v1/applications/12/events/no_total').query(query).reply(200, page);
    await client.events('12', { ...query, createdBefore: undefined }, context);
    const window = { createdAfter: '2026-03-01T00:00:00Z', createdBefore: '2026-03-01T01:00:00Z' };
    api()
      .get('/v1/applications/12/events/no_total')
      .query({ ...window, pageSize: 5, skip: 0 })
      .reply(200, page);
    await client.events('12', { ...window, pageSize: 5, skip: 0, sort: undefined }, context);
  });

  test('events of older servers', async () => {
    const query = { createdAfter: '2026-03-01T00:00:00Z', pageSize: 1000, skip: 0, sort: '-created' };
    api().get('/v1/applications/12/events').query(query).reply(200, { data: [], totalResultSize: 7 });
    await expect(client.eventsWithTotal('12', query, context)).resolves.toMatchObject({
      total: 7,
      hasMore: undefined,
    });
  });

  test('sessions: a list by creation time, or one by its ID', async () => {
    const query = {
      createdAfter: '2026-03-01T00:00:00Z',
      createdBefore: '2026-03-01T01:00:00Z',
      pageSize: 1000,
      skip: 1000,
    };
    api().get('/v1/applications/12/sessions').query(query).reply(200, page);
    await client.sessions('12', query, context);
    api().get('/v1/applications/12/sessions/9007199254740993').reply(200, '{"id":9007199254740993}');
    const session = await client.session('12', '9007199254740993', context);
    expect(session).toMatchObject({ text: '{"data":[{"id":9007199254740993}]}', total: 1 });
  });

  test('a search of profiles is JSON', async () => {
    nock(host, { reqheaders: { 'content-type': 'application/json' } })
      .post('/v1/applications/12/customer_search', { profileIDs: [1, 2] })
      .query({ pageSize: 1000, skip: 0 })
      .reply(200, page);
    await client.customerSearch('12', ['1', '2'], { pageSize: 1000, skip: 0 }, context);
  });
});

test('a search of profiles has IDs beyond 2^53 digit for digit in its body', async () => {
  nock.enableNetConnect('127.0.0.1');
  const sim = await startForTest({ history: { events: 0 } });
  const ids = ['1', '9007199254740993', '9223372036854775807'];
  await clientFor(sim).customerSearch('1', ids, { pageSize: 1000, skip: 0 }, context);
  expect(sim.requests.map((request) => request.body)).toEqual([
    '{"profileIDs":[1,9007199254740993,9223372036854775807]}',
  ]);
});

describe('what is read', () => {
  const query = { createdAfter: '2026-03-01T00:00:00Z', pageSize: 1000, skip: 0 };
  const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
    api().get('/v1/applications/12/events/no_total').query(true).reply(status, body, headers);

  test('the text stays as it was sent, beside what was parsed', async () => {
    const text = ' {"data":[{"id":9007199254740993,"x":1.10,"y":1E400}],"hasMore":true,"unknown":{}}\n';
    answer(200, text, { Date: 'Sun, 01 Mar 2026 00:00:07 GMT' });
    const read = await client.events('12', query, context);
    expect(read).toMatchObject({
      text,
      hasMore: true,
      total: undefined,
      source: 'GET /v1/applications/12/events/no_total',
      mayChange: false,
    });
    expect(read.data).toHaveLength(1);
    // As of the request: less what the answer took.
    expect(formatInstant(read.serverTime ?? 0n)).toMatch(/^2026-03-01T00:00:0[67]/);
  });

  test('hasMore may be missing or null', async () => {
    answer(200, '{"data":[]}');
    expect((await client.events('12', query, context)).hasMore).toBeUndefined();
    answer(200, '{"data":[],"hasMore":null}');
    expect((await client.events('12', query, context)).hasMore).toBeUndefined();
  });

  test('what jsonb would change in silence is noticed', async () => {
    answer(200, '{"data":[{"id":1,"total":-0}]}');
    expect((await client.events('12', query, context)).mayChange).toBe(true);
    answer(200, '{"data":[{"id":1,"id":1}]}');
    expect((await client.events('12', query, context)).mayChange).toBe(true);
  });

  test('raw control characters, which JSON forbids, do not stop a page', async () => {
    answer(200, '{"data":[{"id":1,"name":"a\tb"}]}');
    expect((await client.events('12', query, context)).data).toEqual([{ id: 1, name: 'a\tb' }]);
  });

  test.each([
    [
      400,
      '{"message":"The submitted data was invalid","errors":[{"title":"x","details":"sort","source":{}}]}',
      'The submitted data was invalid: sort',
    ],
    [401, '{"message":"Invalid key","errors":[],"StatusCode":401}', 'Invalid key'],
    [403, 'Forbidden', 'it begins with: Forbidden'],
    [404, '', 'answered with 404'],
    [409, '[]', 'answered with 409'],
    [413, 'null', 'answered with 413'],
  ])('%i is an error with the status and what the API says', async (status, body, said) => {
    answer(status, body);
    const error = await client.events('12', query, context).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ failure: 'status', status });
    expect(String(error)).toContain(said);
  });

  test('an Application without what the sync reads of it is not taken', async () => {
    api().get('/v1/applications/12').times(5).reply(200, '{"id":12,"created":"yesterday","name":"Shop"}');
    await expect(client.application('12', context)).rejects.toThrow('created: must be an RFC 3339 time');
  });

  test.each(['[]', '7', 'null', '"text"'])('a session that is %s is not taken', async (body) => {
    api().get('/v1/applications/12/sessions/5').times(5).reply(200, body);
    await expect(client.session('12', '5', context)).rejects.toMatchObject({ failure: 'body' });
  });
});
