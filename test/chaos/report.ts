import { formatCount, formatDuration, plural } from '../demo/numbers.js';
import { numberColumns, textTable } from '../demo/text-table.js';
import type { CampaignResult } from './campaign.js';
import type { Counts } from './verdict.js';

const COUNTS: Readonly<Record<keyof Counts, string>> = {
  lost: 'events lost',
  double: 'events double',
  neverIssued: 'events never issued',
  unequal: 'payloads unequal',
  wrongEffects: 'effects missing, different or too many',
  staleProfiles: 'profiles older than their newest event',
  staleSessions: 'sessions older than their newest event',
  unequalSnapshots: 'newest snapshots unequal to the API',
  owedLeft: 'snapshots owed',
  quarantined: 'records in quarantine',
  falseClaims: 'complete_through ahead of what is stored',
  outdatedWrites: 'writes under an outdated fence',
  requestsAboveLimit: 'requests above the limit in a second',
  badEnds: 'daemons that ended by themselves or badly',
  notCaughtUp: 'not caught up in time',
};

/** What one campaign found, for people. */
export function describeResult(result: CampaignResult): string[] {
  const { verdict, habits, faults } = result;
  const { latency } = verdict;
  const rows = Object.entries(COUNTS).map(([name, text]) => {
    const count = verdict.counts[name as keyof Counts];
    return [text, formatCount(count), count === 0 ? '' : 'FAILED'];
  });
  return [
    '',
    `seed ${result.seed}, ${result.minutes} min, ${plural(faults.length, 'fault')} (${plural(new Set(faults.map(({ kind }) => kind)).size, 'kind')}), ` +
      `${result.isThroughBouncer ? 'through PgBouncer' : 'without PgBouncer'}, ${habits.requestsPerSecond} requests a second, ` +
      `pages of ${habits.pageSize}, sessions ${habits.sessionSource}, ${habits.eventsPerSecond} events a second`,
    ...textTable(numberColumns(['', '', '']), [
      ['events ok', formatCount(verdict.eventsOk), ''],
      ...rows,
      ['leases taken', formatCount(verdict.takeovers), ''],
      ['visible to stored, median', formatDuration(latency.p50Ms), ''],
      ['visible to stored, 99 in 100', formatDuration(latency.p99Ms), ''],
      ['visible to stored, longest', formatDuration(latency.maxMs), ''],
      ['longest stall', formatDuration(latency.longestStallMs), ''],
      ['peak memory of a daemon', megabytes(verdict.peakMemory), ''],
    ]),
    ...result.restrictions.map((restriction) => `  not done: ${restriction}`),
    ...verdict.findings.map((finding) => `  ${finding}`),
    ...(result.folder === undefined ? [] : [`  logs of the daemons: ${result.folder}`]),
    ...howToRepeat(result),
    result.hasPassed ? '  passed' : '  FAILED',
  ];
}

function howToRepeat({ seed, minutes, faults }: CampaignResult): string[] {
  const command = `npm run chaos -- --seed ${seed} --minutes ${minutes}`;
  return [
    `  the same again: ${command} (and the options that were given beside)`,
    `  one fault of it alone, by its number above: ${command} --only ${faults[0]?.number ?? 1}`,
  ];
}

const HEADERS = [
  'seed',
  'min',
  'faults',
  'PgBouncer',
  'req/s',
  'sessions',
  'events ok',
  'lost',
  'double',
  'never issued',
  'unequal',
  'stale',
  'owed',
  'quarantined',
  'false claims',
  'outdated fence',
  'above limit',
  'bad ends',
  'p50',
  'p99',
  'max',
  'stall',
  'memory',
];

/** A Markdown table, a row for each campaign and their sum. */
export function markdownTable(results: readonly CampaignResult[]): string[] {
  const sum = (of: (result: CampaignResult) => number) => results.reduce((total, one) => total + of(one), 0);
  const most = (of: (result: CampaignResult) => number) => Math.max(...results.map(of));
  const total = [
    `**${results.length}**`,
    sum(({ minutes }) => minutes),
    sum(({ faults }) => faults.length),
    sum(({ isThroughBouncer }) => Number(isThroughBouncer)),
    '',
    '',
    formatCount(sum(({ verdict }) => verdict.eventsOk)),
    ...COUNT_CELLS.map((cell) => formatCount(sum(cell))),
    '',
    formatDuration(most(({ verdict }) => verdict.latency.p99Ms)),
    formatDuration(most(({ verdict }) => verdict.latency.maxMs)),
    formatDuration(most(({ verdict }) => verdict.latency.longestStallMs)),
    megabytes(most(({ verdict }) => verdict.peakMemory)),
  ];
  const line = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`;
  return [
    line(HEADERS),
    line(HEADERS.map(() => '--:')),
    ...results.map((result) => line(cellsOf(result))),
    line(total),
  ];
}

const COUNT_CELLS: readonly ((result: CampaignResult) => number)[] = [
  ({ verdict: { counts } }) => counts.lost,
  ({ verdict: { counts } }) => counts.double,
  ({ verdict: { counts } }) => counts.neverIssued,
  ({ verdict: { counts } }) => counts.unequal + counts.wrongEffects + counts.unequalSnapshots,
  ({ verdict: { counts } }) => counts.staleProfiles + counts.staleSessions,
  ({ verdict: { counts } }) => counts.owedLeft + counts.notCaughtUp,
  ({ verdict: { counts } }) => counts.quarantined,
  ({ verdict: { counts } }) => counts.falseClaims,
  ({ verdict: { counts } }) => counts.outdatedWrites,
  ({ verdict: { counts } }) => counts.requestsAboveLimit,
  ({ verdict: { counts } }) => counts.badEnds,
];

function cellsOf(result: CampaignResult): unknown[] {
  const { verdict, habits } = result;
  const { latency } = verdict;
  return [
    result.seed,
    result.minutes,
    result.faults.length,
    result.isThroughBouncer ? 'yes' : 'no',
    habits.requestsPerSecond,
    habits.sessionSource,
    formatCount(verdict.eventsOk),
    ...COUNT_CELLS.map((cell) => formatCount(cell(result))),
    formatDuration(latency.p50Ms),
    formatDuration(latency.p99Ms),
    formatDuration(latency.maxMs),
    formatDuration(latency.longestStallMs),
    megabytes(verdict.peakMemory),
  ];
}

function megabytes(bytes: number): string {
  return bytes === 0 ? 'unknown' : `${Math.round(bytes / 1024 / 1024)} MB`;
}
