import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Instant, parseInstant } from '../../src/instant.js';
import { ensureCursors, type Lease, type LeasedCursor, takeLease } from '../../src/warehouse/cursor.js';
import { migrate } from '../../src/warehouse/migrate.js';
import { createPool } from '../../src/warehouse/pool.js';
import { Warehouse } from '../../src/warehouse/warehouse.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

// A migrated database of a test file's own, and the ways of the program to it.

export interface OpenOptions {
  readonly schema?: string;
  readonly poolSize?: number;
  readonly idleInTransactionMs?: number;
  readonly onError?: (error: Error) => void;
}

/** A Warehouse with a pool of its own, as another process would have. */
export function openWarehouse(url: string, options: OpenOptions = {}): Warehouse {
  const { schema = 'public', poolSize = 4, idleInTransactionMs = 30_000, onError = () => {} } = options;
  const pool = createPool({ url, size: poolSize, applicationName: 'talon-one-sync', onError });
  return new Warehouse({ pool, schema, idleInTransactionMs });
}

/** Opens a Warehouse for the time of `work`. */
export async function withWarehouse<T>(
  url: string,
  options: OpenOptions,
  work: (warehouse: Warehouse) => Promise<T>,
): Promise<T> {
  const warehouse = openWarehouse(url, options);
  try {
    return await work(warehouse);
  } finally {
    await warehouse.pool.end();
  }
}

export async function migrateUrl(url: string, schema = 'public'): Promise<void> {
  await withWarehouse(url, { poolSize: 1, schema }, (warehouse) => migrate(warehouse));
}

export interface TakeTestLease {
  readonly owner?: string;
  readonly leaseMs?: number;
}

export class TestWarehouse {
  private readonly opened: Warehouse[] = [];
  private applications = 0;

  private constructor(
    readonly database: TestDatabase,
    readonly warehouse: Warehouse,
  ) {
    this.opened.push(warehouse);
  }

  static async create(options: OpenOptions = {}): Promise<TestWarehouse> {
    const database = await createTestDatabase({ migrateDatabase: migrateUrl });
    return new TestWarehouse(database, openWarehouse(database.url, options));
  }

  /** In a Postgres of the test's own, which may be away for a while. */
  static async at(url: string): Promise<TestWarehouse> {
    await migrateUrl(url);
    const pool = new pg.Pool({ connectionString: url, max: 4, application_name: 'test-support' });
    pool.on('error', () => {});
    const query: TestDatabase['query'] = async (text, values) => (await pool.query(text, values)).rows;
    const database = { url, name: new URL(url).pathname.slice(1), pool, query, drop: () => pool.end() };
    return new TestWarehouse(database, openWarehouse(url));
  }

  /** Another pool, on the same database unless another address of it is given. */
  open(options: OpenOptions & { url?: string } = {}): Warehouse {
    const warehouse = openWarehouse(options.url ?? this.database.url, options);
    this.opened.push(warehouse);
    return warehouse;
  }

  async rows<Row extends Record<string, unknown>>(text: string, ...values: unknown[]): Promise<Row[]> {
    return this.database.query<Row>(text, values);
  }

  /** The only column of the only row, as text. */
  async value(text: string, ...values: unknown[]): Promise<string | null> {
    const [row = {}] = await this.rows(`select (${text})::text as value`, ...values);
    return typeof row.value === 'string' ? row.value : null;
  }

  /** An Application that no other test of the file knows; returns its ID. */
  async newApplication(start = '2026-01-01T00:00:00Z'): Promise<string> {
    this.applications += 1;
    const id = String(this.applications);
    await ensureCursors(this.warehouse, [{ id, name: undefined, created: undefined, start: moment(start) }]);
    return id;
  }

  async take(applicationId: string, options: TakeTestLease = {}): Promise<LeasedCursor> {
    const { owner = 'test', leaseMs = 60_000 } = options;
    const applicationIds = [applicationId];
    const wanted = { applicationIds, owner, leaseMs, courtesyMs: 0, evenIfNotDue: true };
    const leased = await takeLease(this.warehouse, wanted);
    if (!leased) throw new Error(`Application ${applicationId} is not free`);
    return leased;
  }

  /** The lease of a new Application. */
  async newLease(options: TakeTestLease = {}): Promise<Lease> {
    return (await this.take(await this.newApplication(), options)).lease;
  }

  async close(): Promise<void> {
    for (const warehouse of this.opened) await warehouse.pool.end();
    await this.database.drop();
  }
}

/** For a test file: made before its tests, gone after them. */
export function useWarehouse(options: OpenOptions = {}): () => TestWarehouse {
  let made: TestWarehouse | undefined;
  beforeAll(async () => {
    made = await TestWarehouse.create(options);
  });
  afterAll(() => made?.close());
  return () => {
    if (!made) throw new Error('the warehouse is there inside tests only');
    return made;
  };
}

export function moment(text: string): Instant {
  const instant = parseInstant(text);
  if (instant === undefined) throw new TypeError(`not RFC 3339: ${text}`);
  return instant;
}

/** A promise to be resolved from outside. */
export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Waits for what another connection brings about. */
export async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 20, message: what }).toBe(true);
}
