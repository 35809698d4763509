import { ApiError } from './api-error.js';
import { CERTIFICATE_CODE, isRetryable } from './retry.js';

// A write must not be repeated when it may have been done: points would be paid out twice. So every failure of a write
// is one of three: it certainly changed nothing, it was refused, or nobody knows.

/** What is known after a write has failed for good. */
export type WriteFailure =
  | 'not-done' // it never reached the API, or the API turned it away unread
  | 'refused' // the API read it and said no
  | 'uncertain'; // it was sent, and no answer tells what became of it

// What was being done when it failed, in Node's words: nothing leaves before these are over. The code alone does not tell:
// a router's "host unreachable" or "refused" also ends a connection that has carried the request.
const BEFORE_SENDING = new Set(['connect', 'getaddrinfo']);
// Key, rights, path, method, size, limit: looked at before the content.
const TURNED_AWAY = new Set([401, 403, 404, 405, 413, 429]);
// 409 asks to come again later (docs/api-facts.md, Errors), 408 and 425 tell nothing of what was read.
const UNCLEAR = new Set([408, 425]);

export function writeFailure(error: ApiError): WriteFailure {
  if (error.failure === 'network') return isNeverSent(error) ? 'not-done' : 'uncertain';
  const { status } = error;
  if (error.failure !== 'status' || status === undefined) return 'uncertain';
  // A 202 or 206 says that something was done, only not what.
  if (status < 300 || status >= 500 || UNCLEAR.has(status)) return 'uncertain';
  return status < 400 || TURNED_AWAY.has(status) ? 'not-done' : 'refused';
}

function isNeverSent({ code = '', syscall = '' }: ApiError): boolean {
  return BEFORE_SENDING.has(syscall) || CERTIFICATE_CODE.test(code);
}

/** Whether a write without `Idempotency-Key` may be repeated: only when it certainly changed nothing. */
export function isRepeatableWrite(error: unknown): boolean {
  return isRetryable(error) && error instanceof ApiError && writeFailure(error) === 'not-done';
}

/**
 * Whether a write with an `Idempotency-Key` may be repeated: like a read, and after a 409, which says that other requests
 * are updating the same profile or session (docs/api-facts.md, Limits).
 */
export function isRepeatableKeyedWrite(error: unknown): boolean {
  return isRetryable(error) || (error instanceof ApiError && error.status === 409);
}
