import { stringify } from 'csv-stringify/sync';
import { cellText, memberMap } from '../json/cell-text.js';
import type { Logger } from '../logger.js';
import type { Output } from './output.js';

export type RecordFormat = 'csv' | 'ndjson';

/**
 * Writes JSON objects, given as their text, as rows. NDJSON has each as it is, on one line. CSV has a column for each
 * documented member and for each further one of the first batch; numbers stay digit for digit, objects and arrays are
 * JSON in a cell, absent and null are empty. What shows up only after the header is out has no column, and is told.
 */
export class RecordWriter {
  private columns: readonly string[] | undefined;
  private readonly leftOut = new Set<string>();

  constructor(
    private readonly output: Output,
    private readonly format: RecordFormat,
    private readonly documented: readonly string[],
    private readonly log: Logger,
  ) {}

  async write(records: readonly string[]): Promise<void> {
    if (records.length === 0) return;
    const lines =
      this.format === 'ndjson'
        ? records.map((record) => `${oneLine(record)}\n`).join('')
        : await this.rows(records.map(memberMap));
    await this.output.write(Buffer.from(lines), records.length);
  }

  /** Nothing follows: without any row a CSV still has its header. */
  async end(): Promise<void> {
    if (this.format === 'csv' && this.columns === undefined) await this.header([]);
    if (this.leftOut.size > 0)
      this.log.warn({ members: [...this.leftOut] }, 'later records have members without a column');
  }

  private async rows(records: readonly ReadonlyMap<string, string>[]): Promise<string> {
    const columns = this.columns ?? (await this.header(records));
    const known = new Set(columns);
    for (const name of records.flatMap((record) => [...record.keys()]))
      if (!known.has(name)) this.leftOut.add(name);
    return stringify(records.map((record) => columns.map((name) => cellText(record.get(name)))));
  }

  private async header(records: readonly ReadonlyMap<string, string>[]): Promise<readonly string[]> {
    this.columns = [...new Set([...this.documented, ...records.flatMap((record) => [...record.keys()])])];
    await this.output.write(Buffer.from(stringify([this.columns])), 0);
    return this.columns;
  }
}

// Between the tokens of JSON a line end is only white space, and inside a string it cannot stand raw.
function oneLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ');
}
