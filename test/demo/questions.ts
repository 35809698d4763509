import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';
import { textTable } from './text-table.js';

// docs/queries.md: headings with a number, each with an SQL block and, after it, a text block with the answer.

const QUESTION = /^## (\d+)\. (.+)\n\n```sql\n([\s\S]*?)\n```\n\n```text\n([\s\S]*?)\n```/gm;

/** Rows of text, as Postgres writes them. */
export type Rows = readonly Readonly<Record<string, string | null>>[];

export interface Question {
  readonly number: number;
  readonly title: string;
  readonly sql: string;
  /** As the page has it. */
  readonly answer: string;
}

/** The business questions of docs/queries.md. */
export function documentedQuestions(): Question[] {
  return questionsOf(readFileSync(join(packageRoot(), 'docs/queries.md'), 'utf8'));
}

export function questionsOf(page: string): Question[] {
  return [...page.matchAll(QUESTION)].map(([, number, title = '', sql = '', answer = '']) => ({
    number: Number(number),
    title,
    sql,
    answer,
  }));
}

/** The page with other answers, in the order of its questions. */
export function withAnswers(page: string, answers: readonly string[]): string {
  const left = [...answers];
  return page.replaceAll(QUESTION, (_, number: string, title: string, sql: string) =>
    [`## ${number}. ${title}`, '', '```sql', sql, '```', '', '```text', left.shift() ?? '', '```'].join('\n'),
  );
}

/** Rows as the page shows them: names of the columns, a rule, and numbers to the right. */
export function answerText(rows: Rows): string {
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map((header) => {
    const isNumber = rows.every((row) => /^-?[\d.]+$/.test(row[header] ?? '0'));
    return { header, align: isNumber ? ('right' as const) : ('left' as const) };
  });
  const cells = rows.map((row) => names.map((name) => row[name] ?? ''));
  return textTable(columns, cells, '').join('\n');
}
