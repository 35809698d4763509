import { type Logger, pino } from 'pino';
import { csvImports } from '../../src/import/csv-imports.js';
import { csvKind } from '../../src/import/csv-kind.js';
import type { ImportKind } from '../../src/import/import-kind.js';
import type { ImportTask } from '../../src/import/import-task.js';
import { Problems } from '../../src/import/problems.js';
import { profileKind } from '../../src/import/profile-kind.js';
import { checkFile, type ImportOptions, type ImportResult, runImport } from '../../src/import/run-import.js';
import { sessionKind } from '../../src/import/session-kind.js';
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
  /** Another address for the journal than the simulator's own. */
  readonly deployment?: string;
  readonly visibleAfterMs?: number;
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
    deployment = simulator.url,
    visibleAfterMs = 1,
    signal = new AbortController().signal,
    log = pino({ level: 'silent' }),
    ...options
  }: Run = {},
): Promise<RunEnd> {
  const problems = new Problems();
  const integration = { apiKey: simulator.integrationApiKey, keyKind: 'integration' } as const;
  const task: ImportTask = {
    kind: kindOf(name, simulator, { target, query, partRows, map }),
    file: openSourceFile(path, 'csv', ','),
    deployment,
    warehouse,
    client: new ImportClient({
      management: senderFor(simulator),
      integration: senderFor(simulator, integration),
      retry: quickRetry,
    }),
    problems,
    progress: { checked: () => {}, found: () => {}, sent: () => {}, end: () => {} },
    log,
    owner: 'test',
    leaseMs: 1_000,
    visibleAfterMs,
    onFailedAttempt: () => {},
  };
  const chosen = { again: false, verify: false, settle: undefined, ...options };
  try {
    const inspection = await checkFile(task, signal);
    const result = await runImport(task, inspection, chosen, signal);
    return { result, message: '', problems };
  } catch (error) {
    return { result: undefined, message: error instanceof Error ? error.message : String(error), problems };
  }
}

function kindOf(
  name: string,
  { integrationApiKey }: Simulator,
  {
    target,
    query,
    partRows,
    map,
  }: Required<Pick<Run, 'target' | 'query' | 'map'>> & { partRows: number | undefined },
): ImportKind {
  const choice = { map, ignore: new Set<string>() };
  const common = { format: 'csv', choice, partRows, integrationApiKey } as const;
  const types = new Map([['Language', 'string']]);
  if (name === 'profiles') return profileKind({ ...common, types });
  if (name === 'sessions')
    return sessionKind({ ...common, types: { session: types, item: types }, concurrency: 4 });
  const what = csvImports.find((candidate) => candidate.name === name);
  if (!what) throw new TypeError(`no import ${name}`);
  return csvKind(what, { path: target, query, choice, partRows });
}
