import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../simulator/api-client.js';
import { startForTest } from '../simulator/for-tests.js';
import type { LoggedRequest } from '../simulator/request-log.js';
import { loadDocument, type OpenApiDocument } from './open-api-document.js';
import { validateRequest } from './request-contract.js';
import { validateResponse } from './response-contract.js';

const ID = { name: 'id', in: 'path', required: true, schema: { type: 'integer' } };

/** A document of our own, in the style of the real one. */
const DOCUMENT: OpenApiDocument = {
  openapi: '3.1.0',
  paths: {
    '/v1/things/{id}/events': {
      get: {
        parameters: [
          { $ref: '#/components/parameters/pageSize' },
          { name: 'after', in: 'query', schema: { type: 'string', format: 'date-time' } },
          { name: 'total', in: 'query', required: true, schema: { type: 'boolean' } },
          ID,
        ],
        responses: {
          '200': { content: { 'application/json': { schema: { $ref: '#/components/schemas/Event' } } } },
        },
      },
    },
    '/v1/things/{id}/search': {
      post: {
        parameters: [ID],
        requestBody: { $ref: '#/components/requestBodies/Search' },
        responses: { '200': { content: { 'application/json': { schema: { type: 'object' } } } } },
      },
    },
  },
  components: {
    parameters: { pageSize: { name: 'pageSize', in: 'query', schema: { type: 'integer', maximum: 1000 } } },
    requestBodies: {
      Search: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Search' } } } },
    },
    schemas: {
      Search: { type: 'object', properties: { ids: { type: 'array', items: { type: 'integer' } } } },
      Event: {
        type: 'object',
        required: ['effects', 'created'],
        properties: {
          created: { type: 'string', format: 'date-time' },
          memberships: { type: 'array', example: null },
          effects: { type: 'array', items: { $ref: '#/components/schemas/Effect' } },
        },
      },
      Effect: {
        allOf: [
          { type: 'object', required: ['effectType'], properties: { effectType: { type: 'string' } } },
          {
            type: 'object',
            properties: {
              props: { oneOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/B' }] },
            },
          },
        ],
      },
      A: { title: 'accept', type: 'object', required: ['value'], properties: { value: { type: 'string' } } },
      B: {
        title: 'bonus',
        type: 'object',
        required: ['points'],
        properties: { points: { type: 'integer' } },
      },
      ErrorResponse: { type: 'object', required: ['message'] },
      ErrorResponseWithStatus: { type: 'object', required: ['StatusCode'] },
    },
  },
  'x-historical': {
    old: {
      path: '/v1/old',
      method: 'get',
      operation: {},
      response200: { type: 'object', required: ['total'] },
    },
  },
};

function logged(request: Partial<LoggedRequest>): LoggedRequest {
  return {
    number: 1,
    at: 0,
    method: 'GET',
    path: '/v1/things/7/events',
    template: '/v1/things/{id}/events',
    query: 'total=true',
    applicationId: 7,
    isAuthorised: true,
    accept: '',
    contentType: '',
    body: '',
    status: 200,
    ...request,
  };
}

function problems(request: Partial<LoggedRequest>): string[] {
  return validateRequest(DOCUMENT, logged(request)).map((violation) => violation.pointer);
}

const SEARCH = { method: 'POST', path: '/v1/things/7/search', template: '/v1/things/{id}/search', query: '' };

test.each([
  ['a right request', {}, []],
  [
    'a right request with all parameters',
    { query: 'total=false&pageSize=1000&after=2026-01-01T00:00:00%2B01:00' },
    [],
  ],
  ['an undeclared parameter', { query: 'total=true&page=1' }, ['query page']],
  ['a parameter given twice', { query: 'total=true&total=true' }, ['query total']],
  ['a missing parameter', { query: '' }, ['query total']],
  ['a number out of range', { query: 'total=true&pageSize=1001' }, ['query pageSize']],
  ['a number that is none', { query: 'total=true&pageSize=ten' }, ['query pageSize']],
  ['a date with an unencoded plus', { query: 'total=true&after=2026-01-01T00:00:00+01:00' }, ['query after']],
  ['a path of the wrong type', { path: '/v1/things/x/events' }, ['path id']],
  ['a missing key', { isAuthorised: false }, ['header Authorization']],
  ['a body where none belongs', { body: '{}' }, ['body']],
  ['an unknown operation', { method: 'DELETE' }, ['']],
  ['an unknown path', { template: null }, ['']],
  ['a right body', { ...SEARCH, contentType: 'application/json', body: '{"ids":[1]}' }, []],
  ['a misspelled member', { ...SEARCH, contentType: 'application/json', body: '{"Ids":[1]}' }, ['']],
  ['a wrong member', { ...SEARCH, contentType: 'application/json', body: '{"ids":["1"]}' }, ['/ids/0']],
  ['a body that is no JSON', { ...SEARCH, contentType: 'application/json', body: '' }, ['body']],
  ['another content type', { ...SEARCH, contentType: 'text/plain', body: '{}' }, ['header Content-Type']],
] as const)('requests: %s', (_, request, expected) => {
  expect(problems(request)).toEqual(expected);
});

const JSON_TYPE = 'application/json';

test.each([
  ['a right answer', 200, JSON_TYPE, { created: '2026-01-01T00:00:00Z', effects: [], memberships: null }, []],
  ['a missing member', 200, JSON_TYPE, { effects: [] }, ['']],
  ['a wrong date', 200, JSON_TYPE, { created: 'now', effects: [] }, ['/created']],
  ['another content type', 200, 'text/html', {}, ['header Content-Type']],
  ['an error in its shape', 400, JSON_TYPE, { message: 'no' }, []],
  ['an error in the other shape', 400, JSON_TYPE, { StatusCode: 400 }, []],
  ['an error in no shape', 400, JSON_TYPE, { error: 'no' }, ['']],
] as const)('answers: %s', (_, status, contentType, body, expected) => {
  const response = { status, contentType, text: JSON.stringify(body) };
  expect(validateResponse(DOCUMENT, logged({}), response).map(({ pointer }) => pointer)).toEqual(expected);
});

test.each([
  [{ effectType: 'accept', props: { value: 'X' } }, []],
  [{ effectType: 'bonus', props: { points: 3, value: 'X' } }, []],
  [{ effectType: 'bonus', props: { value: 'X' } }, ['/effects/0/props']],
  [{ effectType: 'unheard', props: {} }, ['/effects/0/effectType']],
])('the properties of an effect are those of its type: %j', (effect, expected) => {
  const text = JSON.stringify({ created: '2026-01-01T00:00:00Z', effects: [effect] });
  const response = { status: 200, contentType: JSON_TYPE, text };
  expect(validateResponse(DOCUMENT, logged({}), response).map(({ pointer }) => pointer)).toEqual(expected);
});

test('operations of older documents count too', () => {
  const request = logged({ path: '/v1/old', template: '/v1/old', query: '' });
  const answer = (body: object): number =>
    validateResponse(DOCUMENT, request, { status: 200, contentType: JSON_TYPE, text: JSON.stringify(body) })
      .length;
  expect([answer({ total: 1 }), answer({})]).toEqual([0, 1]);
});

test('what the simulator logs can be checked', async () => {
  const sim = await startForTest({ history: { events: 1 } });
  await ask(sim, '/events/no_total');
  const [request] = sim.requests;
  expect(request === undefined ? [] : validateRequest(DOCUMENT, request)).toMatchObject([
    {
      operation: 'GET /v1/applications/{applicationId}/events/no_total',
      message: 'the document has no such operation',
    },
  ]);
});

test.each([
  ['not there', undefined, 'cannot be read'],
  ['not JSON', '<html>', 'is not JSON'],
  [
    'another version',
    '{"openapi":"3.0.0","paths":{},"components":{"schemas":{}}}',
    'is no OpenAPI 3.1 document',
  ],
])('a document that is %s is named', async (_, text, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'contract-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'document.json');
  if (text !== undefined) await writeFile(file, text);
  await expect(loadDocument(file)).rejects.toThrow(message);
});
