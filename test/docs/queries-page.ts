import { textTable } from '../demo/text-table.js';
import type { Query, Rows } from './warehouse.js';

const QUESTION = /```sql\n([\s\S]*?)\n```\n\n```text\n[\s\S]*?\n```/g;

/** The page with the answers that the database gives: each SQL block is followed by a text block with its rows. */
export async function answeredPage(page: string, query: Query): Promise<string> {
  const answers: string[] = [];
  for (const [, sql = ''] of page.matchAll(QUESTION)) answers.push(answerText(await query(sql)));
  return page.replaceAll(
    QUESTION,
    (_, sql: string) => `\`\`\`sql\n${sql}\n\`\`\`\n\n\`\`\`text\n${answers.shift()}\n\`\`\``,
  );
}

/** How many questions the page asks. */
export function questionCount(page: string): number {
  return [...page.matchAll(QUESTION)].length;
}

function answerText(rows: Rows): string {
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map((header) => {
    const isNumber = rows.every((row) => /^-?[\d.]+$/.test(row[header] ?? '0'));
    return { header, align: isNumber ? ('right' as const) : ('left' as const) };
  });
  const cells = rows.map((row) => names.map((name) => row[name] ?? ''));
  return textTable(columns, cells, '').join('\n');
}
