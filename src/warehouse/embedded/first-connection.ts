import pg from 'pg';
import { monotonicMs, sleep } from '../../clock.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { findPostmaster } from './postmaster.js';
import { codeOf } from './whole-file.js';

// The first connection to a server shows that it is ready, that the password is right, and makes the database.

const database = 'talon_one';
const retryStepMs = 50;
const waitLimitMs = 300_000;
const passing: Record<string, string> = {
  ECONNREFUSED: 'not listening yet',
  ECONNRESET: 'stopping',
  '57P03': 'cannot_connect_now: starting up, or recovering',
  '53300': 'too_many_connections',
};

export interface ReadyServer {
  url: string;
  version: string;
}

/** Waits until the cluster's server takes connections; undefined when no server is running, or not any more. */
export async function connectFirst(
  pgdata: string,
  password: string,
  signal?: AbortSignal,
): Promise<ReadyServer | undefined> {
  const deadline = monotonicMs() + waitLimitMs;
  for (;;) {
    const postmaster = await findPostmaster(pgdata);
    if (!postmaster) return undefined;
    try {
      if (postmaster.port !== undefined && !postmaster.isStopping)
        return await open(postmaster.port, password);
    } catch (error) {
      if (!(String(codeOf(error)) in passing) || monotonicMs() > deadline) throw error;
    }
    if (monotonicMs() > deadline)
      throw new EmbeddedPostgresError(`Process ${postmaster.pid} does not stop: end it`);
    await sleep(retryStepMs, signal);
  }
}

async function open(port: number, password: string): Promise<ReadyServer> {
  const url = (name: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${name}`;
  const client = new pg.Client({
    connectionString: url('postgres'),
    connectionTimeoutMillis: 30_000,
    application_name: 'talon-one-sync',
  });
  // An unheard error would end the process; the query that it interrupts reports it.
  client.on('error', () => {});
  try {
    await client.connect();
    // No such row: the cluster is new, or its first start was cut short.
    const found = await client.query('select from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return { url: url(database), version: rows[0]?.server_version ?? '' };
  } finally {
    await client.end();
  }
}
