import { UserError } from '../errors.js';
import { ApiError, isTooMuch } from '../talon-one/api-error.js';
import type { HttpRequest } from '../talon-one/http.js';
import { withRetry } from '../talon-one/retry.js';
import { type CsvPart, csvParts, type FinalLineEnd, IncompleteCsvError } from './csv-rows.js';
import type { ExportContext } from './export-entry.js';
import type { Mark } from './output.js';
import { CutShortError } from './windows.js';

export interface BodyReading {
  readonly request: HttpRequest;
  readonly proof: readonly string[];
  readonly ending: FinalLineEnd;
  readonly context: Pick<ExportContext, 'open' | 'output' | 'retry' | 'log' | 'signal'>;
  /** A range that takes too long will be halved instead of tried again. */
  readonly canBeHalved: boolean;
}

/**
 * Reads one CSV answer from its beginning to its end. It is repeated while that can help; what a failed attempt has
 * written is taken back first.
 * @throws CutShortError when it broke off in the middle every time; UserError when nothing can be taken back
 */
export async function readBody(
  { request, proof, ending, context, canBeHalved }: BodyReading,
  use: (parts: AsyncIterable<CsvPart>) => Promise<void>,
): Promise<void> {
  const { open, output, retry, log, signal } = context;
  const mark = output.mark();
  let tooMuch: unknown;
  const attempt = async (): Promise<void> => {
    let hasBegun = false;
    try {
      const pieces = await open(request, signal);
      hasBegun = true;
      await use(csvParts(pieces, { endpoint: `GET ${request.template}`, proof, ending }));
    } catch (error) {
      await takeBack(mark, error, context);
      // Not thrown, or it would be tried again: this is answered by asking for less.
      if (canBeHalved && isTooMuch(error)) tooMuch = error;
      else throw isCut(error, hasBegun) ? new CutShortError(error.message, error) : error;
    }
  };
  await withRetry(attempt, retry, signal, ({ error, attempt: number }) =>
    log.info({ err: error, attempt: number }, 'request failed, trying again'),
  );
  if (tooMuch !== undefined) throw tooMuch;
}

// A gateway that loses patience may also reset the connection without a word.
function isCut(error: unknown, hasBegun: boolean): error is ApiError {
  if (error instanceof IncompleteCsvError) return true;
  if (!(error instanceof ApiError) || error.failure !== 'network') return false;
  return hasBegun || error.code === 'ECONNRESET';
}

async function takeBack(mark: Mark, error: unknown, { output }: BodyReading['context']): Promise<void> {
  if ((await output.rewind(mark)) || !(error instanceof ApiError)) return;
  throw new UserError(
    `${error.message}. What went to standard output cannot be taken back: write to a file with --output, where a repetition mends this.`,
  );
}
