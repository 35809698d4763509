import { expect } from 'vitest';
import { createApi } from '../../src/commands/context.js';
import { jobKinds } from '../../src/commands/job-kinds.js';
import type { Environment } from '../../src/config.js';
import { messageOf } from '../../src/errors.js';
import type { JobKind } from '../../src/sync/job.js';
import { JobRunner } from '../../src/sync/job-runner.js';
import { snapshotsNow, type WantedSnapshots } from '../../src/sync/loyalty/snapshots-now.js';
import { startForTest } from '../simulator/for-tests.js';
import type { SimulatorOptions } from '../simulator/options.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { findLedgerDifferences } from './ledger-audit.js';
import { quickRetry } from './management-client.js';
import { type LogLine, testConfig, testLog } from './sync.js';
import type { TestWarehouse } from './warehouse.js';

/** A simulator with loyalty programs, a database of its own, and the jobs between them. */
export interface LoyaltySync {
  readonly sim: Simulator;
  readonly lines: readonly LogLine[];
  /** Runs the jobs as the command `once` does; resolves with those that failed and why. */
  once(): Promise<string[]>;
  /** Makes the daily jobs due again. */
  nextDay(): Promise<void>;
  runner(owner?: string): JobRunner;
  /** Does what the command snapshot-loyalty does once it knows the programs; resolves with the jobs that failed. */
  snapshotNow(wanted: WantedSnapshots): Promise<string[]>;
}

export async function startLoyalty(
  db: TestWarehouse,
  simulator: SimulatorOptions = {},
  environment: Environment = {},
): Promise<LoyaltySync> {
  const sim = await startForTest({ history: { events: 120 }, ...simulator });
  const config = testConfig(sim, environment);
  const { log, lines } = testLog();
  const { warehouse } = db;
  const api = createApi(config, log, undefined, { retry: quickRetry });
  // Each with nothing in its memory, as after a restart.
  const parts = { ...api, config, warehouse };
  const runnerOf = (kinds: readonly JobKind[], owner: string) =>
    new JobRunner({ warehouse, kinds, owner, leaseMs: config.sync.leaseMs, log });
  const runner = (owner = 'test') => runnerOf(jobKinds(parts), owner);
  return {
    sim,
    lines,
    runner,
    once: async () => {
      const { failed } = await runner().runOnce(new AbortController().signal);
      return [...failed].map(([job, error]) => `${job}: ${messageOf(error)}`);
    },
    snapshotNow: async (wanted) => {
      const { failed, refused } = await runnerOf(snapshotsNow(parts, wanted), 'command').runOnce(
        new AbortController().signal,
      );
      return [...failed.keys(), ...refused.keys()];
    },
    nextDay: async () => {
      await db.rows(`update talon_one_job set next_run_at = clock_timestamp() - interval '1 s'`);
    },
  };
}

/** Forgets everything that was copied. */
export async function forgetLoyalty(db: TestWarehouse): Promise<void> {
  const tables = await db.rows<{ name: string }>(
    `select oid::regclass::text as name from pg_class
     where relkind = 'r' and (relname like 'talon\\_one\\_loyalty\\_%' or relname in ('talon_one_job', 'talon_one_quarantine', 'talon_one_original_text'))`,
  );
  await db.rows(`truncate ${tables.map(({ name }) => name).join(', ')}`);
}

/** Every transaction of the program that the API shows is stored once, its payload digit for digit; nothing else is. */
export async function expectLedgerStored(
  db: TestWarehouse,
  sim: Simulator,
  programId: number,
): Promise<void> {
  expect(await findLedgerDifferences(sim, db.database, [programId])).toEqual([]);
}
