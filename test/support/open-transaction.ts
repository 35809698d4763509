import type { TestContext } from 'vitest';
import type { TestDatabase } from './postgres.js';
import { waitFor } from './wait.js';

// A transaction of somebody else, in whose way the daemon gets.

export interface OpenTransaction {
  /** Rolls it back: whoever waited goes on. Harmless when repeated. */
  release(): Promise<void>;
}

/** Runs the statement and keeps its locks until released, at the latest until the test is over. */
export async function openTransaction(
  context: TestContext,
  database: TestDatabase,
  statement: string,
): Promise<OpenTransaction> {
  const client = await database.pool.connect();
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= client.query('rollback').then(() => client.release());
    return released;
  };
  context.onTestFinished(release);
  await client.query('begin');
  await client.query(statement);
  return { release };
}

/** Waits until a daemon waits for a lock, in a statement that contains the text. */
export async function waitUntilBlocked(database: TestDatabase, text: string): Promise<void> {
  await waitFor(`a statement with "${text}" that waits for a lock`, async () => {
    const rows = await database.query(
      `select from pg_stat_activity where datname = $1 and application_name = 'talon-one-sync'
         and wait_event_type = 'Lock' and strpos(query, $2) > 0`,
      [database.name, text],
    );
    return rows.length > 0;
  });
}
