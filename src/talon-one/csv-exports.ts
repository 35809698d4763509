import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { messageOf } from '../errors.js';
import { type Observer, silentObserver } from '../observer.js';
import { ApiError } from './api-error.js';
import type { HttpRequest, OpenStream } from './http.js';
import { CutFileError, LastLine, type WatchedFile } from './last-line.js';
import type { RequestContext } from './management.js';
import { observeAttempt } from './observed.js';
import { type RetryOptions, withRetry } from './retry.js';

/** A row by the names of its columns, in lower case: the API's documents do not agree on theirs. */
export type CsvRow = Readonly<Record<string, string>>;

export interface CsvRequest {
  readonly template: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: NonNullable<HttpRequest['query']>;
  /** Columns without which it is not the export that was asked for, in lower case. */
  readonly required: readonly string[];
  /** Tells errors that no repetition mends for this request. */
  readonly isFinal?: (error: unknown) => boolean;
}

/** Rows that are handed on together. */
const PAGE = 1000;

/**
 * The CSV exports of the Management API (docs/api-facts.md, CSV exports), read as they arrive: any size, little memory.
 */
export class CsvExports {
  private readonly lastLine = new LastLine();

  constructor(
    private readonly open: OpenStream,
    private readonly retry: RetryOptions,
    private readonly observer: Observer = silentObserver,
  ) {}

  /**
   * The rows of an export, some at a time. The request is repeated while that can help until the file begins; one that
   * breaks off later is an error.
   * @throws ApiError also for a file that is no CSV, lacks a required column or ends inside a row
   */
  async *pages(csv: CsvRequest, context: RequestContext): AsyncGenerator<CsvRow[], void> {
    const request = toRequest(csv);
    const pieces = await this.begin(csv, request, context);
    try {
      yield* pagesOf(rowsOf(this.lastLine.watch(request.path, pieces), csv.required));
    } catch (error) {
      const isBroken =
        error instanceof CsvError || error instanceof NoSuchExportError || error instanceof CutFileError;
      throw isBroken ? brokenFile(request, error) : error;
    }
  }

  private async begin(
    { isFinal }: CsvRequest,
    request: HttpRequest,
    context: RequestContext,
  ): Promise<AsyncIterable<Buffer>> {
    const attempt = async (number: number) => {
      context.onAttempt?.(number);
      try {
        const open = () => this.open(request, context.signal);
        return { pieces: await observeAttempt(this.observer, request, number, open) };
      } catch (error) {
        if (isFinal?.(error)) return { error };
        throw error;
      }
    };
    const begun = await withRetry(attempt, this.retry, context.signal, (failed) =>
      context.onFailedAttempt?.(failed),
    );
    if ('error' in begun) throw begun.error;
    return begun.pieces;
  }
}

class NoSuchExportError extends Error {}

/**
 * The header is checked before any row is used. A row may be longer than the header (docs/api-facts.md, CSV exports),
 * never shorter.
 */
async function* rowsOf(file: WatchedFile, required: readonly string[]): AsyncGenerator<CsvRow, void> {
  let hasHeader = false;
  const parser = parse({
    bom: true,
    relax_column_count_more: true,
    skip_empty_lines: true,
    columns: (header: string[]) => {
      hasHeader = true;
      const names = header.map((name) => name.trim().toLowerCase());
      const missing = required.find((name) => !names.includes(name));
      if (missing !== undefined) throw new NoSuchExportError(`it has no column "${missing}"`);
      return names;
    },
  });
  // What breaks the source also ends the reading below, with the same error.
  pipeline(Readable.from(file.pieces), parser, () => {});
  for await (const row of parser as AsyncIterable<CsvRow>) yield row;
  if (!hasHeader) throw new NoSuchExportError('it is empty');
  file.check();
}

async function* pagesOf(rows: AsyncIterable<CsvRow>): AsyncGenerator<CsvRow[], void> {
  let page: CsvRow[] = [];
  for await (const row of rows) {
    page.push(row);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function toRequest({ template, parameters, query }: CsvRequest): HttpRequest {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(parameters[name] ?? ''),
  );
  return { method: 'GET', template, path, query, accept: 'application/csv' };
}

function brokenFile({ method, template }: HttpRequest, error: Error): ApiError {
  const endpoint = `${method} ${template}`;
  return new ApiError(
    `${endpoint} was answered with 200, but not with the whole CSV file: ${messageOf(error)}`,
    { failure: 'body', endpoint, status: 200 },
  );
}
