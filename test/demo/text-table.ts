export interface TableColumn {
  readonly header: string;
  readonly align?: 'left' | 'right';
}

/** A column of names, and beside it columns of numbers. */
export function numberColumns(headers: readonly string[]): TableColumn[] {
  return headers.map((header, index) => ({ header, align: index === 0 ? 'left' : 'right' }));
}

/** Rows of text in aligned columns, each line indented; with a header line and a rule when a column has a header. */
export function textTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  indent = '  ',
): string[] {
  const widths = columns.map(({ header }, index) =>
    Math.max(header.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => {
    const padded = columns.map(({ align }, index) => {
      const cell = cells[index] ?? '';
      const width = widths[index] ?? 0;
      return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
    });
    return `${indent}${padded.join('  ')}`.trimEnd();
  };
  const hasHeader = columns.some(({ header }) => header !== '');
  const headers = columns.map(({ header }) => header);
  const rules = widths.map((width, index) => (headers[index] === '' ? '' : '-'.repeat(width)));
  return [...(hasHeader ? [line(headers), line(rules)] : []), ...rows.map(line)];
}
