import { z } from 'zod';
import { UserError } from '../errors.js';
import type { Instant } from '../instant.js';
import { parseJson } from '../json/parse.js';
import { ApiError } from './api-error.js';
import type { HttpAnswer, HttpRequest, SendRequest } from './http.js';
import { importedTransactions, type LedgerTransaction } from './imported-transactions.js';
import { ManagementClient, type RequestContext } from './management.js';
import type { CsvUpload } from './multipart.js';
import { type RetryOptions, withRetry } from './retry.js';
import { firstProblem } from './schemas.js';
import { isRepeatableKeyedWrite, isRepeatableWrite } from './write-safety.js';

/** Path of an endpoint with its placeholders, and what to put in their place. */
export interface Endpoint {
  readonly template: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const importSchema = z.object({ id: z.number(), amount: z.number() });
/**
 * What the API says of an upload (docs/api-facts.md, Imports): the ID of the import, and how many values it has taken.
 */
export type ImportAnswer = z.infer<typeof importSchema>;

const attributePageSchema = z.object({
  totalResultSize: z.number().nullish(),
  data: z.array(z.object({ entity: z.string(), name: z.string(), type: z.string() })),
});
/** A custom attribute as far as an import needs it (docs/api-facts.md, Other entities; types in `NewAttribute`). */
export type AttributeDefinition = z.infer<typeof attributePageSchema>['data'][number];

const PAGE_SIZE = 1000;
const UPLOADED = [200, 201];
const UPDATED = [200, 204];
const KNOWN_OR_NOT = [200, 404];

export interface ImportClientOptions {
  /** With the Management API key. */
  readonly management: SendRequest;
  /** With the Integration API key; only profiles and sessions need it. */
  readonly integration: SendRequest | undefined;
  readonly retry: RetryOptions;
}

/**
 * The writes of both APIs that imports use (docs/api-facts.md, Imports), and the reads that they need. Nothing is
 * written twice: an upload is repeated only when it certainly changed nothing, the others carry an `Idempotency-Key`.
 */
export class ImportClient {
  constructor(private readonly options: ImportClientOptions) {}

  /**
   * Uploads a CSV file.
   * @throws ApiError; `writeFailure` tells what is known of the upload then
   */
  async upload(
    endpoint: Endpoint,
    query: Readonly<Record<string, string>>,
    file: CsvUpload,
    context: RequestContext,
  ): Promise<ImportAnswer> {
    const request: HttpRequest = { ...at('POST', endpoint), query, upload: file, success: UPLOADED };
    const read = (answer: HttpAnswer) => parseAs(importSchema, answer, request);
    return this.run(this.options.management, request, read, context, isRepeatableWrite);
  }

  /**
   * Creates or updates up to 1000 profiles (docs/api-facts.md, Imports).
   * @param body JSON text `{"customerProfiles": [...]}`
   */
  async putProfiles(body: string, idempotencyKey: string, context: RequestContext): Promise<void> {
    const endpoint = { template: '/v2/customer_profiles', parameters: {} };
    await this.put({ ...at('PUT', endpoint), query: { silent: 'yes' }, body, idempotencyKey }, context);
  }

  /**
   * Creates or updates one session (docs/api-facts.md, Imports).
   * @param body JSON text `{"customerSession": {...}}`
   */
  async putSession(
    customerSessionId: string,
    body: string,
    idempotencyKey: string,
    context: RequestContext,
  ): Promise<void> {
    const template = '/v2/customer_sessions/{customerSessionId}';
    const request = at('PUT', { template, parameters: { customerSessionId } });
    await this.put({ ...request, body, idempotencyKey }, context);
  }

  /**
   * Asks for a customer that need not exist: reads, changes nothing, and shows whether the API takes the key. Whether the
   * key may write is not said by that: one for testing allows dry requests only.
   * @throws ApiError also when the key is refused
   */
  async tryIntegrationKey(context: RequestContext): Promise<void> {
    const template = '/v1/customer_profiles/{integrationId}/inventory';
    const parameters = { integrationId: 'talon-one-sync-check' };
    const request = { ...at('GET', { template, parameters }), success: KNOWN_OR_NOT };
    await this.run(this.integration(), request, () => {}, context);
  }

  /** Attributes of an entity such as `CustomerProfile`. */
  async attributes(entity: string, context: RequestContext): Promise<AttributeDefinition[]> {
    const found: AttributeDefinition[] = [];
    for (;;) {
      const query = { entity, pageSize: PAGE_SIZE, skip: found.length };
      const request: HttpRequest = { ...at('GET', { template: '/v1/attributes', parameters: {} }), query };
      const page = await this.read(request, attributePageSchema, context);
      found.push(...page.data);
      if (page.data.length === 0 || found.length >= (page.totalResultSize ?? found.length)) break;
    }
    return found.filter((attribute) => attribute.entity === entity);
  }

  /** `importedTransactions` with the same key. */
  importedTransactions(
    loyaltyProgramId: string,
    since: Instant,
    context: RequestContext,
  ): AsyncGenerator<readonly LedgerTransaction[]> {
    const client = new ManagementClient(this.options.management, this.options.retry);
    return importedTransactions(client, loyaltyProgramId, since, context);
  }

  private async put(request: HttpRequest, context: RequestContext): Promise<void> {
    const keyed = { ...request, success: UPDATED };
    return this.run(this.integration(), keyed, () => {}, context, isRepeatableKeyedWrite);
  }

  private integration(): SendRequest {
    const { integration } = this.options;
    if (integration === undefined) throw new UserError('TALON_ONE_INTEGRATION_API_KEY is not set.');
    return integration;
  }

  private read<T>(request: HttpRequest, schema: z.ZodType<T>, context: RequestContext): Promise<T> {
    const read = (answer: HttpAnswer) => parseAs(schema, answer, request);
    return this.run(this.options.management, request, read, context);
  }

  private run<T>(
    send: SendRequest,
    request: HttpRequest,
    read: (answer: HttpAnswer) => T,
    context: RequestContext,
    isRetryable?: (error: unknown) => boolean,
  ): Promise<T> {
    const retry = isRetryable === undefined ? this.options.retry : { ...this.options.retry, isRetryable };
    return withRetry(
      async (attempt) => {
        context.onAttempt?.(attempt);
        return read(await send(request, context.signal));
      },
      retry,
      context.signal,
      (failed) => context.onFailedAttempt?.(failed),
    );
  }
}

function at(method: HttpRequest['method'], { template, parameters }: Endpoint): HttpRequest {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(parameters[name] ?? ''),
  );
  return { method, template, path };
}

function parseAs<T>(schema: z.ZodType<T>, answer: HttpAnswer, request: HttpRequest): T {
  const endpoint = `${request.method} ${request.template}`;
  const problem = (text: string) =>
    new ApiError(
      `${endpoint} was answered with ${answer.status}, but not with what was asked for: ${text}${answer.preview ?? ''}`,
      { failure: 'body', endpoint, status: answer.status },
    );
  let value: unknown;
  try {
    value = parseJson(answer.text);
  } catch {
    throw problem(answer.text === '' ? 'it is empty' : 'it is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw problem(firstProblem(parsed.error));
  return parsed.data;
}
