import { onTestFinished } from 'vitest';
import { createApi } from '../../src/commands/context.js';
import type { Environment } from '../../src/config.js';
import { JobRunner } from '../../src/sync/job-runner.js';
import { referenceKinds } from '../../src/sync/reference/kinds.js';
import { ensureCursors } from '../../src/warehouse/cursor.js';
import { startForTest } from '../simulator/for-tests.js';
import type { SimulatorOptions } from '../simulator/options.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { quickRetry } from './management-client.js';
import { type LogLine, testConfig, testLog } from './sync.js';
import { moment, TestWarehouse } from './warehouse.js';

/** A simulator and a warehouse of the test's own, whose reference data can be brought up to date. */
export interface ReferenceCopy {
  readonly sim: Simulator;
  readonly db: TestWarehouse;
  readonly lines: LogLine[];
  /** Runs every job of the reference data once; returns those that failed. */
  look(): Promise<ReadonlyMap<string, unknown>>;
  /** Requests since the last look began, by method and template. */
  requests(): Record<string, number>;
}

export async function startReference(
  options: {
    simulator?: SimulatorOptions;
    environment?: Environment;
    /** Jobs to run; default: all. */
    kinds?: RegExp;
  } = {},
): Promise<ReferenceCopy> {
  const sim = await startForTest({ history: { events: 0 }, ...options.simulator });
  const db = await TestWarehouse.create();
  onTestFinished(() => db.close());
  const { warehouse } = db;
  const start = moment('2015-01-01T00:00:00Z');
  const rows = sim.applicationIds.map((id) => ({
    id: String(id),
    name: undefined,
    created: undefined,
    start,
  }));
  await ensureCursors(warehouse, rows);
  const config = testConfig(sim, options.environment);
  const { log, lines } = testLog();
  const parts = { ...createApi(config, log, undefined, { retry: quickRetry }), config, warehouse };
  const kinds = referenceKinds(parts).filter(({ name }) => options.kinds?.test(name) ?? true);
  const look = async () => {
    await db.rows('update talon_one_job set next_run_at = clock_timestamp()');
    sim.resetStatistics();
    const runner = new JobRunner({ warehouse, kinds, owner: 'test', leaseMs: 10_000, log });
    return (await runner.runOnce(new AbortController().signal)).failed;
  };
  const requests = () =>
    Object.fromEntries(Object.entries(sim.requestCounts()).map(([name, { total }]) => [name, total]));
  return { sim, db, lines, look, requests };
}
