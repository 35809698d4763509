import { textTable } from '../demo/text-table.js';
import type { Report } from './benchmark.js';

/** For a terminal. */
export function renderText({ title, columns, rows, notes }: Report): string[] {
  const aligned = columns.map((header, index) => ({
    header,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }));
  return [title, '', ...textTable(aligned, rows), '', ...notes.map((note) => `  ${note}`), ''];
}

/** For docs/performance.md. */
export function renderMarkdown({ title, columns, rows, notes }: Report): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [`### ${title}`, '', line(columns), line(rule), ...rows.map(line), '', ...notes, ''];
}
