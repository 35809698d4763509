import { expect, test } from 'vitest';
import { SessionPages } from '../src/sync/session-pages.js';
import { ApiError, type ApiErrorFields } from '../src/talon-one/api-error.js';
import type { HttpAnswer } from '../src/talon-one/http.js';
import { ManagementClient } from '../src/talon-one/management.js';
import { quickRetry } from './support/management-client.js';
import { contextOf } from './support/sync.js';

const WINDOW = { createdAfter: '2026-03-01T00:00:00Z', createdBefore: '2026-03-02T00:00:00Z', skip: 0 };
const context = contextOf({ applicationId: '1', fence: '1', owner: 'test', durationMs: 1000 });
const EMPTY: HttpAnswer = { status: 200, text: '{"hasMore":false,"data":[]}', serverTime: undefined };

function pagesOf(failure: () => Partial<ApiErrorFields> | undefined): SessionPages {
  const client = new ManagementClient(async () => {
    const fields = failure();
    if (fields === undefined) return EMPTY;
    throw new ApiError('no', { failure: 'status', endpoint: 'GET list', ...fields });
  }, quickRetry);
  return new SessionPages(client, 1000);
}

test('a list that failed is begun again after a thousand sessions by ID, then after twice as many', async () => {
  let failure: Partial<ApiErrorFields> | undefined = { status: 504 };
  const pages = pagesOf(() => failure);
  for (const pause of [1000, 2000, 4000]) {
    expect(pages.areServed).toBe(true);
    expect(await pages.page(WINDOW, true, context)).toBeUndefined();
    pages.noteById(pause - 1);
    expect(pages.areServed).toBe(false);
    pages.noteById(1);
  }
  failure = undefined;
  expect(await pages.page(WINDOW, true, context)).toBeDefined();
  failure = { status: 504 };
  await pages.page(WINDOW, true, context);
  pages.noteById(1000);
  expect(pages.areServed).toBe(true);
});

test.each<[string, Partial<ApiErrorFields>]>([
  ['the key is refused', { status: 401 }],
  ['the network fails', { failure: 'network', code: 'ECONNRESET' }],
])('where sessions are no better off by ID, the failure is one of the cycle: %s', async (_, failure) => {
  const pages = pagesOf(() => failure);
  await expect(pages.page(WINDOW, true, context)).rejects.toMatchObject(failure);
  expect(pages.areServed).toBe(true);
});
