import pg from 'pg';
import { DemoError } from './demo-error.js';
import { answerText, documentedQuestions, type Question, type Rows } from './questions.js';

/**
 * Asks a question of docs/queries.md by its number, an SQL statement, or, when nothing is said, all ten. Returns the lines
 * to print. The connection cannot write.
 * @throws DemoError when there is no such question, or Postgres refuses the statement
 */
export async function ask(url: string, what?: string): Promise<string[]> {
  const isNumber = what === undefined || /^\d+$/.test(what);
  const questions = isNumber ? wanted(what) : [];
  const client = new pg.Client({
    connectionString: url,
    application_name: 'demo',
    options: '-c default_transaction_read_only=on',
  });
  try {
    await client.connect();
    if (!isNumber) return [answerText(await rowsOf(client, what))];
    const lines: string[] = [];
    for (const { number, title, sql } of questions)
      lines.push(`${number}. ${title}`, '', sql, '', answerText(await rowsOf(client, sql)), '');
    return lines;
  } catch (error) {
    throw new DemoError(error instanceof Error ? error.message : String(error));
  } finally {
    await client.end();
  }
}

function wanted(number: string | undefined): Question[] {
  const all = documentedQuestions();
  const chosen = all.filter((question) => number === undefined || question.number === Number(number));
  if (chosen.length === 0) throw new DemoError(`docs/queries.md has the questions 1 to ${all.length}.`);
  return chosen;
}

async function rowsOf(client: pg.Client, text: string): Promise<Rows> {
  const types = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;
  // Extended: one statement, and no second one behind it that would switch writing on.
  const query = { text, types, queryMode: 'extended' };
  const { rows } = await client.query<Record<string, string | null>>(query);
  return rows;
}
