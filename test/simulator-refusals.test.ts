import { expect, test } from 'vitest';
import { ask } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';

test.each([
  ['no key', {}],
  ['a wrong key', { Authorization: 'ManagementKey-v1 0000' }],
  ['another scheme', { Authorization: 'Bearer KEY' }],
  ['the Integration API scheme', { Authorization: 'ApiKey-v1 KEY' }],
])('%s gets 401', async (_, headers) => {
  const sim = await start({ history: { events: 1 }, apiKey: 'KEY' });
  const response = await fetch(`${sim.url}/v1/applications`, { headers: headers as Record<string, string> });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ StatusCode: 401, message: expect.any(String) });
  expect(sim.requests.at(-1)).toMatchObject({ isAuthorised: false, status: 401 });
});

test('a key without rights to one endpoint gets the chosen status there, and only there', async () => {
  const sim = await start({ history: { events: 10 } });
  const template = '/v1/applications/{applicationId}/sessions';
  sim.set({ forbidden: { [template]: 403, '/v1/applications': 401 } });
  expect((await ask(sim, '/sessions')).status).toBe(403);
  expect((await ask(sim, '/v1/applications')).status).toBe(401);
  expect((await ask(sim, '/events/no_total')).status).toBe(200);
});

test.each([
  ['pageSize=0', 'pageSize'],
  ['pageSize=1001', 'pageSize'],
  ['pageSize=ten', 'pageSize'],
  ['pageSize=', 'pageSize'],
  ['pageSize=10&pageSize=10', 'pageSize'],
  ['skip=-1', 'skip'],
  ['skip=1.5', 'skip'],
  ['page=2', 'page'],
  ['createdafter=2026-01-01T00:00:00Z', 'createdafter'],
  ['createdAfter=2026-01-01', 'createdAfter'],
  ['createdAfter=2026-01-01T00:00:00', 'createdAfter'],
  ['createdAfter=2026-02-30T00:00:00Z', 'createdAfter'],
  ['createdAfter=2026-01-01T25:00:00Z', 'createdAfter'],
  // An unencoded plus is a space.
  ['createdBefore=2026-01-01T00:00:00+01:00', 'createdBefore'],
  ['customerName=a', 'customerName'],
  ['sort=type', 'sort'],
])('the events list refuses %s', async (query, parameter) => {
  const sim = await start({ history: { events: 1 } });
  const answer = await ask(sim, `/events/no_total?${query}`);
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text)).toMatchObject({
    message: 'The submitted data was invalid',
    errors: [{ title: expect.any(String), source: { parameter } }],
  });
});

test.each([
  '?pageSize=1001',
  '?state=started',
  '?partialMatch=maybe&coupon=abc',
  '?updatedAfter=2026-01-01T00:00:00Z',
])('the sessions list refuses %s', async (query) => {
  const sim = await start({ history: { events: 1 } });
  expect((await ask(sim, `/sessions${query}`)).status).toBe(400);
});

test.each([
  '',
  '{"profileIDs":[1',
  '[]',
  'null',
  '{"profileIDs":["1"]}',
  '{"profileIDs":[1.5]}',
  '{"profileIDs":1}',
  '{"profileIds":[1]}',
  '{"integrationIDs":[1]}',
  '{"attributes":[]}',
])('a customer search refuses the body %s', async (body) => {
  const sim = await start({ history: { events: 1 } });
  const answer = await ask(sim, '/customer_search', { body });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ source: { pointer: expect.any(String) } }] });
});

test.each([
  ['GET', '/v1/applications/99'],
  ['GET', '/v1/applications/99/events/no_total'],
  ['GET', '/v1/applications/abc/events/no_total'],
  ['GET', '/v1/applications/1/sessions/1'],
  ['GET', '/v1/applications/1/customers/1'],
  ['GET', '/v1/applications/'],
  ['GET', '/v2/applications'],
  ['GET', '//v1/applications'],
  ['GET', '/'],
  ['GET', '/_simulator/summary'],
])('%s %s is not found', async (method, path) => {
  const sim = await start({ history: { events: 1 } });
  const answer = await fetch(sim.url + path, {
    method,
    headers: { Authorization: `ManagementKey-v1 ${sim.apiKey}` },
  });
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ StatusCode: 404 });
});

test.each([
  ['POST', '/events/no_total'],
  ['GET', '/customer_search'],
  ['DELETE', '/sessions'],
])('%s %s is not allowed', async (method, path) => {
  const sim = await start({ history: { events: 1 } });
  expect((await ask(sim, path, { method })).status).toBe(405);
});

test('a deleted Application is not found', async () => {
  const sim = await start({ applications: 2, history: { events: 1 } });
  sim.removeApplication(2);
  expect((await ask(sim, '/v1/applications/2/events/no_total')).status).toBe(404);
  expect(sim.addApplication({ history: { events: 3 } })).toBe(2);
  expect((await ask(sim, '/v1/applications/2/events/no_total')).status).toBe(200);
});
