import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Replica } from '../../chaos/replica.js';
import type { CleanUp } from '../../demo/clean-up.js';
import type { BenchPostgres, BenchWarehouse } from '../postgres.js';
import type { SimulatorAddress } from '../simulator-process.js';

const PROGRAM = fileURLToPath(new URL('../../../src/main.js', import.meta.url));

export interface FleetOptions {
  readonly postgres: BenchPostgres;
  readonly target: BenchWarehouse;
  readonly api: SimulatorAddress;
  readonly settings?: Readonly<Record<string, string>>;
  readonly cleanUp: CleanUp;
}

/** Daemons as child processes on one schema; made, not started. */
export async function makeFleet(count: number, options: FleetOptions): Promise<Replica[]> {
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-scale-'));
  options.cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const replicas: Replica[] = [];
  for (let number = 1; number <= count; number += 1) {
    const name = `replica ${number}`;
    const replica = new Replica({
      name,
      program: PROGRAM,
      cwd: folder,
      env: () => ({
        TALON_ONE_BASE_URL: options.api.url,
        TALON_ONE_API_KEY: options.api.apiKey,
        DATABASE_URL: options.postgres.url,
        WAREHOUSE_SCHEMA: options.target.schema,
        LOYALTY_SYNC: 'false',
        AUDIT_DELAY_MINUTES: '0',
        REFERENCE_INTERVAL_MINUTES: '0',
        HTTP_PORT: '',
        REQUESTS_PER_SECOND: '0',
        ...options.settings,
      }),
      logFile: join(folder, `${number}.log`),
    });
    options.cleanUp.add(() => replica.close());
    replicas.push(replica);
  }
  return replicas;
}

/** The rows of one statement on the schema of a run. */
export async function rowsOf<Row>(
  target: BenchWarehouse,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return target.warehouse.transaction(async (client) => (await client.query(text, values)).rows as Row[]);
}
