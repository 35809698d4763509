import { LeaseLostError } from '../errors.js';
import { ApiError, isUnauthorised } from '../talon-one/api-error.js';

// What becomes of work that failed: how it is called, when it is tried again, how loudly it is logged.

export type Failure = 'stopped' | 'failed' | 'unauthorised' | 'lease-lost';

/** @param signal the one that stops the program */
export function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof LeaseLostError) return 'lease-lost';
  if (signal.aborted) return 'stopped';
  return isUnauthorised(error) ? 'unauthorised' : 'failed';
}

/** How long to wait after a failure, in milliseconds: doubles with every failure in a row. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

const EAGER: Backoff = { firstMs: 1_000, longestMs: 300_000 };
const FIRST_UNAUTHORISED_BACKOFF_MS = 15_000;

/** When to try again; a longer `Retry-After` counts up to the longest wait as well. */
export function backoffMs(error: unknown, failures: number, { firstMs, longestMs }: Backoff = EAGER): number {
  const first = isUnauthorised(error) ? Math.max(firstMs, FIRST_UNAUTHORISED_BACKOFF_MS) : firstMs;
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(longestMs, Math.max(asked, first * 2 ** Math.min(failures, 20)));
}

const WARN_AFTER_MS = 30_000;
const ERROR_AFTER_MS = 300_000;

/** Trouble that has just begun is information, then a warning, then an error. */
export function failureLevel(failingMs: number): 'info' | 'warn' | 'error' {
  if (failingMs < WARN_AFTER_MS) return 'info';
  return failingMs < ERROR_AFTER_MS ? 'warn' : 'error';
}
