import type { Config } from '../config.js';
import { UserError } from '../errors.js';
import type { ImportKind } from '../import/import-kind.js';
import type { ImportProgress, ImportTask } from '../import/import-task.js';
import { Problems } from '../import/problems.js';
import type { Inspection } from '../import/read-units.js';
import { checkReportPath } from '../import/report-file.js';
import { checkFile, type ImportOptions, type ImportResult, runImport } from '../import/run-import.js';
import { type Format, openSourceFile, type SourceFile } from '../import/source-file.js';
import { unlessStopped } from '../import/unless-stopped.js';
import { visibleAfterMs } from '../import/verify.js';
import { type Logger, scrubber } from '../logger.js';
import type { ImportClient } from '../talon-one/import-client.js';
import type { RequestContext } from '../talon-one/management.js';
import { createImportClient, openWarehouse, processName, Releasers } from './context.js';
import { importProgress } from './import-progress.js';
import { prepareWarehouse } from './prepare.js';

/** What an import is built with. */
export interface KindSources {
  readonly client: ImportClient;
  readonly format: Format;
  /** Empty when there is none; profiles and sessions do not come here without. */
  readonly integrationApiKey: string;
  readonly context: RequestContext;
}

/** Builds the import; may ask the account what it knows. */
export type MakeKind = (sources: KindSources) => Promise<ImportKind>;

/** What the command line asks for. */
export interface ImportRequest {
  readonly path: string;
  /** `undefined`: as the file's name tells. */
  readonly format: Format | undefined;
  readonly delimiter: string;
  /** CSV file for the problems. */
  readonly report: string | undefined;
  readonly dryRun: boolean;
  readonly run: ImportOptions;
  readonly makeKind: MakeKind;
}

/**
 * Imports a file into Talon.One. Problems with it go to stderr, the first ones, and to the report.
 * @throws UserError when not everything is imported
 */
export async function importCommand(
  request: ImportRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const file = openSourceFile(request.path, request.format, request.delimiter);
  if (request.report !== undefined) checkReportPath(request.report);
  const problems = new Problems(request.report);
  const progress = importProgress(file.bytes);
  const releasers = new Releasers();
  try {
    const common = { file, problems, progress };
    if (request.dryRun) await tryOut(request, common, config, log, signal);
    else await importFile(request, common, config, log, releasers, signal);
  } finally {
    progress.end();
    problems.close();
    await releasers.release(log);
    const scrub = scrubber(config.secrets);
    for (const line of problems.lines()) process.stderr.write(`${scrub(line)}\n`);
  }
}

interface Common {
  readonly file: SourceFile;
  readonly problems: Problems;
  readonly progress: ImportProgress;
}

function sourcesOf(client: ImportClient, { file }: Common, config: Config, signal: AbortSignal): KindSources {
  const { integrationApiKey = '' } = config.talonOne;
  return { client, format: file.format, integrationApiKey, context: { signal } };
}

/** Needs no database: a bad file neither opens nor makes one. */
async function check(
  request: ImportRequest,
  common: Common,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<{ kind: ImportKind; inspection: Inspection }> {
  const client = createImportClient(config, log, undefined);
  const kind = await unlessStopped(signal, 'before the file was checked', () =>
    request.makeKind(sourcesOf(client, common, config, signal)),
  );
  const inspection = await checkFile({ ...common, kind }, signal);
  common.progress.end();
  return { kind, inspection };
}

async function tryOut(
  request: ImportRequest,
  common: Common,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const {
    kind,
    inspection: { units, parts },
  } = await check(request, common, config, log, signal);
  const { name, target, effect } = kind;
  log.info(
    { kind: name, target, effect, rows: units, parts: parts.length },
    'the file is good; nothing was sent',
  );
}

async function importFile(
  request: ImportRequest,
  common: Common,
  config: Config,
  log: Logger,
  releasers: Releasers,
  signal: AbortSignal,
): Promise<void> {
  const { kind, inspection } = await check(request, common, config, log, signal);
  const warehouse = await unlessStopped(signal, 'before the database was ready', async () => {
    const opened = await openWarehouse(config, log, releasers, signal);
    await prepareWarehouse(opened.warehouse, log, signal, { patient: false });
    return opened.warehouse;
  });
  const client = createImportClient(config, log, warehouse);
  const task: ImportTask = {
    ...common,
    kind,
    client,
    warehouse,
    log,
    deployment: config.talonOne.baseUrl,
    owner: processName(),
    leaseMs: config.sync.leaseMs,
    visibleAfterMs: visibleAfterMs(config.talonOne.requestTimeoutMs, config.sync.lookback),
    onFailedAttempt: ({ error, attempt }) =>
      log.info({ err: error, attempt }, 'attempt failed, trying again'),
  };
  const result = await runImport(task, inspection, request.run, signal);
  report(task, result);
}

function report(task: ImportTask, result: ImportResult): void {
  task.progress.end();
  const { kind, log } = task;
  const { importId, units: rows, parts, accepted, refused, skipped } = result;
  const fields = { kind: kind.name, target: kind.target, importId, rows, parts, accepted, refused, skipped };
  if (refused > 0) {
    log.warn(fields, 'import not finished');
    throw new UserError(
      `${refused} of ${parts} parts were refused, the others are imported. Mend what is said above in Talon.One and run the same command again, or import the corrected rows as a file of their own; what needs nothing more is closed by --settle accepted.`,
    );
  }
  if (skipped > 0)
    log.info({ skipped }, 'an earlier import has sent these parts; --again sends them once more');
  const message =
    accepted === parts ? 'import finished' : 'settled; the same command again sends the parts that are left';
  log.info(fields, message);
}
