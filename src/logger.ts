import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { wallClockMs } from './clock.js';
import { pretty as prettyStream } from './pretty-log.js';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  readonly pretty: boolean;
  /** Texts that must never be written, whatever they are part of. */
  readonly secrets: readonly string[];
}

/**
 * One JSON object a line: constant `msg`, data in fields, errors under `err`. Every finished line passes a last gate
 * that blanks the secrets, so that none can slip through a header dump, a URL, a stack or a library's own message.
 */
export function createLogger(
  options: LogOptions,
  output: { write(line: string): unknown } = process.stdout,
): Logger {
  const sink = options.pretty ? prettyStream(output) : output;
  const scrub = scrubber(options.secrets);
  const destination: DestinationStream = { write: (line) => sink.write(scrub(line)) };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(wallClockMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    destination,
  );
}

/** A function that replaces every spelling of the secrets (plain, percent-encoded, in JSON, base64) by `***`. */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const spellings = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    escaped(secret),
    escaped(escaped(secret)),
    Buffer.from(secret).toString('base64'),
  ]);
  const longestFirst = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((rest, spelling) => rest.replaceAll(spelling, '***'), text);
}

/** As inside the quotes of a JSON string. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

// Our own errors carry what helps in plain fields; of foreign ones only type, message, code and stack are kept,
// because axios and pg attach whole requests, headers and rows to theirs.
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { type, message, stack } = stdSerializers.err(error);
  const code = (error as { code?: unknown }).code;
  const details = (error as { details?: unknown }).details;
  return {
    type,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(details !== null && typeof details === 'object' ? details : {}),
    stack,
  };
}
