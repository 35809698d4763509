import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAbortError, LeaseLostError } from '../src/errors.js';
import { ApiError, type ApiErrorFields } from '../src/talon-one/api-error.js';
import { parseRetryAfter } from '../src/talon-one/http.js';
import { defaultRetry, type FailedAttempt, isRetryable, withRetry } from '../src/talon-one/retry.js';

function failure(fields: Partial<ApiErrorFields>): ApiError {
  return new ApiError('failed', { failure: 'status', endpoint: 'GET /v1/x', ...fields });
}

const quick = { retries: 3, minDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 60_000 };
const never = new AbortController().signal;
const ignore = () => {};

/** Fails with each of the errors in turn, then succeeds. */
function failing(...errors: unknown[]) {
  const attempts: number[] = [];
  const attempt = async (number: number) => {
    attempts.push(number);
    if (attempts.length <= errors.length) throw errors[attempts.length - 1];
    return 'done';
  };
  return { attempt, attempts };
}

/** A wait that returns at once and remembers what it was asked for. */
function recordingWait() {
  const waits: number[] = [];
  return { waits, wait: async (ms: number) => void waits.push(ms) };
}

describe('what is worth another attempt', () => {
  test.each([408, 425, 429, 500, 502, 503, 504, 599])('status %i', (status) => {
    expect(isRetryable(failure({ status }))).toBe(true);
  });

  test.each([301, 302, 400, 401, 403, 404, 405, 409, 413, 422])('not status %i', (status) => {
    expect(isRetryable(failure({ status }))).toBe(false);
  });

  test.each(['ECONNRESET', 'ECONNREFUSED', 'EAI_AGAIN', 'ENOTFOUND', undefined])('network %s', (code) => {
    expect(isRetryable(failure({ failure: 'network', code }))).toBe(true);
  });

  test.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'SELF_SIGNED_CERT_IN_CHAIN',
  ])('not a certificate that does not check out: %s', (code) => {
    expect(isRetryable(failure({ failure: 'network', code }))).toBe(false);
  });

  test('an answer that came too late or is not what was asked for, but not one that is too large', () => {
    expect(isRetryable(failure({ failure: 'timeout' }))).toBe(true);
    expect(isRetryable(failure({ failure: 'body', status: 200 }))).toBe(true);
    expect(isRetryable(failure({ failure: 'too-large' }))).toBe(false);
  });

  test('no error of another kind: a mistake of ours stays one', () => {
    expect(isRetryable(new TypeError('x is not a function'))).toBe(false);
    expect(isRetryable(undefined)).toBe(false);
  });
});

describe('attempts', () => {
  test('the first success ends them, and each failure before it is told with its number', async () => {
    const { attempt, attempts } = failing(failure({ status: 503 }), failure({ failure: 'body' }));
    const failed: FailedAttempt[] = [];
    await expect(withRetry(attempt, quick, never, (one) => void failed.push(one))).resolves.toBe('done');
    expect(attempts).toEqual([1, 2, 3]);
    expect(failed.map((one) => [one.attempt, one.error.failure])).toEqual([
      [1, 'status'],
      [2, 'body'],
    ]);
  });

  test('when they are used up, the last error is thrown, and it is not told as one that will be repeated', async () => {
    const errors = [1, 2, 3, 4].map((number) => failure({ status: 500 + number }));
    const { attempt, attempts } = failing(...errors);
    const failed: FailedAttempt[] = [];
    await expect(withRetry(attempt, quick, never, (one) => void failed.push(one))).rejects.toBe(errors[3]);
    expect(attempts).toHaveLength(4);
    expect(failed).toHaveLength(3);
  });

  test.each([
    failure({ status: 401 }),
    failure({ status: 404 }),
    failure({ failure: 'too-large' }),
    new TypeError('bug'),
  ])('what cannot be helped is not repeated: %s', async (error) => {
    const { attempt, attempts } = failing(error);
    await expect(withRetry(attempt, quick, never, ignore)).rejects.toBe(error);
    expect(attempts).toHaveLength(1);
  });
});

describe('waiting between attempts', () => {
  test('as long as Retry-After says, at least', async () => {
    const { waits, wait } = recordingWait();
    const { attempt } = failing(failure({ status: 429, retryAfterMs: 1500 }));
    await withRetry(attempt, { ...quick, wait }, never, ignore);
    expect(waits).toEqual([1500]);
  });

  test.each([86_400_000, Number.POSITIVE_INFINITY])(
    'but never longer than our own bound (%d ms)',
    async (retryAfterMs) => {
      const { waits, wait } = recordingWait();
      const { attempt } = failing(failure({ status: 429, retryAfterMs }));
      await withRetry(attempt, { ...quick, wait }, never, ignore);
      expect(waits).toEqual([60_000]);
      expect(defaultRetry.maxRetryAfterMs).toBe(60_000);
    },
  );

  test('not after the last attempt', async () => {
    const { waits, wait } = recordingWait();
    const { attempt } = failing(failure({ status: 429, retryAfterMs: 5000 }));
    await expect(withRetry(attempt, { ...quick, retries: 0, wait }, never, ignore)).rejects.toThrow(ApiError);
    expect(waits).toEqual([]);
  });

  test('without Retry-After our own delay is enough', async () => {
    const { waits, wait } = recordingWait();
    const { attempt, attempts } = failing(failure({ status: 429 }));
    await withRetry(attempt, { ...quick, wait }, never, ignore);
    expect(waits).toEqual([]);
    expect(attempts).toHaveLength(2);
  });
});

describe('a cancellation stays a cancellation', () => {
  test('before the first attempt: nothing is tried', async () => {
    const { attempt, attempts } = failing();
    const reason = new LeaseLostError('1');
    await expect(withRetry(attempt, quick, AbortSignal.abort(reason), ignore)).rejects.toBe(reason);
    expect(attempts).toEqual([]);
  });

  test('during an attempt: the reason is thrown, and nothing is repeated', async () => {
    const controller = new AbortController();
    const reason = new LeaseLostError('1');
    let attempts = 0;
    const attempt = async () => {
      attempts += 1;
      controller.abort(reason);
      throw failure({ failure: 'network' });
    };
    await expect(withRetry(attempt, quick, controller.signal, ignore)).rejects.toBe(reason);
    expect(attempts).toBe(1);
  });

  test('during the wait that Retry-After asks for', async () => {
    const controller = new AbortController();
    const { attempt, attempts } = failing(failure({ status: 429, retryAfterMs: 3_600_000 }));
    const running = withRetry(attempt, { ...quick, maxRetryAfterMs: 3_600_000 }, controller.signal, () =>
      controller.abort(),
    );
    expect(isAbortError(await running.catch((error: unknown) => error))).toBe(true);
    expect(attempts).toHaveLength(1);
  });

  test('during our own delay', async () => {
    const controller = new AbortController();
    const { attempt, attempts } = failing(failure({ status: 503 }));
    const patient = { ...quick, minDelayMs: 3_600_000, maxDelayMs: 3_600_000 };
    const running = withRetry(attempt, patient, controller.signal, () =>
      setImmediate(() => controller.abort()),
    );
    expect(isAbortError(await running.catch((error: unknown) => error))).toBe(true);
    expect(attempts).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 2, 1);

  test('in seconds', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10_000_000 }), (seconds) => {
        expect(parseRetryAfter(String(seconds), now)).toBe(seconds * 1000);
        expect(parseRetryAfter(` ${seconds} `, now)).toBe(seconds * 1000);
      }),
    );
    expect(parseRetryAfter('1.5', now)).toBe(1500);
  });

  test('as a date to come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), (seconds) => {
        const date = new Date(now + seconds * 1000).toUTCString();
        expect(parseRetryAfter(date, now)).toBe(seconds * 1000);
      }),
    );
  });

  test('as a date that has passed it asks for nothing', () => {
    expect(parseRetryAfter(new Date(now).toUTCString(), now)).toBeUndefined();
    expect(parseRetryAfter(new Date(now - 1000).toUTCString(), now)).toBeUndefined();
  });

  test('absent or unreadable it asks for nothing, and never for a negative time', () => {
    expect(parseRetryAfter(undefined, now)).toBeUndefined();
    expect(parseRetryAfter('', now)).toBeUndefined();
    expect(parseRetryAfter('soon', now)).toBeUndefined();
    expect(parseRetryAfter('-5', now)).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseRetryAfter(text, now);
        expect(ms === undefined || ms >= 0).toBe(true);
      }),
    );
  });
});
