import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../src/sync/failure.js';
import { ApiError } from '../src/talon-one/api-error.js';
import { parseRetryAfter } from '../src/talon-one/http.js';
import { withRetry } from '../src/talon-one/retry.js';

const now = Date.UTC(2026, 2, 1);

/** Headers of all kinds: seconds, fractions, dates near and absurd, negative numbers, garbage. */
const header = fc.oneof(
  fc.nat().map(String),
  fc.double({ noNaN: true }).map(String),
  fc.bigInt({ min: 0n, max: 10n ** 400n }).map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.integer({ min: 1, max: 10_000_000 }).map((seconds) => new Date(now + seconds * 1000).toUTCString()),
  fc.constantFrom('', '-1', '-0', '+5', '1e3', '1e999', 'Infinity', 'NaN', '0x10', '5, 6', '5 seconds', '٣'),
  fc.string(),
);

function failure(retryAfterMs: number | undefined): ApiError {
  return new ApiError('failed', { failure: 'status', status: 429, endpoint: 'GET /v1/x', retryAfterMs });
}

/** What `withRetry` waits for the sake of `Retry-After`, in milliseconds. */
async function waited(retryAfterMs: number | undefined, maxRetryAfterMs: number): Promise<number[]> {
  const waits: number[] = [];
  const options = { retries: 1, minDelayMs: 0, maxDelayMs: 0, maxRetryAfterMs };
  const wait = async (ms: number) => void waits.push(ms);
  let attempts = 0;
  const attempt = async () => {
    attempts += 1;
    if (attempts === 1) throw failure(retryAfterMs);
  };
  await withRetry(attempt, { ...options, wait }, new AbortController().signal, () => {});
  return waits;
}

test('whatever Retry-After says, the wait is as long as it asks for, never negative, and never above our bound', async () => {
  const property = fc.asyncProperty(header, fc.integer({ min: 0, max: 120_000 }), async (text, most) => {
    const asked = parseRetryAfter(text, now);
    expect(asked === undefined || asked >= 0).toBe(true);
    expect(await waited(asked, most)).toEqual(asked === undefined ? [] : [Math.min(asked, most)]);
  });
  await fc.assert(property, { numRuns: 200 });
});

test('whatever Retry-After says and however often it failed, the pause between cycles lies between a second and five minutes', () => {
  const property = fc.property(header, fc.nat({ max: 100_000 }), (text, failures) => {
    const asked = parseRetryAfter(text, now);
    const pause = backoffMs(failure(asked), failures);
    expect(pause).toBeGreaterThanOrEqual(Math.min(Math.max(1000, asked ?? 0), 300_000));
    expect(pause).toBeLessThanOrEqual(300_000);
  });
  fc.assert(property, { numRuns: 200 });
});
