import type { Problems } from './problems.js';
import type { SourceRow } from './unit.js';

/** What the command line says of columns. */
export interface ColumnChoice {
  /** Name in the file → name that the import knows. */
  readonly map: ReadonlyMap<string, string>;
  /** Columns of the file that are not wanted. */
  readonly ignore: ReadonlySet<string>;
}

/**
 * The names of the columns after `--map`, in the order of the file; `undefined` stands for an ignored one. Tells what is
 * wrong with the header itself: none, doubled or empty names, another delimiter, options that name no column.
 */
export function readHeader(
  header: SourceRow,
  choice: ColumnChoice,
  problems: Problems,
): (string | undefined)[] {
  const names = header.cells.map((cell) => cell.trim());
  const complain = (column: string, reason: string) => problems.add(header.firstLine, column, '', reason);
  if (names.length === 1 && /[;\t|]/.test(names[0] ?? '')) {
    const found = /[;\t|]/.exec(names[0] ?? '')?.[0] ?? '';
    const shown = found === '\t' ? 'tab' : found;
    complain('', `the columns are separated by "${shown}", not by commas: give --delimiter "${shown}"`);
    return [];
  }
  for (const name of [...choice.map.keys(), ...choice.ignore])
    if (!names.includes(name)) complain(name, 'is named by an option, but there is no such column');
  const known = names.map((name) => (choice.ignore.has(name) ? undefined : (choice.map.get(name) ?? name)));
  const seen = new Set<string>();
  known.forEach((name, index) => {
    if (name === undefined) return;
    if (name === '') complain('', `column ${index + 1} has no name`);
    else if (seen.has(name.toLowerCase())) complain(name, 'is there twice');
    seen.add(name.toLowerCase());
  });
  return known;
}

/** Says so when a row has more or fewer cells than the header. */
export function hasAllCells(row: SourceRow, columns: number, problems: Problems): boolean {
  if (row.cells.length === columns) return true;
  problems.add(
    row.firstLine,
    '',
    '',
    `the row has ${row.cells.length} cells, the header ${columns}: is a comma or a line break not quoted?`,
  );
  return false;
}
