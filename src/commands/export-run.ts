import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wallClockMs } from '../clock.js';
import type { Config } from '../config.js';
import { isAbortError, UserError } from '../errors.js';
import type { ExportContext, ExportEntry, PreparedExport } from '../export/export-entry.js';
import { loadIntoWarehouse } from '../export/load.js';
import type { OptionValues } from '../export/options.js';
import { Output } from '../export/output.js';
import { FileSink, OutputClosedError, type Sink, StreamSink } from '../export/sink.js';
import type { Logger } from '../logger.js';
import { defaultRetry } from '../talon-one/retry.js';
import { Warehouse } from '../warehouse/warehouse.js';
import { createExportClients, openWarehouse, Releasers } from './context.js';
import { describeAmount, ExportProgress } from './export-progress.js';
import { prepareWarehouse } from './prepare.js';

/** Whoever reads the rows may be slow, and Postgres waits for that in the middle of a transaction. */
const IDLE_IN_TRANSACTION_MS = 600_000;

export type Destination =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'file'; readonly path: string; readonly force: boolean }
  | { readonly kind: 'warehouse' };

export interface ExportJob {
  readonly name: string;
  readonly prepared: PreparedExport;
  readonly values: OptionValues;
  readonly destination: Destination;
  readonly idleMs: number;
}

/**
 * Runs one export. A file, or a run in the warehouse, is complete or not there; whoever closes standard output early ends
 * the export without a complaint.
 * @throws UserError also when it was stopped before its end
 */
export async function runExport(
  job: ExportJob,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const releasers = new Releasers();
  try {
    // First: without it there is nothing to write, and no begun file is left behind.
    const warehouse = await openIfNeeded(job, config, log, releasers, signal);
    const place = await openPlace(job.destination, releasers);
    const amount = await write(job, place.sink, warehouse, config, log, signal);
    if (place.path !== undefined && warehouse) {
      await loadIntoWarehouse(warehouse, place.path, { name: job.name, options: job.values }, signal);
    }
    report(job, amount, log);
  } catch (error) {
    if (error instanceof OutputClosedError) return;
    if (signal.aborted && isAbortError(error))
      throw new UserError(`The export ${job.name} was stopped before its end: nothing complete was written.`);
    throw error;
  } finally {
    await releasers.release(log);
  }
}

interface Place {
  readonly sink: Sink;
  /** A file of ours on the way into the warehouse. */
  readonly path?: string;
}

async function openPlace(destination: Destination, releasers: Releasers): Promise<Place> {
  if (destination.kind === 'stdout') return { sink: new StreamSink(process.stdout) };
  if (destination.kind === 'file')
    return { sink: await FileSink.create(destination.path, destination.force) };
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-export-'));
  releasers.add(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'export.csv');
  return { sink: await FileSink.create(path, false), path };
}

/** With DATABASE_URL, the request budget is shared with the daemon through the database. */
async function openIfNeeded(
  { prepared, destination }: ExportJob,
  config: Config,
  log: Logger,
  releasers: Releasers,
  signal: AbortSignal,
): Promise<Warehouse | undefined> {
  const isNeeded = prepared.source === 'warehouse' || destination.kind === 'warehouse';
  if (!isNeeded && config.database.url === undefined) return undefined;
  const { warehouse } = await openWarehouse(config, log, releasers, signal);
  await prepareWarehouse(warehouse, log, signal, { patient: false });
  const { pool, schema } = warehouse;
  return new Warehouse({ pool, schema, idleInTransactionMs: IDLE_IN_TRANSACTION_MS });
}

interface Amount {
  readonly rows: number;
  readonly bytes: number;
}

async function write(
  { name, prepared, idleMs, destination }: ExportJob,
  sink: Sink,
  warehouse: Warehouse | undefined,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<Amount> {
  // Rows on the terminal are progress enough.
  const showsRows = destination.kind === 'stdout' && process.stdout.isTTY;
  const progress = new ExportProgress(name, process.stderr, !showsRows);
  const output = new Output(sink, (rows, bytes) => {
    signal.throwIfAborted();
    progress.update(rows, bytes);
  });
  const context: ExportContext = {
    ...createExportClients(config, log, warehouse, idleMs),
    retry: defaultRetry,
    warehouse,
    output,
    now: BigInt(wallClockMs()) * 1000n,
    pageSize: config.talonOne.pageSize,
    log,
    signal,
  };
  try {
    await prepared.run(context);
    await sink.finish();
    return { rows: output.rows, bytes: output.bytes };
  } catch (error) {
    await sink.discard();
    throw error;
  } finally {
    progress.stop();
  }
}

function report({ name, destination }: ExportJob, { rows, bytes }: Amount, log: Logger): void {
  const path = destination.kind === 'file' ? destination.path : destination.kind;
  log.info({ export: name, rows, bytes, destination: path }, 'export finished');
  if (process.stderr.isTTY) process.stderr.write(`${path}: ${describeAmount(rows, bytes)}\n`);
}

/** Such as `loyalty-balances-139-20261122T140500Z.csv`: never the same twice within a second. */
export function defaultFileName({ name, argument, required }: ExportEntry, values: OptionValues): string {
  const ids = [...(argument ? [argument] : []), ...required].map((option) => values[option] ?? '');
  const time = new Date(wallClockMs()).toISOString().replace(/[-:]|\.\d+/g, '');
  const safe = [name, ...ids].join('-').replace(/[^A-Za-z0-9._@-]+/g, '_');
  return `${safe.slice(0, 150)}-${time}.${values.format ?? 'csv'}`;
}
