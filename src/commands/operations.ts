import { type Command, InvalidArgumentError, Option } from 'commander';
import { OPTIONS } from '../export/options.js';
import { formatInstant, type Instant, parseInstant } from '../instant.js';
import type { Execute } from './action.js';
import type { BackfillRequest } from './backfill.js';
import { demand } from './demand.js';
import type { ForgetRequest } from './forget.js';
import type { StatusRequest } from './status.js';
import type { VerifyRequest } from './verify.js';

// The commands for looking after a copy that is there already. Each loads its own parts when it is run.

/** Data and tables go to standard output, logs to standard error; what is interrupted is not done. */
const TO_PEOPLE = { logsToStderr: true, codeWhenStopped: 1 } as const;

export function addOperations(program: Command, execute: Execute, setExitCode: (code: number) => void): void {
  program
    .command('status')
    .description('how every Application stands: complete until when, and if not why')
    .option('--json', 'the report as JSON, like /status.json of the daemon')
    .option('--watch', 'again every two seconds, until interrupted')
    .addHelpText(
      'after',
      '\nAsks Postgres alone, so any machine that reaches it will do. Percent and remaining time of a back-fill come from its own\npace under REQUESTS_PER_SECOND.\n\nExamples:\n  talon-one-sync status\n  talon-one-sync status --watch\n  talon-one-sync status --json',
    )
    .action(async (request: StatusRequest) => {
      const { statusCommand } = await import('./status.js');
      await execute((config, log, signal) => statusCommand(request, config, log, signal), {
        logsToStderr: true,
        needsApi: false,
      });
    });
  program
    .command('verify')
    .description('list a period of events again and compare it with what is stored')
    .addOption(application())
    .addOption(time('--from <time>', 'created from here on; default: 30 days before the end'))
    .addOption(time('--to <time>', 'created before; default: as far as the copy is complete'))
    .option('--repair', 'store what is missing, and replace what is different')
    .option('--deep', 'compare every payload; default: one in twenty')
    .option('--json', 'one JSON object instead of a table')
    .addHelpText(
      'after',
      '\nSpends half of the request budget at most, and goes on where it was interrupted. Ends with 1 when something is missing\nor different and was not repaired.\n\nExamples:\n  talon-one-sync verify\n  talon-one-sync verify --application 42 --from 2026-11-01 --to 2026-12-01 --repair\n  talon-one-sync verify --from 2026-11-20 --deep --json',
    )
    .hook('preAction', demandPeriod)
    .action(async (request: VerifyRequest) => {
      const { verifyCommand } = await import('./verify.js');
      await execute((config, log, signal) => verifyCommand(request, config, log, signal), TO_PEOPLE);
    });
  program
    .command('backfill')
    .description('read a period of events again and store what is not there yet')
    .addOption(application())
    .addOption(time('--from <time>', 'created from here on'))
    .hook('preAction', demand('from'))
    .addOption(time('--to <time>', 'created before; default: as far as the live sync has come'))
    .addHelpText(
      'after',
      '\nThe live sync goes on beside it: its cursor stays where it is. Also for a time before SYNC_START.\n\nExamples:\n  talon-one-sync backfill --from 2026-01-01\n  talon-one-sync backfill --application 42 --from 2026-01-01 --to 2026-02-01',
    )
    .hook('preAction', demandPeriod)
    .action(async (request: BackfillRequest) => {
      const { backfillCommand } = await import('./backfill.js');
      await execute((config, log, signal) => backfillCommand(request, config, log, signal), {
        codeWhenStopped: 1,
      });
    });
  program
    .command('forget')
    .description('blank everything that the warehouse holds of one customer, for good')
    .option('--profile <integrationId>', 'integration ID of the customer profile')
    .hook('preAction', demand('profile'))
    .option('--dry-run', 'say how many rows would be blanked, and change nothing')
    .addHelpText(
      'after',
      '\nKeys, times and amounts stay; later syncs do not bring the rest back. Erase the customer in Talon.One first.\n\nExamples:\n  talon-one-sync forget --profile anna@example.com --dry-run\n  talon-one-sync forget --profile anna@example.com',
    )
    .action(async (request: ForgetRequest) => {
      const { forgetCommand } = await import('./forget.js');
      await execute((config, log, signal) => forgetCommand(request, config, log, signal), {
        ...TO_PEOPLE,
        needsApi: false,
      });
    });
  program
    .command('retention')
    .description('drop the events and effects that are older than RETENTION_MONTHS')
    .option('--dry-run', 'say which partitions would be dropped, and change nothing')
    .addHelpText(
      'after',
      '\nThe daemon does it once a day.\n\nExamples:\n  RETENTION_MONTHS=24 talon-one-sync retention --dry-run\n  talon-one-sync retention',
    )
    .action(async (options: { dryRun?: boolean }) => {
      const { retentionCommand } = await import('./retention.js');
      await execute((config, log, signal) => retentionCommand(options, config, log, signal), {
        ...TO_PEOPLE,
        needsApi: false,
      });
    });
  program
    .command('config')
    .description('show every setting, secrets masked, and where it comes from')
    .option('--json', 'one JSON object instead of a table')
    .addHelpText('after', '\nExamples:\n  talon-one-sync config\n  talon-one-sync config --json')
    .action(async ({ json }: { json?: boolean }) => {
      const { configCommand } = await import('./config.js');
      setExitCode(configCommand(json === true));
    });
}

/** A period that ends before it begins is a mistake, not an empty one. */
function demandPeriod(_program: Command, command: Command): void {
  const { from, to } = command.opts<{ from?: Instant; to?: Instant }>();
  if (from === undefined || to === undefined || from < to) return;
  command.error(`error: --to ${formatInstant(to)} is not after --from ${formatInstant(from)}`);
}

function application(): Option {
  const { flags, read } = OPTIONS.application;
  return new Option(flags, 'one Application; default: all that are copied').argParser((text) => {
    const result = read(text);
    if ('problem' in result) throw new InvalidArgumentError(result.problem);
    return result.value;
  });
}

function time(flags: string, about: string): Option {
  return new Option(flags, about).argParser((text): Instant => {
    const result = OPTIONS.from.read(text);
    if ('problem' in result) throw new InvalidArgumentError(result.problem);
    return parseInstant(result.value) ?? 0n;
  });
}
