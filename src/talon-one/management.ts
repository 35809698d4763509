import type { z } from 'zod';
import { messageOf } from '../errors.js';
import type { Instant } from '../instant.js';
import { parseJson } from '../json/parse.js';
import { mayChangeInJsonb } from '../json/silent-changes.js';
import { type Observer, silentObserver } from '../observer.js';
import { ApiError } from './api-error.js';
import type { HttpAnswer, HttpRequest, SendRequest } from './http.js';
import { observeAttempt } from './observed.js';
import type { Priority } from './request-budget.js';
import { type FailedAttempt, isRetryable, type RetryOptions, withRetry } from './retry.js';
import { type Application, applicationSchema, firstProblem, pageSchema } from './schemas.js';
import { parseSessionExport } from './session-csv.js';

/** Rows of an export are taken apart in memory, at some times their size. */
const MAX_EXPORT_BYTES = 32 * 1024 * 1024;

/** What a caller lends to its requests: the signal that ends them, and where they are counted. */
export interface RequestContext {
  readonly signal: AbortSignal;
  /** Default: that of a back-fill. */
  readonly priority?: Priority;
  readonly onAttempt?: (attempt: number) => void;
  readonly onFailedAttempt?: (failed: FailedAttempt) => void;
  /** Tells errors after which the caller has something better to do than to ask the same again. Attempts count from 1. */
  readonly isFinal?: (error: unknown, attempt: number) => boolean;
  /** Told when a list is read in pages of another size than before. */
  readonly onPageSize?: (change: PageSizeChange) => void;
}

export interface PageSizeChange {
  /** Method and path template. */
  readonly endpoint: string;
  readonly pageSize: number;
  /** It is the size that the list is meant to have. */
  readonly isFull: boolean;
}

/** One answer that holds a list; single objects are given the same form. */
export interface ListPage {
  /** `{"data": [...]}` as it was sent. */
  readonly text: string;
  readonly data: readonly unknown[];
  readonly hasMore: boolean | undefined;
  readonly total: number | undefined;
  readonly serverTime: Instant | undefined;
  /** Method and path, for messages and the quarantine. */
  readonly source: string;
  /** jsonb may store the text differently without an error. */
  readonly mayChange: boolean;
}

export interface Paging {
  readonly pageSize: number;
  readonly skip: number;
}

export interface EventQuery extends Paging {
  readonly createdAfter: string;
  readonly createdBefore?: string | undefined;
  readonly sort?: string | undefined;
}

export interface SessionQuery extends Paging {
  readonly createdAfter: string;
  readonly createdBefore: string;
}

/** Bounds are by creation; whether they are inclusive is not documented. */
/** Which transactions of a program are wanted; default: all. */
export interface TransactionFilters {
  readonly loyaltyTransactionType?: string | undefined;
  readonly subledgerId?: string | undefined;
}

export interface TransactionQuery extends Paging, TransactionFilters {
  readonly startDate?: string | undefined;
  readonly endDate?: string | undefined;
  /** Only transactions whose points wait for an action and have not expired. */
  readonly awaitsActivation?: true | undefined;
  readonly transactionUUIDs?: readonly string[] | undefined;
}

/**
 * The reads of the Management API that the sync uses (docs/api-facts.md). Each one waits for the request
 * budget, is repeated while that can help, and checks that the answer is what was asked for.
 */
export class ManagementClient {
  constructor(
    private readonly send: SendRequest,
    private readonly retry: RetryOptions,
    private readonly observer: Observer = silentObserver,
  ) {}

  applications(paging: Paging, context: RequestContext): Promise<ListPage> {
    return this.request(get('/v1/applications', {}, { ...paging }), toPage, context);
  }

  application(applicationId: string, context: RequestContext): Promise<Application> {
    const request = get('/v1/applications/{applicationId}', { applicationId });
    return this.request(request, (answer) => parseAs(applicationSchema, answer), context);
  }

  /** Current form of the event list: `hasMore`, no total. */
  events(applicationId: string, query: EventQuery, context: RequestContext): Promise<ListPage> {
    const request = get('/v1/applications/{applicationId}/events/no_total', { applicationId }, { ...query });
    return this.request(request, toPage, context);
  }

  /** Older form with `totalResultSize`, documented until 2021. */
  eventsWithTotal(applicationId: string, query: EventQuery, context: RequestContext): Promise<ListPage> {
    const request = get('/v1/applications/{applicationId}/events', { applicationId }, { ...query });
    return this.request(request, toPage, context);
  }

  sessions(applicationId: string, query: SessionQuery, context: RequestContext): Promise<ListPage> {
    const request = get('/v1/applications/{applicationId}/sessions', { applicationId }, { ...query });
    return this.request(request, toPage, context);
  }

  /** `sessionId` is the internal ID that events carry. */
  session(applicationId: string, sessionId: string, context: RequestContext): Promise<ListPage> {
    const request = get('/v1/applications/{applicationId}/sessions/{sessionId}', {
      applicationId,
      sessionId,
    });
    return this.request(request, toPageOfOne, context);
  }

  /**
   * Sessions updated in a period, as CSV; newer deployments only, archived sessions are missing (docs/api-facts.md, CSV
   * exports). The rows come in the form of the other reads.
   */
  exportedSessions(
    applicationId: string,
    period: { updatedAfter: string; updatedBefore?: string | undefined },
    context: RequestContext,
  ): Promise<ListPage> {
    const template = '/v1/applications/{applicationId}/export_customer_sessions';
    const request: HttpRequest = {
      ...get(template, { applicationId }, { ...period, dateFormat: 'ISO8601' }),
      accept: 'application/csv',
      maxBytes: MAX_EXPORT_BYTES,
    };
    return this.request(request, toPageOfExport, context);
  }

  /** Profiles by their internal IDs; a POST that only reads. */
  customerSearch(
    applicationId: string,
    profileIds: readonly string[],
    paging: Paging,
    context: RequestContext,
  ): Promise<ListPage> {
    const request: HttpRequest = {
      ...get('/v1/applications/{applicationId}/customer_search', { applicationId }, { ...paging }),
      method: 'POST',
      // Written by hand: as JavaScript numbers, IDs beyond 2^53 would change.
      body: `{"profileIDs":[${profileIds.join(',')}]}`,
    };
    return this.request(request, toPage, context);
  }

  /**
   * Every transaction of a loyalty program, whoever holds the points and however they came (docs/api-facts.md,
   * Loyalty).
   */
  loyaltyTransactions(
    programId: string,
    query: TransactionQuery,
    context: RequestContext,
  ): Promise<ListPage> {
    const template = '/v1/loyalty_programs/{loyaltyProgramId}/transactions';
    return this.request(get(template, { loyaltyProgramId: programId }, { ...query }), toPage, context);
  }

  /** Any list of the common envelope. `parameters` fill the placeholders of `template`. */
  list(template: string, parameters: Parameters, query: Query, context: RequestContext): Promise<ListPage> {
    return this.request(get(template, parameters, query), toPage, context);
  }

  /** Any single object, in the form of a list. */
  one(template: string, parameters: Parameters, query: Query, context: RequestContext): Promise<ListPage> {
    return this.request(get(template, parameters, query), toPageOfOne, context);
  }

  private request<T>(
    request: HttpRequest,
    read: (answer: HttpAnswer, request: HttpRequest) => T,
    context: RequestContext,
  ): Promise<T> {
    const mayRepeat = this.retry.isRetryable ?? isRetryable;
    return withRetry(
      async (attempt) => {
        context.onAttempt?.(attempt);
        const { priority, signal } = context;
        return observeAttempt(this.observer, request, attempt, async () =>
          read(await this.send(priority ? { ...request, priority } : request, signal), request),
        );
      },
      {
        ...this.retry,
        isRetryable: (error, attempt) => mayRepeat(error, attempt) && !context.isFinal?.(error, attempt),
      },
      context.signal,
      (failed) => context.onFailedAttempt?.(failed),
    );
  }
}

type Parameters = Readonly<Record<string, string>>;
type Query = NonNullable<HttpRequest['query']>;

function get(template: string, parameters: Parameters, query: Query = {}): HttpRequest {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(parameters[name] ?? ''),
  );
  return { method: 'GET', template, path, query };
}

function toPage(answer: HttpAnswer, request: HttpRequest): ListPage {
  const value = parseBody(answer, request);
  const parsed = pageSchema.safeParse(value);
  if (!parsed.success) throw invalidBody(request, firstProblem(parsed.error), answer);
  const { data, hasMore, totalResultSize } = parsed.data;
  return {
    text: answer.text,
    data,
    hasMore: hasMore ?? undefined,
    total: totalResultSize ?? undefined,
    serverTime: answer.serverTime,
    source: `${request.method} ${request.path}`,
    mayChange: mayChangeInJsonb(answer.text, value),
  };
}

function toPageOfOne(answer: HttpAnswer, request: HttpRequest): ListPage {
  const value = parseBody(answer, request);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidBody(request, 'record: must be an object', answer);
  }
  const text = `{"data":[${answer.text}]}`;
  return {
    text,
    data: [value],
    hasMore: false,
    total: 1,
    serverTime: answer.serverTime,
    source: `${request.method} ${request.path}`,
    mayChange: mayChangeInJsonb(answer.text, value),
  };
}

function toPageOfExport(answer: HttpAnswer, request: HttpRequest): ListPage {
  try {
    const sessions = parseSessionExport(answer.text);
    const text = `{"data":[${sessions.map((session) => session.text).join(',')}]}`;
    return {
      text,
      data: sessions,
      hasMore: false,
      total: sessions.length,
      serverTime: answer.serverTime,
      source: `${request.method} ${request.path}`,
      mayChange: mayChangeInJsonb(text, JSON.parse(text)),
    };
  } catch (error) {
    throw invalidBody(request, messageOf(error), answer);
  }
}

function parseAs<T>(schema: z.ZodType<T>, answer: HttpAnswer): T {
  const request = get('/v1/applications/{applicationId}', {});
  const parsed = schema.safeParse(parseBody(answer, request));
  if (!parsed.success) throw invalidBody(request, firstProblem(parsed.error), answer);
  return parsed.data;
}

function parseBody(answer: HttpAnswer, request: HttpRequest): unknown {
  try {
    return parseJson(answer.text);
  } catch (error) {
    throw invalidBody(request, answer.text === '' ? 'it is empty' : messageOf(error), answer);
  }
}

function invalidBody(request: HttpRequest, problem: string, answer: HttpAnswer): ApiError {
  const endpoint = `${request.method} ${request.template}`;
  return new ApiError(
    `${endpoint} was answered with 200, but not with what was asked for: ${problem}${answer.preview ?? ''}`,
    {
      failure: 'body',
      endpoint,
      status: 200,
    },
  );
}
