// SQLSTATE codes by their English names (PostgreSQL documentation, appendix A).

const CONNECTION_STATES: Record<string, string> = {
  '57P01': 'admin_shutdown',
  '57P02': 'crash_shutdown',
  '57P03': 'cannot_connect_now',
  '53300': 'too_many_connections',
  '25P03': 'idle_in_transaction_session_timeout',
};

// What Node and pg say when the connection itself is gone; pg has no codes for its own.
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);
const CONNECTION_MESSAGE =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|connection ended/i;

/** SQLSTATE of a Postgres error, or the system error code of a connection error. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The server cannot be reached, or hung up: waiting may help. */
export function isConnectionFailure(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  if (code.startsWith('08') || code in CONNECTION_STATES || CONNECTION_CODES.has(code)) return true;
  return error instanceof Error && CONNECTION_MESSAGE.test(error.message);
}

/**
 * Postgres refuses the content of a record: data exceptions (class 22), program limits such as nesting or size
 * (class 54), or a mandatory column without a value (23502).
 */
export function isDataRefused(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return /^(22|54)[0-9A-Z]{3}$/.test(code) || code === '23502' || code === '23514';
}

/** unique_violation: a row with this key is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/** Worth the same transaction again at once: deadlock_detected, serialization_failure. */
export function isTransient(error: unknown): boolean {
  return ['40P01', '40001'].includes(codeOf(error) ?? '');
}

/** Not done in time: lock_not_available, query_canceled (statement_timeout). */
export function isTimeout(error: unknown): boolean {
  return ['55P03', '57014'].includes(codeOf(error) ?? '');
}

/** insufficient_privilege, or invalid_schema_name for a schema in search_path that we may not use. */
export function isPrivilegeMissing(error: unknown): boolean {
  return ['42501', '3F000'].includes(codeOf(error) ?? '');
}

/** read_only_sql_transaction: a replica, or a database set to read only. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === '25006';
}
