import { parse } from 'csv-parse/sync';

// The CSV export of customer sessions (docs/api-facts.md, CSV exports) as the JSON that the other reads would send, so
// that one writer serves all lanes. Digits and embedded JSON are taken over as text. Columns are found by their header
// name; unknown ones keep it.

const FIELD_NAMES: Readonly<Record<string, string>> = {
  firstsession: 'firstSession',
  integrationid: 'integrationId',
  applicationid: 'applicationId',
  profileid: 'profileId',
  cartitems: 'cartItems',
  closedat: 'closedAt',
  cancelledat: 'cancelledAt',
  additional_costs: 'additionalCosts',
  store_integration_id: 'storeIntegrationId',
};
const NUMBERS = new Set(['id', 'applicationid', 'profileid', 'total']);
const JSON_TEXTS = new Set([
  'cartitems',
  'discounts',
  'attributes',
  'identifiers',
  'additional_costs',
  'coupons',
]);
const TIMES = new Set(['created', 'closedat', 'cancelledat', 'updated']);

/** One session of the export. */
export interface ExportedSession {
  readonly id: string;
  /** JSON object. */
  readonly text: string;
}

/**
 * Reads the whole export.
 * @throws Error when the text is no CSV with an `id` column, or is cut inside a row
 */
export function parseSessionExport(csv: string): ExportedSession[] {
  const rows: string[][] = parse(csv, { bom: true, relax_column_count_more: true, skip_empty_lines: true });
  const header = rows[0]?.map((name) => name.trim().toLowerCase());
  const idColumn = header?.indexOf('id') ?? -1;
  if (!header || idColumn < 0) throw new Error('the export has no column "id"');
  return rows.slice(1).map((row) => ({ id: row[idColumn] ?? '', text: toJson(header, row) }));
}

function toJson(header: readonly string[], row: readonly string[]): string {
  const fields = header.map((column, index) => {
    const name = FIELD_NAMES[column] ?? column;
    return `${JSON.stringify(name)}:${valueText(column, row[index] ?? '')}`;
  });
  return `{${fields.join(',')}}`;
}

function valueText(column: string, text: string): string {
  if (NUMBERS.has(column)) return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? text : orNull(text);
  if (column === 'firstsession' && /^(true|false)$/.test(text)) return text;
  if (JSON_TEXTS.has(column)) return isJson(text) ? text : orNull(text);
  // The zero time of Go stands for "not set".
  if (TIMES.has(column) && text.startsWith('0001-01-01')) return 'null';
  return JSON.stringify(text);
}

function orNull(text: string): string {
  return text === '' ? 'null' : JSON.stringify(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
