import { sleep } from '../clock.js';
import type { Config } from '../config.js';
import { isAbortError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { StatusReport } from '../status/report.js';
import { momentWords, plural, shortDuration } from '../status/words.js';
import { unfinishedErasures } from '../warehouse/forget.js';
import { readReport, statusSettings } from './watch.js';
import { withWarehouse } from './with-warehouse.js';

export interface StatusRequest {
  readonly json?: boolean;
  readonly watch?: boolean;
}

const WATCH_EVERY_MS = 2_000;
/** Clears the screen and what has scrolled away, and goes to the top. */
const CLEAR = '\u001b[2J\u001b[3J\u001b[H';

/** Shows how every Application stands, as the status page does: read from Postgres, without any request to the API. */
export async function statusCommand(
  { json = false, watch = false }: StatusRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  await withWarehouse(
    config,
    log,
    signal,
    async (warehouse) => {
      const settings = statusSettings(config);
      const show = async () => {
        const report = await readReport(warehouse, settings);
        const text = json
          ? `${JSON.stringify(report, null, watch ? 0 : 2)}\n`
          : statusText(report) + erasureText(await unfinishedErasures(warehouse));
        process.stdout.write(watch && !json && process.stdout.isTTY ? CLEAR + text : text);
      };
      await show();
      while (watch && !signal.aborted) {
        await sleep(WATCH_EVERY_MS, signal).catch((error: unknown) => {
          if (!isAbortError(error)) throw error;
        });
        if (!signal.aborted) await show();
      }
    },
    { onlyReads: true },
  );
}

function erasureText({ length }: readonly string[]): string {
  if (length === 0) return '';
  const subject = length === 1 ? '1 erasure is' : `${length} erasures are`;
  return `${subject} not finished: the daemon blanks the rest within minutes, or "forget" does.\n`;
}

type Row = readonly string[];
const HEAD: Row = ['APPLICATION', 'STATE', 'COMPLETE THROUGH', 'LAG', 'OWED', 'QUARANTINED'];
/** Numbers stand to the right. */
const RIGHT = new Set([3, 4, 5]);

/** The table for a terminal; the worst Application first. */
export function statusText(report: StatusReport): string {
  const rows = report.applications.map((one): Row => {
    const owed =
      one.owedProfiles === null || one.owedSessions === null ? '?' : one.owedProfiles + one.owedSessions;
    return [
      `${one.id} ${one.name}`,
      one.words,
      one.completeThrough === null ? '-' : momentWords(one.completeThrough),
      one.lagSeconds === null ? '-' : shortDuration(one.lagSeconds),
      String(owed),
      one.quarantined === null ? '?' : String(one.quarantined),
    ];
  });
  const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: Row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return RIGHT.has(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const advice = report.applications.flatMap(({ name, advice: text }) =>
    text === null ? [] : [`${name}: ${text}`],
  );
  const jobs = report.jobs.worst.map(({ job, words }) => `Job ${job}: ${words}`);
  const elsewhere = report.quarantinedElsewhere
    ? [`${plural(report.quarantinedElsewhere, 'quarantined record')} of loyalty and reference data`]
    : [];
  const beside = [...advice, ...jobs, ...elsewhere];
  return [
    `${report.headline}. ${report.why}`,
    '',
    ...(rows.length > 0 ? [HEAD, ...rows].map(line) : []),
    ...(beside.length > 0 ? ['', ...beside] : []),
    '',
  ].join('\n');
}
