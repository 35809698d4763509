import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import { DeadlineError, monotonicMs, wallClockMs, withDeadline } from '../clock.js';
import { messageOf } from '../errors.js';
import { type Instant, parseHttpDate, seconds } from '../instant.js';
import { scrubber } from '../logger.js';
import { createAgents } from './agents.js';
import { ApiError } from './api-error.js';
import { complaintsOf } from './complaints.js';
import { type CsvUpload, multipartBody } from './multipart.js';
import type { Priority, RequestBudget } from './request-budget.js';

/** The largest answer that is read, in bytes: bounds memory, and stays far below the longest JavaScript string. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;
/** Of an answer that is an error only the beginning is shown. */
const MAX_ERROR_BYTES = 1024 * 1024;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Path with placeholders: what the API counts its request limit by. */
  readonly template: string;
  /** A list repeats its name. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** JSON text. */
  readonly body?: string;
  /** A file, instead of `body`. */
  readonly upload?: CsvUpload;
  /** Lets the API answer a repeated write instead of doing it again (at most 255 characters, kept 24 hours). */
  readonly idempotencyKey?: string;
  /** Statuses of a success; 200 alone unless said otherwise. */
  readonly success?: readonly number[];
  readonly accept?: string;
  /** A bound for this answer that is lower than the common one. */
  readonly maxBytes?: number;
  /** Which requests it waits for; default: of a back-fill. */
  readonly priority?: Priority | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** The server's clock when it was asked: the `Date` header (whole seconds) less the time that the answer took to begin. */
  readonly serverTime: Instant | undefined;
  /** A short look at the text, for messages. */
  readonly preview?: string;
  /** Milliseconds from sending the request to the end of the answer. */
  readonly tookMs?: number;
}

export interface HttpOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The Management API and the Integration API have keys of their own (docs/api-facts.md, Keys). */
  readonly keyKind?: 'management' | 'integration';
  /** Milliseconds for one attempt, up to the last byte of the answer; for streams up to the next piece of it. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly budget: RequestBudget;
  readonly maxBodyBytes?: number;
}

const SCHEMES = { management: 'ManagementKey-v1', integration: 'ApiKey-v1' } as const;

/** Makes one attempt and returns the answer of a success (usually 200); anything else is an ApiError. */
export type SendRequest = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/**
 * One attempt of one request: waits for the request budget, sends, reads the whole body.
 * The deadline is ours: axios' `timeout` does not end a body that drips. Redirects are not followed, so the key never
 * reaches another host.
 */
export function createSender(options: HttpOptions): SendRequest {
  const client = createClient(options);
  const maxBodyBytes = options.maxBodyBytes ?? MAX_BODY_BYTES;

  return async (request, signal) => {
    const received = await options.budget.acquire(endpointOf(request), signal, request.priority);
    try {
      return await withDeadline(options.timeoutMs, signal, async (deadline) => {
        try {
          const sentMs = monotonicMs();
          const response = await receiveHead(client, request, deadline);
          const takenMs = monotonicMs() - sentMs;
          received();
          options.budget.answered?.(endpointOf(request), response.status, retryAfterOf(response));
          const text = await readText(response.data, request.maxBytes ?? maxBodyBytes, deadline);
          const answer = toAnswer(request, response, text, takenMs, options.apiKey);
          return { ...answer, tookMs: monotonicMs() - sentMs };
        } catch (error) {
          // Before the head axios rejects with its own cancellation, after it the stream with a generic error.
          throw deadline.aborted ? deadline.reason : error;
        }
      });
    } catch (error) {
      throw toApiError(error, request, signal);
    } finally {
      received();
    }
  };
}

/** Makes one attempt and returns the body of the 200 answer as it arrives; anything else is an ApiError. */
export type OpenStream = (request: HttpRequest, signal: AbortSignal) => Promise<AsyncIterable<Buffer>>;

/**
 * As `createSender`, for bodies of any size: `timeoutMs` bounds the wait for the head and then for each next piece, never
 * the whole. Time that the reader takes for a piece does not count. The pieces end with an ApiError when the body is
 * cut short; a reader that stops early closes the connection.
 */
export function createStreamSender(options: HttpOptions): OpenStream {
  const client = createClient(options);
  // Unpacked here: axios takes a compressed body that is cut short for a complete one.
  client.defaults.decompress = false;
  client.defaults.headers.common['Accept-Encoding'] = 'gzip';

  return async (request, signal) => {
    const received = await options.budget.acquire(endpointOf(request), signal, request.priority);
    try {
      const body = await withDeadline(options.timeoutMs, signal, async (deadline) => {
        try {
          const head = await receiveHead(client, request, deadline);
          received();
          options.budget.answered?.(endpointOf(request), head.status, retryAfterOf(head));
          const body = unpacked(head);
          if (head.status === 200) return body;
          const text = await readText(body, options.maxBodyBytes ?? MAX_ERROR_BYTES, deadline);
          throw failedStatus(request, head, text, options.apiKey);
        } catch (error) {
          throw deadline.aborted ? deadline.reason : error;
        }
      });
      return piecesOf(body, request, options.timeoutMs, signal);
    } catch (error) {
      throw toApiError(error, request, signal);
    } finally {
      received();
    }
  };
}

function unpacked(response: AxiosResponse<Readable>): Readable {
  if (header(response, 'content-encoding') !== 'gzip') return response.data;
  // What goes wrong in one of the two ends both; the reader of the second one hears of it.
  return pipeline(response.data, createGunzip(), () => {});
}

async function* piecesOf(
  stream: Readable,
  request: HttpRequest,
  idleMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const { done, value } = await withDeadline(idleMs, signal, (deadline) =>
        nextPiece(pieces, stream, deadline),
      );
      if (done === true) return;
      yield value;
    }
  } catch (error) {
    throw toApiError(error, request, signal);
  } finally {
    stream.destroy();
  }
}

async function nextPiece(
  pieces: AsyncIterator<Buffer>,
  stream: Readable,
  signal: AbortSignal,
): Promise<IteratorResult<Buffer>> {
  const stop = () => stream.destroy(new Error('given up'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const piece = await pieces.next();
    signal.throwIfAborted();
    return piece;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function createClient(options: HttpOptions): AxiosInstance {
  return axios.create({
    baseURL: options.baseUrl,
    headers: {
      Authorization: `${SCHEMES[options.keyKind ?? 'management']} ${options.apiKey}`,
      'User-Agent': options.userAgent,
    },
    ...createAgents(),
    maxRedirects: 0,
    // HTTPS_PROXY gets a tunnel. Plain HTTP would show it the key.
    ...(options.baseUrl.startsWith('https:') ? {} : { proxy: false }),
    responseType: 'stream',
    transformRequest: [(body: unknown) => body],
    validateStatus: () => true,
  });
}

async function receiveHead(
  client: AxiosInstance,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<AxiosResponse<Readable>> {
  const { idempotencyKey } = request;
  const content = contentOf(request);
  return client.request<Readable>({
    method: request.method,
    url: request.path,
    params: request.query,
    paramsSerializer: { indexes: null },
    headers: {
      Accept: request.accept ?? 'application/json',
      ...(content === undefined ? {} : { 'Content-Type': content.type }),
      ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
    },
    ...(content === undefined ? {} : { data: content.data }),
    signal,
  });
}

function contentOf(request: HttpRequest): { type: string; data: string | Buffer } | undefined {
  if (request.upload !== undefined) return multipartBody(request.upload);
  return request.body === undefined ? undefined : { type: 'application/json', data: request.body };
}

class TooLargeError extends Error {}

async function readText(stream: Readable, maxBytes: number, signal: AbortSignal): Promise<string> {
  const stop = () => stream.destroy(new Error('given up'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new TooLargeError(`the answer is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    signal.throwIfAborted();
    return Buffer.concat(chunks, bytes).toString('utf8');
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

function toAnswer(
  request: HttpRequest,
  response: AxiosResponse,
  text: string,
  takenMs: number,
  apiKey: string,
): HttpAnswer {
  if ((request.success ?? [200]).includes(response.status)) {
    const date = parseHttpDate(header(response, 'date'));
    // The header may be as late as the answer, what the answer shows as early as the request.
    const serverTime = date && date - seconds(takenMs / 1000);
    return { status: response.status, text, serverTime, preview: preview(text, apiKey) };
  }
  throw failedStatus(request, response, text, apiKey);
}

function failedStatus(request: HttpRequest, response: AxiosResponse, text: string, apiKey: string): ApiError {
  const endpoint = endpointOf(request);
  return new ApiError(`${endpoint} was answered with ${response.status}${explain(response, text, apiKey)}`, {
    failure: 'status',
    endpoint,
    status: response.status,
    retryAfterMs: retryAfterOf(response),
    complaints: response.status === 400 ? complaintsOf(withoutKey(text, apiKey)) : [],
  });
}

function retryAfterOf(response: AxiosResponse): number | undefined {
  return parseRetryAfter(header(response, 'retry-after'), wallClockMs());
}

function header(response: AxiosResponse, name: string): string | undefined {
  const value: unknown = response.headers[name];
  return typeof value === 'string' ? value : undefined;
}

// Error bodies are documented as {message, errors}, but not for 429, 403 and 5xx: a short preview serves for those.
function explain(response: AxiosResponse, text: string, apiKey: string): string {
  if (response.status >= 300 && response.status < 400)
    return ': redirects are not followed, check TALON_ONE_BASE_URL';
  try {
    const body: unknown = JSON.parse(text);
    const { message, errors } = body as { message?: unknown; errors?: { details?: unknown }[] };
    const detail = errors?.[0]?.details;
    const parts = [message, detail].filter((part): part is string => typeof part === 'string');
    return parts.length > 0 ? `: ${withoutKey(parts.join(': '), apiKey).slice(0, 300)}` : '';
  } catch {
    return preview(text, apiKey);
  }
}

// A short, one-line look at a body that is not what was asked for.
function preview(text: string, apiKey: string): string {
  const line = withoutKey(text.slice(0, 10_000), apiKey).slice(0, 120).replace(/\s+/g, ' ').trim();
  return line === '' ? '' : ` (it begins with: ${line})`;
}

// Some proxies send the headers back. Messages go further than the log, into tables and to /readyz; and the key has to
// go before they are cut, or a part of it would stay.
function withoutKey(text: string, apiKey: string): string {
  return scrubber([apiKey])(text);
}

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3: seconds or a date).
 * `undefined` when it is absent, unreadable or in the past.
 */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  const date = Date.parse(trimmed);
  return Number.isNaN(date) || date <= nowMs ? undefined : date - nowMs;
}

function endpointOf(request: HttpRequest): string {
  return `${request.method} ${request.template}`;
}

/** The error to throw instead: a cancellation stays one, everything else becomes an ApiError without foreign baggage. */
function toApiError(error: unknown, request: HttpRequest, signal: AbortSignal): unknown {
  if (error instanceof ApiError) return error;
  if (signal.aborted) return signal.reason;
  const endpoint = endpointOf(request);
  if (error instanceof TooLargeError) {
    return new ApiError(`${endpoint}: ${error.message}`, { failure: 'too-large', endpoint });
  }
  if (error instanceof DeadlineError) {
    return new ApiError(`${endpoint} was not answered completely in time`, { failure: 'timeout', endpoint });
  }
  const code = (error as { code?: unknown }).code;
  return new ApiError(`${endpoint} got no answer: ${messageOf(error)}`, {
    failure: 'network',
    endpoint,
    code: typeof code === 'string' ? code : undefined,
    syscall: syscallOf(error),
  });
}

// axios wraps the system's error. A host with several addresses fails with the errors of all of them, which are attempts
// to connect (Node: net.connect, autoSelectFamily).
function syscallOf(error: unknown): string | undefined {
  const { syscall, cause, errors } = error as { syscall?: unknown; cause?: unknown; errors?: unknown };
  if (typeof syscall === 'string') return syscall;
  if (Array.isArray(errors)) return syscallOf(errors[0] ?? {});
  return cause instanceof Error ? syscallOf(cause) : undefined;
}
