import { type Instant, laterOf, parseInstant } from '../instant.js';
import type { CsvExports, CsvRow } from './csv-exports.js';
import type { RequestContext } from './management.js';

// The exports of coupons and referrals (docs/api-facts.md, CSV exports), some rows at a time as they arrive: one
// request may bring millions. A row becomes JSON with every value as the text it is.

export interface CodeExport {
  /** Ends in `export_coupons` or `export_referrals`. */
  readonly template: string;
  readonly applicationId: string;
  readonly createdAfter: string;
  readonly createdBefore: string | undefined;
  /** Tells errors that are to be answered by asking for less, instead of again. */
  readonly isFinal?: (error: unknown) => boolean;
}

export interface CodePage {
  /** `{"data": [...]}`, an object for each row. */
  readonly text: string;
  readonly rows: number;
  /** Why a row is not usable, by its position. */
  readonly problems: ReadonlyMap<number, string>;
  readonly source: string;
  readonly mayChange: boolean;
  /** Latest `created` among the rows. */
  readonly newest: Instant | undefined;
}

/**
 * The rows of one export.
 * @throws ApiError when the answer is no such file, or broke off; pages before stay what they are
 */
export async function* exportedCodes(
  exports: CsvExports,
  { template, applicationId, createdAfter, createdBefore, isFinal }: CodeExport,
  context: RequestContext,
): AsyncGenerator<CodePage, void> {
  const query = { createdAfter, createdBefore, dateFormat: 'ISO8601' };
  const request = { template, parameters: { applicationId }, query, required: ['id'] };
  for await (const rows of exports.pages({ ...request, ...(isFinal && { isFinal }) }, context)) {
    yield toPage(rows, `GET ${template.replace('{applicationId}', applicationId)}`);
  }
}

function toPage(rows: readonly CsvRow[], source: string): CodePage {
  const problems = new Map<number, string>();
  let newest: Instant | undefined;
  for (const [index, row] of rows.entries()) {
    if (!/^\d{1,18}$/.test(row.id ?? '')) problems.set(index, 'id: must be a whole number');
    // Both documented forms: RFC 3339, and `2021-09-10 09:21:06` (UTC).
    const created = parseInstant((row.created ?? '').trim());
    if (created !== undefined) newest = laterOf(newest ?? created, created);
  }
  return {
    text: JSON.stringify({ data: rows }),
    rows: rows.length,
    problems,
    source,
    mayChange: false,
    newest,
  };
}
