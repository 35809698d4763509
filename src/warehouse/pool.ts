import pg from 'pg';

export type Client = pg.ClientBase;

export interface PoolOptions {
  readonly url: string;
  readonly size: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Told of connections that break while nobody uses them. */
  readonly onError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

// bigint, numeric, timestamptz and jsonb stay the text that Postgres sends: a JavaScript number or Date would lose digits.
const TEXT_TYPES = new Set([20, 1700, 1114, 1184, 114, 3802]);
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    TEXT_TYPES.has(oid)
      ? (value: string) => value
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * A pool of connections without any session state, so that it works through PgBouncer in transaction mode: timeouts
 * and search_path are set inside each transaction, and no statement is named.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.size,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
  });
  pool.on('error', options.onError);
  // pg removes its own listener while a client is checked out. A connection that breaks then also fails the query at
  // hand, so there is nothing to do here, only to be heard: an unheard error event would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
