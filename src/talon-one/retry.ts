import pRetry from 'p-retry';
import { type Sleep, sleep } from '../clock.js';
import { ApiError } from './api-error.js';

export interface RetryOptions {
  /** Attempts after the first. */
  readonly retries: number;
  /** First delay between attempts in milliseconds; doubles, with a random factor of 1 to 2. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** The most a `Retry-After` can make us wait, in milliseconds: servers have been seen to ask for a day. */
  readonly maxRetryAfterMs: number;
  /** Whether another attempt can help and does no harm, after so many. Default: that of reads. */
  readonly isRetryable?: (error: unknown, attempt: number) => boolean;
  readonly wait?: Sleep;
}

export const defaultRetry: RetryOptions = {
  retries: 5,
  minDelayMs: 500,
  maxDelayMs: 15_000,
  maxRetryAfterMs: 60_000,
};

/** One attempt that failed and will be repeated. */
export interface FailedAttempt {
  readonly error: ApiError;
  readonly attempt: number;
}

const RETRYABLE_STATUS = new Set([
  408, // Request Timeout
  425, // Too Early
  429, // Too Many Requests
]);

/** Node's codes for a certificate that does not check out: nothing was sent, and the next attempt would meet the same one. */
export const CERTIFICATE_CODE =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT_ALTNAME_INVALID$|HOSTNAME_MISMATCH|INVALID_CA)/;
// Other troubles of TLS do not pass either, but may come in the middle of a request.
const TLS_CODE = /^ERR_TLS_/;

/** Whether another attempt of a read can help: repeating one changes nothing. Writes have `write-safety.ts`. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  switch (error.failure) {
    case 'network':
      return !CERTIFICATE_CODE.test(error.code ?? '') && !TLS_CODE.test(error.code ?? '');
    case 'timeout':
    case 'body':
      return true;
    case 'too-large':
      return false;
    case 'status':
      return error.status !== undefined && (RETRYABLE_STATUS.has(error.status) || error.status >= 500);
  }
}

/**
 * Repeats `attempt` while that can help. A server's `Retry-After` is a floor for the delay, our cap its ceiling.
 * @throws the last attempt's error; the signal's reason once it aborts
 */
export async function withRetry<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  options: RetryOptions,
  signal: AbortSignal,
  onFailedAttempt: (failed: FailedAttempt) => void,
): Promise<T> {
  const wait = options.wait ?? sleep;
  const mayRepeat = options.isRetryable ?? isRetryable;
  return pRetry(attempt, {
    retries: options.retries,
    minTimeout: options.minDelayMs,
    maxTimeout: options.maxDelayMs,
    factor: 2,
    randomize: true,
    signal,
    shouldRetry: ({ error, attemptNumber }) => mayRepeat(error, attemptNumber),
    // p-retry adds its own delay to the time spent here, which makes Retry-After the floor.
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      if (!(error instanceof ApiError) || !mayRepeat(error, attemptNumber) || retriesLeft === 0) return;
      onFailedAttempt({ error, attempt: attemptNumber });
      if (error.retryAfterMs !== undefined)
        await wait(Math.min(error.retryAfterMs, options.maxRetryAfterMs), signal);
    },
  });
}
