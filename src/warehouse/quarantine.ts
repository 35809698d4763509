import type { Client } from './pool.js';

export type RecordKind =
  | 'event'
  | 'profile'
  | 'session'
  | 'loyalty-program'
  | 'loyalty-transaction'
  | 'loyalty-export';

/** Stands for the Application of records that belong to none. */
export const NO_APPLICATION = '0';

export interface BadRecord {
  readonly kind: RecordKind;
  readonly applicationId: string;
  readonly reason: string;
  /** JSON text as it was sent. */
  readonly raw: string;
  /** Request that returned it. */
  readonly source: string;
}

/** Puts a record aside with its reason; met again (every look-back), it is only marked as seen. */
export async function quarantine(client: Client, record: BadRecord): Promise<void> {
  await client.query(
    `insert into talon_one_quarantine (kind, application_id, reason, raw, source) values ($1, $2, $3, $4, $5)
     on conflict (kind, application_id, md5(raw)) do update set last_seen_at = clock_timestamp()`,
    [record.kind, record.applicationId, withoutNul(record.reason), withoutNul(record.raw), record.source],
  );
}

export interface OriginalText {
  readonly kind: RecordKind;
  readonly applicationId: string;
  /** The cleaned text that was stored; Postgres reads the ID from it, because a JavaScript number may be inexact. */
  readonly clean: string;
  /** What differs in the stored payload. */
  readonly reasons: readonly string[];
  readonly original: string;
}

/** Keeps the text of a payload that jsonb cannot hold as it came. */
export async function keepOriginal(client: Client, text: OriginalText): Promise<void> {
  await client.query(
    `insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original)
     values ($1, $2, ($3::jsonb -> 'id')::bigint, md5($5), $4, $5) on conflict do nothing`,
    [text.kind, text.applicationId, text.clean, text.reasons, withoutNul(text.original)],
  );
}

// A text column cannot hold U+0000 (SQLSTATE 22021).
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\\u0000');
}
