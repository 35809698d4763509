import { type Config, loadConfig, readEnvironment } from '../config.js';
import { messageOf, UserError } from '../errors.js';
import { createLogger, type Logger, scrubber } from '../logger.js';
import { isMigrated } from '../warehouse/migrate.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { checkApi } from './check-api.js';
import { checkDatabase } from './check-database.js';
import { openWarehouse, Releasers } from './context.js';
import type { Finding } from './finding.js';

/**
 * Tries everything the daemon will use and says for each what is wrong and what to do. Writes nothing.
 * @returns the exit code: 0 when there is no problem, else 1
 */
export async function checkCommand(asJson: boolean): Promise<number> {
  const findings: Finding[] = [];
  let config: Config | undefined;
  try {
    config = loadConfig(readEnvironment());
    findings.push({ what: 'configuration', state: 'ok', found: 'complete' });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    findings.push({
      what: 'configuration',
      state: 'problem',
      found: error.message,
      advice: 'Mend the variables named above.',
    });
  }
  if (config) {
    const log = createLogger({ level: 'silent', pretty: false, secrets: config.secrets });
    findings.push(...(await checkAll(config, log)));
  }
  const scrub = scrubber(config?.secrets ?? []);
  process.stdout.write(scrub(asJson ? toJson(findings) : toText(findings)));
  return findings.some((finding) => finding.state === 'problem') ? 1 : 0;
}

async function checkAll(config: Config, log: Logger): Promise<Finding[]> {
  const controller = new AbortController();
  const releasers = new Releasers();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  try {
    const database = await checkDatabase(config, log, controller.signal);
    const isUsable = database.every((finding) => finding.state !== 'problem');
    const warehouse = isUsable ? await budgetHolder(config, log, releasers, controller.signal) : undefined;
    return [...database, ...(await checkApi(config, log, warehouse, controller.signal))];
  } catch (error) {
    return [{ what: 'check', state: 'problem', found: messageOf(error) }];
  } finally {
    await releasers.release(log);
  }
}

/** The warehouse through which running daemons share their requests with this command; none where nothing runs yet. */
async function budgetHolder(
  config: Config,
  log: Logger,
  releasers: Releasers,
  signal: AbortSignal,
): Promise<Warehouse | undefined> {
  try {
    const { warehouse } = await openWarehouse(config, log, releasers, signal);
    return (await isMigrated(warehouse)) ? warehouse : undefined;
  } catch {
    return undefined;
  }
}

const MARKS = { ok: 'ok     ', note: 'note   ', problem: 'PROBLEM' } as const;

function toText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map((finding) => finding.what.length));
  const lines = findings.map(({ what, state, found, advice }) => {
    const head = `${MARKS[state]}  ${what.padEnd(width)}  ${found}`;
    return advice === undefined ? head : `${head}\n${' '.repeat(11 + width)}→ ${advice}`;
  });
  const problems = findings.filter((finding) => finding.state === 'problem').length;
  const verdict =
    problems === 0
      ? 'Everything the daemon needs is there.'
      : `${problems} to mend before the daemon can run.`;
  return `${lines.join('\n')}\n\n${verdict}\n`;
}

function toJson(findings: readonly Finding[]): string {
  const isReady = findings.every((finding) => finding.state !== 'problem');
  return `${JSON.stringify({ isReady, findings }, null, 2)}\n`;
}
