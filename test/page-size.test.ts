import { describe, expect, test } from 'vitest';
import { ApiError, type ApiErrorFields } from '../src/talon-one/api-error.js';
import type { PageSizeChange, RequestContext } from '../src/talon-one/management.js';
import { PageSize } from '../src/talon-one/page-size.js';
import { isRetryable } from '../src/talon-one/retry.js';

const LATE: Partial<ApiErrorFields> = { failure: 'timeout' };
const GATEWAY: Partial<ApiErrorFields> = { failure: 'status', status: 504 };
const LARGE: Partial<ApiErrorFields> = { failure: 'too-large' };
const BROKEN: Partial<ApiErrorFields> = { failure: 'status', status: 500 };
const MOST_ATTEMPTS = 6;

/** A list that bears pages of at most `bears` records, and what it was asked for, attempt by attempt. */
class Server {
  bears = 1000;
  rows = Infinity;
  failure: Partial<ApiErrorFields> = GATEWAY;
  asked: number[] = [];
  readonly changes: PageSizeChange[] = [];
  readonly size = new PageSize(1000, 'GET /v1/things');

  /** One page, requested as the client does it; resolves with its length. */
  async page(): Promise<number> {
    const context: RequestContext = {
      signal: new AbortController().signal,
      onPageSize: (change) => this.changes.push(change),
    };
    const { page } = await this.size.ask(context, async (pageSize, asking) =>
      this.attempts(pageSize, asking),
    );
    return page.data.length;
  }

  async pages(count: number): Promise<void> {
    for (let page = 0; page < count; page += 1) await this.page();
  }

  /** What was asked for since the last time. */
  since(): number[] {
    return this.asked.splice(0);
  }

  private attempts(pageSize: number, { isFinal }: RequestContext): { data: readonly unknown[] } {
    for (let attempt = 1; ; attempt += 1) {
      this.asked.push(pageSize);
      if (pageSize <= this.bears) return { data: Array.from({ length: Math.min(pageSize, this.rows) }) };
      const error = new ApiError('no', { failure: 'status', endpoint: 'GET /v1/things', ...this.failure });
      if (attempt === MOST_ATTEMPTS || !isRetryable(error) || isFinal?.(error, attempt)) throw error;
    }
  }
}

describe('a size that the server cannot deliver', () => {
  test.each([
    ['a timeout', LATE],
    ['504', GATEWAY],
    ['408', { failure: 'status', status: 408 } as const],
    ['an answer that is too large', LARGE],
  ])('costs a single attempt, and half of it is asked for at once: %s', async (_, failure) => {
    const server = new Server();
    Object.assign(server, { bears: 500, failure });
    expect(await server.page()).toBe(500);
    expect(server.since()).toEqual([1000, 500]);
  });

  test('is remembered: dozens of pages stay below it', async () => {
    const server = new Server();
    server.bears = 500;
    await server.pages(24);
    expect(server.since()).toEqual([1000, ...Array(24).fill(500)]);
  });

  test('is tried again after some dozen pages, once, and ever more seldom', async () => {
    const server = new Server();
    server.bears = 500;
    await server.pages(24 + 48 + 96);
    const asked = server.since();
    const trials = asked.flatMap((size, position) => (size === 1000 ? [position] : []));
    expect(trials).toEqual([0, 25, 74]);
    expect(asked.filter((size) => size < 500)).toEqual([]);
  });

  test('is asked for again for good once a trial succeeds', async () => {
    const server = new Server();
    server.bears = 500;
    await server.pages(24);
    server.bears = 1000;
    server.since();
    await server.pages(30);
    expect(server.since()).toEqual(Array(30).fill(1000));
  });

  test('is found from below where it lies far down, and sizes that never failed are taken at once', async () => {
    const server = new Server();
    server.bears = 300;
    await server.pages(4);
    expect(server.since()).toEqual([1000, 500, 125, 250, 250, 250]);
  });
});

describe('a size that was delivered before', () => {
  test('gets a second attempt, because one late answer says little', async () => {
    const server = new Server();
    await server.page();
    server.since();
    server.bears = 500;
    await server.page();
    expect(server.since()).toEqual([1000, 1000, 500]);
  });

  test('is not taken as proven by a page that was not full', async () => {
    const server = new Server();
    server.rows = 7;
    await server.page();
    Object.assign(server, { bears: 500, rows: Infinity });
    server.since();
    await server.page();
    expect(server.since()).toEqual([1000, 500]);
  });
});

describe('while nothing is delivered at all', () => {
  test('the size is not what is blamed: afterwards pages are as long as before', async () => {
    const server = new Server();
    await server.page();
    server.since();
    server.bears = 0;
    await expect(server.page()).rejects.toMatchObject({ status: 504 });
    expect(server.since()).toEqual([1000, 1000, 500, 125, 31, 7, ...Array(MOST_ATTEMPTS).fill(1)]);
    server.bears = 1000;
    expect(await server.page()).toBe(1000);
  });

  test('other failures change no size and keep all their attempts', async () => {
    const server = new Server();
    Object.assign(server, { bears: 0, failure: BROKEN });
    await expect(server.page()).rejects.toMatchObject({ status: 500 });
    expect(server.since()).toEqual(Array(MOST_ATTEMPTS).fill(1000));
  });

  test('a pause that the server asks for is kept, and less is asked for the next time', async () => {
    const server = new Server();
    Object.assign(server, { bears: 500, failure: { ...GATEWAY, retryAfterMs: 5000 } });
    await expect(server.page()).rejects.toMatchObject({ retryAfterMs: 5000 });
    expect(server.since()).toEqual(Array(MOST_ATTEMPTS).fill(1000));
    expect(await server.page()).toBe(500);
  });
});

test('that pages have become smaller is said once the size has settled, and once when they are full again', async () => {
  const server = new Server();
  server.bears = 300;
  await server.pages(60);
  const smaller = { endpoint: 'GET /v1/things', pageSize: 250, isFull: false };
  expect(server.changes).toEqual([smaller]);
  server.bears = 1000;
  await server.pages(60);
  expect(server.changes).toEqual([smaller, { ...smaller, pageSize: 1000, isFull: true }]);
});
