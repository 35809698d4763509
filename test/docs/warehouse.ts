import pg from 'pg';
import { onceCommand } from '../../src/commands/once.js';
import { loadConfig } from '../../src/config.js';
import { createLogger } from '../../src/logger.js';
import { openAccount } from '../demo/account.js';
import type { Rows } from '../demo/questions.js';
import type { Books } from '../demo/shop.js';

export type Query = (text: string) => Promise<Rows>;

/** Random events beside the shop: an answer that takes them in changes from day to day. */
const TRAFFIC_EVENTS = 300;

/**
 * Copies the account of the demonstration into the database, as the command `once` does. Returns the shop's own account of
 * its month.
 */
export async function copyAccount(databaseUrl: string): Promise<Books> {
  const switches = { requestsPerSecond: 0 };
  const { simulator, books } = await openAccount({ events: TRAFFIC_EVENTS, switches });
  try {
    const config = loadConfig({
      TALON_ONE_BASE_URL: simulator.url,
      TALON_ONE_API_KEY: simulator.apiKey,
      DATABASE_URL: databaseUrl,
      REQUESTS_PER_SECOND: '0',
    });
    const log = createLogger({ level: 'silent', pretty: false, secrets: [] });
    await onceCommand(config, log, new AbortController().signal);
    // As autovacuum does within a minute: without it every view over so few rows is planned without an index.
    await withQuery(databaseUrl, (query) => query('analyze'));
    return books;
  } finally {
    await simulator.stop();
  }
}

/** A connection that reads, with its answers as texts. */
export async function withQuery<T>(
  databaseUrl: string,
  work: (query: Query) => Promise<T>,
  timeZone = 'UTC',
): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'test-support' });
  await client.connect();
  try {
    await client.query(`select set_config('timezone', $1, false), set_config('datestyle', 'iso', false)`, [
      timeZone,
    ]);
    const types = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;
    return await work(async (text) => {
      const { rows } = await client.query<Record<string, string | null>>({ text, types });
      return rows;
    });
  } finally {
    await client.end();
  }
}
