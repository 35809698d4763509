import { type Command, InvalidArgumentError, Option } from 'commander';
import { EXPORTS } from '../export/entries.js';
import type { ExportEntry, PreparedExport } from '../export/export-entry.js';
import { flagOf, OPTIONS, type OptionName, type OptionSpec, type OptionValues } from '../export/options.js';
import { UsageError } from '../export/usage-error.js';
import type { Execute } from './action.js';
import { EXPORT_IDLE_MS } from './context.js';
import { demand } from './demand.js';
import { type Destination, defaultFileName, runExport } from './export-run.js';

/** Options of every export; the rest comes from the table of exports. */
interface CommonOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly intoWarehouse?: boolean;
  readonly idleTimeout: number;
}

const DEFAULT_IDLE_SECONDS = EXPORT_IDLE_MS / 1000;

/** Adds one subcommand of `export` for each entry of the table. */
export function addExports(parent: Command, execute: Execute): void {
  parent.addHelpText(
    'after',
    '\nExamples:\n  talon-one-sync export sessions --application 42 --from 2026-10-01 --to 2026-11-01\n  talon-one-sync export loyalty-balances --program 139 -o - | gzip > balances.csv.gz\nEvery export has its own --help.',
  );
  for (const entry of EXPORTS) addEntry(parent, entry, execute);
}

function addEntry(parent: Command, entry: ExportEntry, execute: Execute): void {
  const command = parent
    .command(entry.name)
    .description(entry.about)
    .showHelpAfterError(`(talon-one-sync export ${entry.name} --help lists its options)`)
    .addHelpText('after', `\nExample:\n  talon-one-sync export ${entry.name} ${entry.example}`);
  if (entry.argument) command.argument(`<${entry.argument}>`, OPTIONS[entry.argument].about);
  for (const name of entry.required)
    command.addOption(toOption(name)).hook('preAction', demand(flagOf(name).slice(2)));
  for (const name of entry.optional) command.addOption(toOption(name));
  command
    .option(
      '-o, --output <file>',
      'where to write; - is standard output. Default: a new file here, named after the export',
    )
    .option('--force', 'replace the file if it exists')
    .option('--into-warehouse', 'store the rows in talon_one_export_row instead (CSV exports)')
    .option('--idle-timeout <seconds>', 'how long the server may be silent', seconds, DEFAULT_IDLE_SECONDS)
    .action(async () => {
      const values = valuesOf(entry, command);
      const common = command.opts<CommonOptions>();
      const prepared = prepare(entry, values, common, command);
      const destination = destinationOf(entry, values, common);
      const job = { name: entry.name, prepared, values, destination, idleMs: common.idleTimeout * 1000 };
      const needsApi = prepared.source === 'api';
      await execute((config, log, signal) => runExport(job, config, log, signal), {
        needsApi,
        logsToStderr: true,
      });
    });
}

function toOption(name: OptionName): Option {
  const { flags, about, choices, read }: OptionSpec = OPTIONS[name];
  const option = new Option(flags, about);
  if (choices) option.choices(choices);
  if (read) {
    option.argParser((text) => {
      const result = read(text);
      if ('problem' in result) throw new InvalidArgumentError(result.problem);
      return result.value;
    });
  }
  return option;
}

function valuesOf(entry: ExportEntry, command: Command): OptionValues {
  const given = command.opts<Record<string, string | undefined>>();
  const values: Partial<Record<OptionName, string>> = {};
  for (const name of [...entry.required, ...entry.optional]) {
    const value = given[toOption(name).attributeName()];
    if (value !== undefined) values[name] = value;
  }
  const [argument] = command.processedArgs as (string | undefined)[];
  return entry.argument && argument !== undefined ? { ...values, [entry.argument]: argument } : values;
}

function prepare(
  entry: ExportEntry,
  values: OptionValues,
  { output, force, intoWarehouse }: CommonOptions,
  command: Command,
): PreparedExport {
  try {
    if (intoWarehouse && (output !== undefined || force))
      throw new UsageError('--into-warehouse writes no file: leave out --output and --force.');
    if (intoWarehouse && values.format === 'ndjson')
      throw new UsageError('--into-warehouse takes CSV: leave out --format ndjson.');
    const prepared = entry.prepare(values);
    if (intoWarehouse && prepared.source === 'warehouse')
      throw new UsageError(`${entry.name} are in the warehouse already; --source api reads them anew.`);
    return prepared;
  } catch (error) {
    if (error instanceof UsageError) return command.error(`error: ${error.message}`);
    throw error;
  }
}

function destinationOf(entry: ExportEntry, values: OptionValues, common: CommonOptions): Destination {
  if (common.intoWarehouse) return { kind: 'warehouse' };
  if (common.output === '-') return { kind: 'stdout' };
  const path = common.output ?? defaultFileName(entry, values);
  return { kind: 'file', path, force: common.force === true };
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError('It must be a number of seconds up to 3600.');
}
