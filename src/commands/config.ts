import { loadConfig, readSources } from '../config.js';
import { type EffectiveSetting, effectiveSettings } from '../effective-settings.js';
import { ConfigError } from '../errors.js';

/**
 * Shows the effective configuration: each variable with its value, secrets masked, and where it comes from.
 * @returns the exit code: 0, or 1 when the configuration is not usable
 */
export function configCommand(asJson: boolean): number {
  const { environment, fromFile } = readSources();
  const settings = effectiveSettings(environment, fromFile);
  const problems = problemsOf(environment);
  process.stdout.write(
    asJson ? `${JSON.stringify({ settings, problems }, null, 2)}\n` : toText(settings, problems),
  );
  return problems.length > 0 ? 1 : 0;
}

function problemsOf(environment: Parameters<typeof loadConfig>[0]): readonly string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function toText(settings: readonly EffectiveSetting[], problems: readonly string[]): string {
  const width = Math.max(...settings.map(({ name }) => name.length));
  const origins = Math.max(...settings.map(({ origin }) => origin.length));
  const lines = settings.map(({ name, value = '', origin }) =>
    `${name.padEnd(width)}  ${origin.padEnd(origins)}  ${value}`.trimEnd(),
  );
  const wrong = problems.map((problem) => `PROBLEM  ${problem}`);
  return `${[...lines, ...(wrong.length > 0 ? ['', ...wrong] : [])].join('\n')}\n`;
}
