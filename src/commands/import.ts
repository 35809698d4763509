import { type Command, Option } from 'commander';
import { ATTRIBUTE_TYPES } from '../import/attribute-values.js';
import { type CsvImport, csvImports } from '../import/csv-imports.js';
import { csvKind } from '../import/csv-kind.js';
import type { ColumnChoice } from '../import/header.js';
import { profileKind } from '../import/profile-kind.js';
import { sessionKind } from '../import/session-kind.js';
import type { Format } from '../import/source-file.js';
import type { Action, Execute } from './action.js';
import { demand } from './demand.js';
import { attributeTypes } from './import-attributes.js';
import { type ImportRequest, importCommand, type MakeKind } from './import-command.js';
import { collected, count, delimiter, identifier, pair, typed } from './import-options.js';

/** What every import understands on the command line, as commander hands it over. */
interface CommonOptions {
  readonly map: ReadonlyMap<string, string>;
  readonly ignore: ReadonlySet<string>;
  readonly delimiter: string;
  readonly partRows?: number;
  readonly report?: string;
  readonly dryRun?: boolean;
  readonly again?: boolean;
  readonly verify?: boolean;
  readonly settle?: 'accepted' | 'not-sent';
  readonly replace?: boolean;
}

interface RecordOptions extends CommonOptions {
  readonly format?: Format;
  readonly type: ReadonlyMap<string, string>;
  readonly concurrency?: number;
}

const HELP = `
The whole file is checked before anything is sent. What was sent is noted in Postgres, so an import that was interrupted
goes on where it stopped when the same command is given again. docs/import.md explains each.

Examples:
  talon-one-sync import profiles customers.csv --dry-run
  talon-one-sync import loyalty-points points.csv --program 139`;

/** IDs as docs/import.md has them. */
const EXAMPLE_IDS: Readonly<Record<string, string>> = {
  application: '42',
  campaign: '7',
  program: '139',
  pool: '3',
  audience: '5',
  collection: '9',
  attribute: '302',
};

function exampleOf(name: string, more: readonly string[] = []): string {
  return `\nExample:\n  ${['talon-one-sync import', name, `${name}.csv`, ...more].join(' ')}`;
}

/** Adds one subcommand of `import` for each kind. */
export function addImports(group: Command, execute: Execute): void {
  group.addHelpText('after', HELP);
  addProfiles(group, execute);
  addSessions(group, execute);
  for (const what of csvImports) addCsvImport(group, what, execute);
}

function addProfiles(group: Command, execute: Execute): void {
  const command = addImport(group, 'profiles', 'customer profiles with their attributes (CSV or NDJSON)');
  command.addHelpText('after', exampleOf('profiles'));
  addRecordOptions(command).action(async (path: string, options: RecordOptions) => {
    const makeKind: MakeKind = async ({ client, format, integrationApiKey, context }) =>
      profileKind({
        format,
        choice: choiceOf(options),
        types: await attributeTypes(client, 'CustomerProfile', options.type, context),
        partRows: options.partRows,
        integrationApiKey,
      });
    await execute(action(path, options, makeKind), { needsIntegrationKey: true });
  });
}

function addSessions(group: Command, execute: Execute): void {
  const command = addImport(group, 'sessions', 'past orders as closed customer sessions (CSV or NDJSON)');
  command.addHelpText('after', exampleOf('sessions', ['--concurrency 8']));
  addRecordOptions(command)
    .option(
      '--concurrency <number>',
      'sessions sent at the same time, never two of one customer',
      count(1, 50),
      4,
    )
    .option('--again', 'send orders that were accepted before')
    .action(async (path: string, options: RecordOptions) => {
      const makeKind: MakeKind = async ({ client, format, integrationApiKey, context }) =>
        sessionKind({
          format,
          choice: choiceOf(options),
          types: {
            session: await attributeTypes(client, 'CustomerSession', options.type, context),
            item: await attributeTypes(client, 'CartItem', options.type, context),
          },
          concurrency: options.concurrency ?? 1,
          partRows: options.partRows,
          integrationApiKey,
        });
      await execute(action(path, options, makeKind), { needsIntegrationKey: true });
    });
}

function addCsvImport(group: Command, what: CsvImport, execute: Execute): void {
  const command = addImport(group, what.name, `${what.about} (CSV)`);
  for (const { option, about } of what.path)
    command.option(`--${option} <id>`, about, identifier).hook('preAction', demand(option));
  for (const { option, about, value, choices } of what.query ?? []) {
    const added = new Option(value === undefined ? `--${option} <value>` : `--${option}`, about);
    command.addOption(choices === undefined ? added : added.choices(choices));
  }
  if (what.effect === 'replaces') command.option('--replace', 'needed: the file replaces the whole list');
  if (what.effect === 'adds') {
    command.option('--again', 'send rows that were sent before: they count twice');
    command.addOption(settleOption());
  }
  if (what.hasLedger)
    command.option(
      '--verify',
      'look up in the ledger what became of parts that got no answer; sends nothing',
    );
  const columns = what.columns
    .map(({ name, required }) => `${name}${required ? ' (needed)' : ''}`)
    .join(', ');
  const example = exampleOf(what.name, [
    ...what.path.map(({ option }) => `--${option} ${EXAMPLE_IDS[option] ?? '1'}`),
    ...(what.effect === 'replaces' ? ['--replace'] : []),
  ]);
  command.addHelpText('after', `\nColumns: ${columns}\n${example}`);
  command.action(async (path: string, options: CommonOptions & Record<string, unknown>) => {
    if (what.effect === 'replaces' && !options.replace && !options.dryRun)
      command.error(`error: ${what.name} replaces the whole list by the file: say so with --replace`);
    const kind = csvKind(what, {
      path: Object.fromEntries(
        what.path.map(({ option, parameter }) => [parameter, String(options[option])]),
      ),
      query: queryOf(what, options),
      choice: choiceOf(options),
      partRows: options.partRows,
    });
    await execute(
      action(path, options, async () => kind, 'csv'),
      { needsDatabase: what.effect === 'adds' && !options.dryRun },
    );
  });
}

function settleOption(): Option {
  const about = 'say what became of parts that were refused or got no answer; sends nothing';
  return new Option('--settle <verdict>', about).choices(['accepted', 'not-sent']);
}

function queryOf(what: CsvImport, options: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = (what.query ?? []).flatMap(({ option, parameter, value }) => {
    const text = options[option.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    return text === undefined ? [] : [[parameter, value ?? String(text)] as const];
  });
  return Object.fromEntries(given);
}

function addImport(group: Command, name: string, about: string): Command {
  return group
    .command(`${name} <file>`)
    .description(about)
    .option('--dry-run', 'only check the file; needs no database')
    .option('--report <file>', 'write every problem to a CSV file')
    .option('--map <column=name>', 'take a column of the file for another one (repeatable)', pair, new Map())
    .option('--ignore <column>', 'leave a column of the file out (repeatable)', collected, new Set())
    .option('--delimiter <character>', 'what stands between the columns', delimiter, ',')
    .option('--part-rows <number>', 'the most rows, profiles or sessions in a part', count(1, 1_000_000));
}

function addRecordOptions(command: Command): Command {
  return command
    .addOption(settleOption())
    .addOption(
      new Option('--format <format>', 'of the file; usually its name tells').choices(['csv', 'ndjson']),
    )
    .option(
      '--type <attribute=type>',
      `type of an attribute that the account does not list: ${ATTRIBUTE_TYPES.join(', ')}`,
      typed,
      new Map(),
    );
}

function action(path: string, options: CommonOptions, makeKind: MakeKind, format?: Format): Action {
  const request: ImportRequest = {
    path,
    format: format ?? (options as RecordOptions).format,
    delimiter: options.delimiter,
    report: options.report,
    dryRun: options.dryRun === true,
    run: { again: options.again === true, verify: options.verify === true, settle: options.settle },
    makeKind,
  };
  return (config, log, signal) => importCommand(request, config, log, signal);
}

function choiceOf({ map, ignore }: CommonOptions): ColumnChoice {
  return { map, ignore };
}
