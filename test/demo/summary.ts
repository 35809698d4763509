import type { BackFill } from './back-fill.js';
import type { Lag } from './lag.js';
import type { Live } from './live.js';
import { formatCount, formatDuration, percentile, plural } from './numbers.js';
import type { Check } from './proof.js';
import { type RequestsSpent, requestsSpent } from './requests-spent.js';
import type { Stage } from './stage.js';
import { numberColumns, textTable } from './text-table.js';

const TABLES = [
  'talon_one_event',
  'talon_one_effect',
  'talon_one_profile_snapshot',
  'talon_one_session_snapshot',
  'talon_one_loyalty_transaction',
  'talon_one_campaign',
  'talon_one_sync_cycle',
  'talon_one_owed_snapshot',
  'talon_one_quarantine',
];
/** What Talon.One allows each endpoint. */
const REQUESTS_PER_SECOND = 3;
/** The recipe sleeps one to five minutes between its cycles; the shortest is taken. */
const RECIPE_CYCLE_SECONDS = 60;

export async function rowsPerTable({ warehouse }: Stage): Promise<string[]> {
  const counts = TABLES.map((table) => `(select count(*) from ${table}) as ${table}`);
  const row = await warehouse.row(`select ${counts.join(', ')}`);
  const cells = TABLES.map((table) => [table, formatCount(Number(row[table]))]);
  return textTable(numberColumns(['', '']), cells);
}

/** What was spent on all of it, beside what the published recipe would have spent. */
export function requestTable({ simulator }: Stage, backFill: BackFill): string[] {
  const recipe = simulator.recipeCost(undefined, RECIPE_CYCLE_SECONDS);
  const all = requestsSpent(simulator);
  const line = (label: string, count: (spent: RequestsSpent) => number, recipeCount?: number) => [
    label,
    formatCount(count(backFill.requests)),
    formatCount(count(all) - count(backFill.requests)),
    formatCount(count(all)),
    recipeCount === undefined ? '-' : formatCount(recipeCount),
  ];
  const table = textTable(numberColumns(['', 'back-fill', 'live', 'together', 'the recipe']), [
    line('Applications', (spent) => spent.applications, 1),
    line('events', (spent) => spent.events, recipe.pages),
    line('profiles', (spent) => spent.profiles, recipe.profiles),
    line('sessions', (spent) => spent.sessions, recipe.sessions),
    line('loyalty and others', (spent) => spent.others),
    line('all', (spent) => spent.total, recipe.total + 1),
  ]);
  const slowest = Math.max(recipe.pages, recipe.profiles, recipe.sessions);
  const atLeast = formatDuration((slowest / REQUESTS_PER_SECOND) * 1000);
  const oneByOne = formatDuration((recipe.total / REQUESTS_PER_SECOND) * 1000);
  return [
    ...table,
    '',
    '  The published recipe lists the same events, then asks for each profile and each session by itself, here',
    `  counted with one cycle a minute. At ${REQUESTS_PER_SECOND} requests a second to each endpoint that takes ${atLeast} with all`,
    `  endpoints side by side, ${oneByOne} one request after the other; the back-fill above took ${formatDuration(backFill.durationMs)}.`,
    '  It copies neither loyalty nor campaigns and other reference data.',
    '  Sessions that come from a list have NULL in total_discounts, because the API sends 0 there;',
    '  SESSION_SNAPSHOT_SOURCE=by-id fetches the true value, for one request a session.',
  ];
}

export function lagTable(lag: Lag, intervalSeconds: number): string[] {
  const row = (label: string, values: readonly number[]) => [
    label,
    formatCount(values.length),
    ...[percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)].map(lagText),
  ];
  const table = textTable(numberColumns(['', 'events', 'p50', 'p99', 'longest']), [
    row('daemon running', lag.running),
    row('while it was dead', lag.restart),
  ]);
  return [
    ...table,
    '',
    `  With ${intervalSeconds} s between cycles; the default is 60 s. After a kill -9 the next daemon waits until the lease`,
    `  of the dead one has run out. ${plural(lag.late, 'event')} became visible late, ${lag.overtaken} of them behind newer ones that were`,
    '  stored already: reading on from the newest stored event, as the recipe does, would have missed those.',
  ];
}

function lagText(ms: number): string {
  return Number.isNaN(ms) ? '-' : formatDuration(ms);
}

export function proofLines(checks: readonly Check[]): string[] {
  const cells = checks.map(({ passed, subject, text }) => [passed ? 'ok' : 'FAILED', subject, text]);
  return textTable([{ header: '' }, { header: '' }, { header: '' }], cells);
}

/** The check that the daemon had nothing to complain about, and lived as long as it should. */
export function daemonCheck({ log }: Stage, { cycles }: Live, exitCode: number | null | undefined): Check {
  const lines = Object.values(log.levels).reduce((sum, count) => sum + count, 0);
  const end = exitCode === undefined ? '' : `, ended by SIGTERM with exit code ${exitCode}`;
  return {
    subject: 'daemon',
    passed: log.complaints.length === 0 && (exitCode === undefined || exitCode === 0),
    text: `${cycles} live cycles, ${lines} log lines, ${log.complaints.length} of them warnings or errors${end}`,
  };
}
