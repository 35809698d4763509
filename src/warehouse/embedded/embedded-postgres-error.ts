import { messageOf, UserError } from '../../errors.js';

/** Why the embedded Postgres cannot be used, in one line that names the way out. */
export class EmbeddedPostgresError extends UserError {
  override name = 'EmbeddedPostgresError';
}

/** Whatever went wrong in `dataDir` as one clear error. */
export function asEmbeddedPostgresError(error: unknown, dataDir: string): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const message = `The embedded Postgres in ${dataDir} cannot be used: ${inOneLine(messageOf(error))}`;
  return new EmbeddedPostgresError(`${message} (or set DATABASE_URL to use another Postgres)`, {
    cause: error,
  });
}

/** What a program printed, fit for the middle of a sentence: only what tells of errors, if anything does. */
export function inOneLine(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) => /\b(FATAL|PANIC|ERROR|DETAIL|HINT)\b/i.test(line));
  return (telling.length > 0 ? telling : lines).join('; ');
}
