import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/warehouse/embedded/cluster.js';
import { migrate } from '../../src/warehouse/migrate.js';
import { createPool } from '../../src/warehouse/pool.js';
import { Warehouse } from '../../src/warehouse/warehouse.js';
import type { CleanUp } from '../demo/clean-up.js';
import { makeDataDir } from '../support/data-dir.js';
import { PostgresProcesses } from './process-cpu.js';

/** An empty warehouse for one run. */
export interface BenchWarehouse {
  readonly schema: string;
  readonly warehouse: Warehouse;
  readonly drop: () => Promise<void>;
}

/** The Postgres that is measured, with its default settings. */
export class BenchPostgres {
  private constructor(
    readonly url: string,
    readonly version: string,
    /** Embedded, or whose it is. */
    readonly kind: string,
    private readonly admin: pg.Client,
    private readonly processes: PostgresProcesses | undefined,
  ) {}

  static async open(
    databaseUrl: string | undefined,
    cleanUp: CleanUp,
    signal: AbortSignal,
  ): Promise<BenchPostgres> {
    const url = databaseUrl ?? (await startEmbedded(cleanUp, signal));
    const admin = new pg.Client({ connectionString: url, application_name: 'bench' });
    admin.on('error', () => {});
    await admin.connect();
    cleanUp.add(() => admin.end());
    const { rows } = await admin.query<{ version: string; pid: number }>(
      `select current_setting('server_version') as version, pg_backend_pid() as pid`,
    );
    const { version = '', pid = 0 } = rows[0] ?? {};
    const isHere = databaseUrl === undefined || isLoopback(databaseUrl);
    const processes = isHere ? await PostgresProcesses.ofBackend(pid) : undefined;
    return new BenchPostgres(
      url,
      version,
      databaseUrl === undefined ? 'embedded' : 'given',
      admin,
      processes,
    );
  }

  /** A schema of its own, with the tables of the product. */
  async newWarehouse(): Promise<BenchWarehouse> {
    const schema = `bench_${randomBytes(5).toString('hex')}`;
    const pool = createPool({ url: this.url, size: 2, applicationName: 'bench', onError: () => {} });
    const warehouse = new Warehouse({ pool, schema, idleInTransactionMs: 30_000 });
    const drop = async () => {
      await pool.end();
      await this.admin.query(`drop schema if exists ${schema} cascade`);
    };
    try {
      await migrate(warehouse);
      await this.settle();
    } catch (error) {
      await drop();
      throw error;
    }
    return { schema, warehouse, drop };
  }

  /** Seconds of CPU that the server has used so far; undefined when it cannot be seen. */
  async cpuSeconds(): Promise<number | undefined> {
    return this.processes?.cpuSeconds();
  }

  /** What the run before left to be written must not burden the next one. */
  private async settle(): Promise<void> {
    try {
      await this.admin.query('checkpoint');
    } catch {
      // Only some roles may.
    }
  }
}

async function startEmbedded(cleanUp: CleanUp, signal: AbortSignal): Promise<string> {
  const folder = await makeDataDir();
  cleanUp.add(() => folder.remove());
  const postgres = await startEmbeddedPostgres({ dataDir: folder.path, signal });
  cleanUp.add(() => postgres.stop());
  return postgres.url;
}

function isLoopback(url: string): boolean {
  return ['', 'localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname);
}
