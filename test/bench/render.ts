import { numberColumns, textTable } from '../demo/text-table.js';
import type { Report } from './benchmark.js';

/** For a terminal. */
export function renderText({ title, columns, rows, notes }: Report): string[] {
  return [title, '', ...textTable(numberColumns(columns), rows), '', ...notes.map((note) => `  ${note}`), ''];
}

/** For docs/performance.md. */
export function renderMarkdown({ title, columns, rows, notes }: Report): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [`### ${title}`, '', line(columns), line(rule), ...rows.map(line), '', ...notes, ''];
}
