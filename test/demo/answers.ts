import type { Check } from './proof.js';
import { answerText, documentedQuestions, type Question } from './questions.js';
import type { WarehouseView } from './warehouse-view.js';

/** A question of docs/queries.md, asked of the copy. */
export interface Answered extends Question {
  readonly given: string;
}

/** What an analyst may ask first: campaigns, and points. */
const SHOWN: readonly number[] = [1, 9];

export async function askAll(warehouse: WarehouseView): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (const question of documentedQuestions())
    answered.push({ ...question, given: answerText(await warehouse.query(question.sql)) });
  return answered;
}

/** The check that the copy answers as the page says. */
export function answersCheck(answered: readonly Answered[]): Check {
  const wrong = answered.filter(({ answer, given }) => answer !== given);
  const which = wrong.length === 0 ? '' : ` (not ${wrong.map(({ number }) => number).join(', ')})`;
  return {
    subject: 'answers',
    passed: answered.length > 0 && wrong.length === 0,
    text: `${answered.length} questions of docs/queries.md asked, ${answered.length - wrong.length} answered as that page does${which}`,
  };
}

/** Some of the questions, each with its SQL and the answer that was given. */
export function answerLines(answered: readonly Answered[]): string[] {
  return answered
    .filter(({ number }) => SHOWN.includes(number))
    .flatMap(({ number, title, sql, given }) => [
      `  ${number}. ${title}`,
      '',
      ...indented(sql),
      '',
      ...indented(given),
      '',
    ]);
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `    ${line}`);
}
