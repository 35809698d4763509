import pg from 'pg';
import { onceCommand } from '../../src/commands/once.js';
import { loadConfig } from '../../src/config.js';
import { createLogger } from '../../src/logger.js';
import { startSimulator } from '../simulator/simulator.js';
import { type Books, HISTORY, openShop } from './shop.js';

/** Rows of text, as Postgres writes them. */
export type Rows = readonly Readonly<Record<string, string | null>>[];
export type Query = (text: string) => Promise<Rows>;

/** Copies the month of the shop into the database, as the command `once` does. Returns the shop's own account of it. */
export async function copyShop(databaseUrl: string): Promise<Books> {
  const simulator = await startSimulator({
    applications: [{ name: 'Example shop', history: HISTORY }],
    loyaltyPrograms: [{ id: 1, name: 'club', title: 'Club', history: false, timezone: 'UTC' }],
    switches: { requestsPerSecond: 0 },
  });
  try {
    const books = openShop(simulator);
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

/** A connection that reads, in UTC and with its answers as texts. */
export async function withQuery<T>(databaseUrl: string, work: (query: Query) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'test-support' });
  await client.connect();
  try {
    await client.query(`set time zone 'UTC'; set datestyle to iso`);
    const types = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;
    return await work(async (text) => {
      const { rows } = await client.query<Record<string, string | null>>({ text, types });
      return rows;
    });
  } finally {
    await client.end();
  }
}
