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

const FIRST_BACKOFF_MS = 1_000;
const FIRST_UNAUTHORISED_BACKOFF_MS = 15_000;
const LONGEST_BACKOFF_MS = 300_000;

/** Doubles with every failure in a row, up to five minutes; a longer `Retry-After` counts up to that as well. */
export function backoffMs(error: unknown, failures: number): number {
  const first = isUnauthorised(error) ? FIRST_UNAUTHORISED_BACKOFF_MS : FIRST_BACKOFF_MS;
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(LONGEST_BACKOFF_MS, Math.max(asked, first * 2 ** Math.min(failures, 20)));
}

const WARN_AFTER_MS = 30_000;
const ERROR_AFTER_MS = 300_000;

/** Trouble that has just begun is information, then a warning, then an error. */
export function failureLevel(failingMs: number): 'info' | 'warn' | 'error' {
  if (failingMs < WARN_AFTER_MS) return 'info';
  return failingMs < ERROR_AFTER_MS ? 'warn' : 'error';
}
