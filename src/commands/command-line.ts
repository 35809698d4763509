import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type Config, loadConfig, readEnvironment } from '../config.js';
import { isAbortError, messageOf, UserError } from '../errors.js';
import { createLogger, type Logger, scrubber } from '../logger.js';
import { packageVersion } from '../package-info.js';
import { ApiError } from '../talon-one/api-error.js';
import { SNAPSHOT_KINDS, type SnapshotKind } from '../warehouse/loyalty-snapshot-sql.js';
import type { Action, ExecuteOptions } from './action.js';
import { addOperations } from './operations.js';
import { stopSignal } from './stop-signal.js';

/** Exit codes of every command. */
const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/**
 * Reads the command line, runs one command, and returns the exit code: 0 done, 1 failed, 2 wrong usage.
 * @param words the arguments after the program's name
 */
export async function main(words: readonly string[]): Promise<number> {
  let exitCode = DONE;
  const setExitCode = (code: number) => {
    exitCode = code;
  };
  try {
    const program = createProgram(setExitCode);
    await addGroups(program, words, setExitCode);
    await program.parseAsync(words.length === 0 ? ['run'] : [...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
    throw error;
  }
}

function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('talon-one-sync')
    .description("Keeps a complete, current copy of a company's Talon.One data in its Postgres warehouse.")
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError('(talon-one-sync --help lists the commands)')
    .addHelpText(
      'after',
      '\nEverything else is set by environment variables, or a .env file in the working directory: see .env.example.\nExit codes: 0 done, 1 failed, 2 wrong usage.',
    );
  const command = (name: string, summary: string, details: string) =>
    program.command(name).description(summary).addHelpText('after', `\n${details}`);

  command(
    'run',
    'the daemon: sync every Application at its interval until stopped (the default)',
    'Example:\n  talon-one-sync run',
  ).action(async () => setExitCode(await execute((await import('./run.js')).runCommand)));
  command(
    'once',
    'sync until caught up and nothing is owed, then end (for cron)',
    'Example:\n  talon-one-sync once && dbt run',
  ).action(async () => setExitCode(await execute((await import('./once.js')).onceCommand)));
  command(
    'migrate',
    'bring the warehouse schema up to date, then end',
    'Example:\n  DATABASE_URL=postgresql://… talon-one-sync migrate',
  ).action(async () =>
    setExitCode(await execute((await import('./migrate.js')).migrateCommand, { needsApi: false })),
  );
  command(
    'check',
    'try the configuration, every API endpoint and the database rights',
    'Examples:\n  talon-one-sync check\n  talon-one-sync check --json',
  )
    .option('--json', 'one JSON object instead of a table')
    .action(async ({ json }: { json?: boolean }) =>
      setExitCode(await (await import('./check.js')).checkCommand(json === true)),
    );
  command(
    'snapshot-loyalty',
    'read balances, tiers and join dates of loyalty programs into their tables now, then end',
    'Examples:\n  talon-one-sync snapshot-loyalty\n  talon-one-sync snapshot-loyalty --program 139 --program 140 --kind balances',
  )
    .addOption(
      new Option('--program <id>', 'loyalty program (repeatable); default: all that are copied').argParser(
        programIds,
      ),
    )
    .addOption(
      new Option('--kind <kind...>', 'what to read; default: what the daemon reads daily').choices(
        SNAPSHOT_KINDS,
      ),
    )
    .action(async ({ program: ids, kind: kinds }: { program?: string[]; kind?: SnapshotKind[] }) => {
      const { snapshotLoyaltyCommand } = await import('./snapshot-loyalty.js');
      const request = { programIds: ids, kinds };
      const action: Action = (config, log, signal) => snapshotLoyaltyCommand(request, config, log, signal);
      setExitCode(await execute(action, { codeWhenStopped: FAILED }));
    });
  addOperations(program, async (action, options) => setExitCode(await execute(action, options)), setExitCode);
  return program;
}

function programIds(text: string, given: string[] = []): string[] {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return [...given, text];
}

// Loaded only when they are asked for: the daemon starts sooner without them.
async function addGroups(
  program: Command,
  words: readonly string[],
  setExitCode: (code: number) => void,
): Promise<void> {
  const exports = program
    .command('export')
    .description('write data of Talon.One to a CSV file, to standard output or into a table');
  const imports = program
    .command('import')
    .description('bring customers, past orders, loyalty points and codes into Talon.One');
  if (words.includes('export')) {
    const { addExports } = await import('./export.js');
    addExports(exports, async (action, options) => setExitCode(await execute(action, options)));
  }
  if (words.includes('import')) {
    const { addImports } = await import('./import.js');
    const stopped = { codeWhenStopped: FAILED };
    addImports(imports, async (action, needs) =>
      setExitCode(await execute(action, { ...needs, ...stopped })),
    );
  }
}

/** Runs a command with configuration, log and stop signal, and turns its failure into one clear line. */
async function execute(action: Action, options: ExecuteOptions = {}): Promise<number> {
  let config: Config;
  try {
    config = loadConfig(readEnvironment(), options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return FAILED;
  }
  const log = createLog(config, options);
  const codeWhenStopped = options.codeWhenStopped ?? DONE;
  const stop = stopSignal(config.shutdownTimeoutMs, log, codeWhenStopped);
  try {
    await action(config, log, stop.signal);
    return DONE;
  } catch (error) {
    if (stop.signal.aborted && isAbortError(error)) return codeWhenStopped;
    const line = scrubber(config.secrets)(explain(error));
    const isSaidBelow = options.logsToStderr && (error instanceof UserError || error instanceof ApiError);
    if (!isSaidBelow)
      log.fatal(error instanceof UserError ? { reason: line } : { err: error }, 'talon-one-sync ends');
    process.stderr.write(`${line}\n`);
    return FAILED;
  } finally {
    stop.dispose();
  }
}

// Beside a progress line on a terminal, only what matters is logged.
function createLog({ log, secrets }: Config, { logsToStderr = false }: ExecuteOptions): Logger {
  if (!logsToStderr) return createLogger({ ...log, secrets });
  const level = process.stderr.isTTY ? 'warn' : log.level;
  return createLogger({ ...log, level, secrets }, process.stderr);
}

function explain(error: unknown): string {
  if (error instanceof UserError) return error.message;
  if (error instanceof ApiError) return `${error.message}. "talon-one-sync check" tells more.`;
  return `Unexpected error: ${messageOf(error)}`;
}
