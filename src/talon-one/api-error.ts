/** What went wrong with one attempt of one request. */
export type ApiFailure =
  | 'network' // no answer: refused, reset, DNS, TLS
  | 'timeout' // not complete within the deadline
  | 'status' // an answer other than that of a success
  | 'body' // 200, but not the JSON that was asked for
  | 'too-large'; // more bytes than the bound

/** One entry of a 400: what is wrong, and where in the request. */
export interface Complaint {
  readonly text: string;
  /** JSON pointer into the body. */
  readonly pointer: string | undefined;
  /** Line of the uploaded file, from 1. */
  readonly line: number | undefined;
}

export interface ApiErrorFields {
  readonly failure: ApiFailure;
  /** Method and path template, such as `GET /v1/applications/{applicationId}`. */
  readonly endpoint: string;
  readonly status?: number | undefined;
  /** System error code of a network failure, such as ECONNRESET. */
  readonly code?: string | undefined;
  /** What the system was doing when the network failed, such as `connect`, `getaddrinfo`, `read`. */
  readonly syscall?: string | undefined;
  /** What the server asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** What a 400 complains about. */
  readonly complaints?: readonly Complaint[];
}

/**
 * The one error of the HTTP side. It is built from plain texts and never carries the client library's error,
 * because that one holds the request's headers and with them the key.
 */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly failure: ApiFailure;
  readonly endpoint: string;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly complaints: readonly Complaint[];

  constructor(message: string, fields: ApiErrorFields) {
    super(message);
    this.failure = fields.failure;
    this.endpoint = fields.endpoint;
    this.status = fields.status;
    this.code = fields.code;
    this.syscall = fields.syscall;
    this.retryAfterMs = fields.retryAfterMs;
    this.complaints = fields.complaints ?? [];
  }

  /** Fields for the log. */
  get details(): Record<string, unknown> {
    return { failure: this.failure, endpoint: this.endpoint, status: this.status };
  }
}

/** 401 and 403: the key is wrong, expired, or not allowed to use this endpoint (which of the two is not documented). */
export function isUnauthorised(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}

/** The server, or something before it, gave up on the amount, or it is more than can be read: less of it may work. */
export function isTooMuch(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  return error.failure === 'timeout' || error.failure === 'too-large' || hasStatus(error, 408, 504);
}

export function hasStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof ApiError && error.status !== undefined && statuses.includes(error.status);
}
