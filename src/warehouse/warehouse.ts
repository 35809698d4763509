import type pg from 'pg';
import { Places } from './places.js';
import type { Client } from './pool.js';
import { isTransient } from './sqlstate.js';

export interface WarehouseOptions {
  readonly pool: pg.Pool;
  readonly schema: string;
  /** A transaction left open longer than this by a stopped process is ended by Postgres, in milliseconds. */
  readonly idleInTransactionMs: number;
}

export interface TransactionLimits {
  readonly statementMs?: number;
  readonly lockMs?: number;
  /** Instead of that of the warehouse. */
  readonly idleInTransactionMs?: number;
  /** A statement or two that a lease or the request budget depends on: it gets a connection before everything else. */
  readonly isUrgent?: boolean;
}

const STATEMENT_TIMEOUT_MS = 120_000;
const LOCK_TIMEOUT_MS = 15_000;
const TRANSIENT_RETRIES = 3;

/**
 * Where everything is stored: a pool and a schema. All SQL runs inside `transaction`, which sets what other programs
 * keep in the session; that is why statements name their tables without a schema.
 */
export class Warehouse {
  private readonly opening: string;
  private readonly places: Places;

  constructor(private readonly options: WarehouseOptions) {
    const schema = quoteIdentifier(options.schema);
    this.places = new Places(options.pool.options.max);
    this.opening = `set local search_path to ${schema}; set local timezone to 'UTC'`;
  }

  get schema(): string {
    return this.options.schema;
  }

  get pool(): pg.Pool {
    return this.options.pool;
  }

  /** Transactions that wait for a connection. */
  get waiting(): number {
    return this.places.waiting + this.options.pool.waitingCount;
  }

  /**
   * Runs `work` in one transaction; commits when it resolves, rolls back when it rejects. A deadlock or serialization
   * failure runs it again, so `work` must have no other effects than its SQL.
   */
  async transaction<T>(work: (client: Client) => Promise<T>, limits: TransactionLimits = {}): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(work, limits);
      } catch (error) {
        if (!isTransient(error) || attempt > TRANSIENT_RETRIES) throw error;
      }
    }
  }

  private async attempt<T>(work: (client: Client) => Promise<T>, limits: TransactionLimits): Promise<T> {
    await this.places.take(limits.isUrgent === true);
    try {
      return await this.connected(work, limits);
    } finally {
      this.places.free();
    }
  }

  private async connected<T>(work: (client: Client) => Promise<T>, limits: TransactionLimits): Promise<T> {
    const client = await this.options.pool.connect();
    let broken: Error | undefined;
    const idleMs = limits.idleInTransactionMs ?? this.options.idleInTransactionMs;
    try {
      await client.query(
        `begin; ${this.opening}; set local statement_timeout to ${limits.statementMs ?? STATEMENT_TIMEOUT_MS}; ` +
          `set local lock_timeout to ${limits.lockMs ?? LOCK_TIMEOUT_MS}; ` +
          `set local idle_in_transaction_session_timeout to ${Math.ceil(idleMs)}`,
      );
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      broken = await rollBack(client);
      throw error;
    } finally {
      // A connection whose rollback failed is in an unknown state: it is closed instead of handed out again.
      client.release(broken);
    }
  }
}

async function rollBack(client: Client): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** An identifier as SQL text. Needed only where Postgres takes no parameter: search_path and create schema. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
