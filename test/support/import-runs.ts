import { type Logger, pino } from 'pino';
import { csvImports } from '../../src/import/csv-imports.js';
import { csvKind } from '../../src/import/csv-kind.js';
import type { ImportTask } from '../../src/import/import-task.js';
import { Problems } from '../../src/import/problems.js';
import { type ImportOptions, type ImportResult, runImport } from '../../src/import/run-import.js';
import { openSourceFile } from '../../src/import/source-file.js';
import { ImportClient } from '../../src/talon-one/import-client.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { quickRetry, senderFor } from './management-client.js';

export interface Run extends Partial<ImportOptions> {
  readonly target?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly partRows?: number;
  readonly map?: ReadonlyMap<string, string>;
  readonly signal?: AbortSignal;
  readonly log?: Logger;
}

export interface RunEnd {
  /** `undefined` when it failed. */
  readonly result: ImportResult | undefined;
  /** Message of the failure; empty when it did not fail. */
  readonly message: string;
  readonly problems: Problems;
}

/** One call of `talon-one-sync import <name>`, in this process, with a warehouse and a simulator. */
export async function importOnce(
  warehouse: Warehouse,
  simulator: Simulator,
  name: string,
  path: string,
  {
    target = { loyaltyProgramId: '1' },
    query = {},
    partRows,
    map = new Map<string, string>(),
    signal = new AbortController().signal,
    log = pino({ level: 'silent' }),
    ...options
  }: Run = {},
): Promise<RunEnd> {
  const what = csvImports.find((candidate) => candidate.name === name);
  if (!what) throw new TypeError(`no import ${name}`);
  const problems = new Problems();
  const choice = { map, ignore: new Set<string>() };
  const task: ImportTask = {
    kind: csvKind(what, { path: target, query, choice, partRows }),
    file: openSourceFile(path, 'csv', ','),
    deployment: simulator.url,
    warehouse,
    client: new ImportClient({ management: senderFor(simulator), integration: undefined, retry: quickRetry }),
    problems,
    progress: { checked: () => {}, found: () => {}, sent: () => {}, end: () => {} },
    log,
    owner: 'test',
    leaseMs: 1_000,
    visibleAfterMs: 1,
    onFailedAttempt: () => {},
  };
  const chosen = { again: false, verify: false, settle: undefined, ...options };
  try {
    const result = await runImport(task, chosen, signal);
    return { result, message: '', problems };
  } catch (error) {
    return { result: undefined, message: error instanceof Error ? error.message : String(error), problems };
  }
}
