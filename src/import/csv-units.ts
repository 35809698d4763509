import type { Cells, Column, CsvImport } from './csv-imports.js';
import { csvLine } from './csv-line.js';
import { type ColumnChoice, hasAllCells, readHeader } from './header.js';
import type { Problems } from './problems.js';
import { SeenIds } from './seen-ids.js';
import type { Assembler, SourceRow, Unit } from './unit.js';

interface Place {
  readonly column: Column;
  readonly index: number;
  readonly seen: SeenIds | undefined;
}

/** Rows of a CSV upload: checked cell by cell, and written anew in the API's spelling and order of columns. */
export class CsvUnits implements Assembler {
  private places: readonly Place[] = [];
  private width = 0;
  private rows = 0;
  private isHeaderGood = true;

  constructor(
    private readonly what: CsvImport,
    private readonly choice: ColumnChoice,
    private readonly problems: Problems,
  ) {}

  begin(header: SourceRow): boolean {
    const before = this.problems.count;
    const names = readHeader(header, this.choice, this.problems);
    if (names.length === 0) return false;
    this.width = names.length;
    const lower = names.map((name) => name?.toLowerCase());
    this.places = this.what.columns.flatMap((column) => {
      const index = lower.indexOf(column.name.toLowerCase());
      return index < 0 ? [] : [{ column, index, seen: column.unique ? new SeenIds() : undefined }];
    });
    this.findMissing(header.firstLine);
    this.findUnknown(header.firstLine, names);
    this.isHeaderGood = this.problems.count === before;
    return true;
  }

  /** First line of each upload. */
  get header(): string {
    return csvLine(this.places.map(({ column }) => column.name));
  }

  take(row: SourceRow): Unit | undefined {
    this.rows += 1;
    const { maxRows } = this.what;
    if (maxRows !== undefined && this.rows === maxRows + 1)
      this.problems.add(row.firstLine, '', '', `the list is limited to ${maxRows} rows`);
    if (!hasAllCells(row, this.width, this.problems)) return undefined;
    const texts = this.places.map(({ index }) => (row.cells[index] ?? '').trim());
    this.check(row.firstLine, texts);
    return { firstLine: row.firstLine, lastLine: row.lastLine, id: '', text: csvLine(texts) };
  }

  end(): undefined {
    return undefined;
  }

  private findMissing(line: number): void {
    const found = new Set(this.places.map(({ column }) => column));
    for (const column of this.what.columns)
      if (column.required && !found.has(column))
        this.problems.add(line, column.name, '', 'this column is missing: name one with --map COLUMN=NAME');
  }

  private findUnknown(line: number, names: readonly (string | undefined)[]): void {
    const known = this.what.columns.map((column) => column.name).join(', ');
    const found = new Set(this.places.map(({ column }) => column.name.toLowerCase()));
    names.forEach((name) => {
      if (name === undefined || name === '' || found.has(name.toLowerCase())) return;
      this.problems.add(
        line,
        name,
        '',
        `no such column in this import (it knows ${known}): --map or --ignore it`,
      );
    });
  }

  private check(line: number, texts: readonly string[]): void {
    this.places.forEach(({ column, seen }, place) => {
      const text = texts[place] ?? '';
      const reason = text === '' ? missing(column) : (column.check?.(text) ?? repeated(seen, text));
      if (reason !== undefined) this.problems.add(line, column.name, text, reason);
    });
    const cells: Cells = (name) => texts[this.places.findIndex(({ column }) => column.name === name)] ?? '';
    for (const { column, reason } of this.what.rule?.(cells) ?? []) {
      // Of a column that is missing or called otherwise the header has told already.
      if (this.isHeaderGood || this.places.some((place) => place.column.name === column))
        this.problems.add(line, column, cells(column), reason);
    }
  }
}

function missing(column: Column): string | undefined {
  return column.required ? 'must not be empty' : undefined;
}

function repeated(seen: SeenIds | undefined, text: string): string | undefined {
  return seen === undefined || seen.add(text) ? undefined : 'is there twice';
}
