import { answerText, questionsOf, withAnswers } from '../demo/questions.js';
import type { Query } from './warehouse.js';

/** The page with the answers that the database gives. */
export async function answeredPage(page: string, query: Query): Promise<string> {
  const answers: string[] = [];
  for (const { sql } of questionsOf(page)) answers.push(answerText(await query(sql)));
  return withAnswers(page, answers);
}
