import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXPORTS } from '../src/export/entries.js';
import { ask, list } from './simulator/api-client.js';
import { startSimulator } from './simulator/simulator.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { Daemon } from './support/daemon.js';
import { deploy } from './support/deployment.js';

// Every export as users run it: the built program against the API.

type Row = Readonly<Record<string, string>>;

let sim: Simulator;
let folder: string;
let files = 0;

beforeAll(async () => {
  sim = await startSimulator({ history: { events: 400 }, switches: { requestsPerSecond: 0 } });
  folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-exports-'));
});

afterAll(async () => {
  await sim.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Daemon {
  return new Daemon({
    words: ['export', ...words],
    env: { TALON_ONE_BASE_URL: sim.url, TALON_ONE_API_KEY: sim.apiKey, REQUESTS_PER_SECOND: '0', ...env },
    secrets: [sim.apiKey],
    cwd: folder,
  });
}

/** Runs an export into a file and returns its text. */
async function exported(words: string, extra: readonly string[] = []): Promise<string> {
  files += 1;
  const file = `${files}.out`;
  const run = start([...words.split(' '), ...extra, '--output', file]);
  expect(await run.ended, run.describe()).toEqual({ code: 0, signal: null });
  expect(run.stdout).toBe('');
  return readFile(join(folder, file), 'utf8');
}

/** A customer, or a card, with transactions. */
function ownerIn(program: number): string {
  const [first] = sim.issuedLoyalty(program);
  return first?.owner ?? '';
}

function rowsOf(csv: string): Row[] {
  return parse(csv, { columns: true }) as Row[];
}

/** Exports whose bytes are those of the API, and the request that a user would make by hand. */
const PASSED_ON: readonly [words: string, request: string][] = [
  [
    'sessions --application 1 --from 2026-01-01 --to 2100-01-01T00:00:00+01:00 --state closed',
    '/export_customer_sessions?createdAfter=2026-01-01T00:00:00Z&createdBefore=2099-12-31T23:00:00Z&customerSessionState=closed&dateFormat=ISO8601',
  ],
  ['effects --application 1 --date-format excel', '/export_effects?dateFormat=excel'],
  ['coupons --application 1 --usable true', '/export_coupons?usable=true&dateFormat=ISO8601'],
  ['referrals --application 1', '/export_referrals?dateFormat=ISO8601'],
  [
    'loyalty-balances --program 1 --at 2030-01-01 --balances currentBalance,spentBalance',
    '/v1/loyalty_programs/1/export_customer_balances?endDate=2030-01-01T00:00:00Z&balances=currentBalance,spentBalance',
  ],
  [
    'card-balances --program 2 --at 2026-11-01',
    '/v1/loyalty_programs/2/export_card_balances?endDate=2026-11-01T00:00:00Z',
  ],
  [
    'customer-tiers --program 1 --tiers Gold,Silver',
    '/v1/loyalty_programs/1/export_customers_tiers?tierNames=Gold,Silver',
  ],
  ['join-dates --program 1', '/v1/loyalty_programs/1/export_join_dates'],
  ['cards --program 2', '/v1/loyalty_programs/2/cards/export?dateFormat=ISO8601'],
  ['achievements --achievement {achievement}', '/v2/achievements/{achievement}/export'],
  // One of those that profiles name.
  ['audience --audience 2', '/v1/audiences/2/memberships/export'],
  ['collection --collection {collection}', '/v1/collections/{collection}/export'],
];

function withIds(text: string): string {
  return text.replace(/\{(\w+)\}/g, (_, kind: 'achievement' | 'collection') =>
    String(sim.referenceIds(kind)[0]),
  );
}

describe('passed on byte for byte', () => {
  test.concurrent.for(PASSED_ON)('%s', async ([words, request]) => {
    const { status, text } = await ask(sim, withIds(request));
    expect(status, text).toBe(200);
    expect(rowsOf(text).length).toBeGreaterThan(0);
    expect(await exported(withIds(words))).toBe(text);
  });

  test('the log of one customer, and of one card', async () => {
    const logs = [
      ['customer', 'profile', 1],
      ['card', 'cards', 2],
    ] as const;
    const range = 'rangeStart=2026-01-01T00:00:00Z&rangeEnd=2027-01-01T00:00:00Z&dateFormat=ISO8601';
    for (const [option, path, program] of logs) {
      const owner = ownerIn(program);
      const address = `/v1/loyalty_programs/${program}/${path}/${encodeURIComponent(owner)}/export_log?${range}`;
      const { text } = await ask(sim, address);
      expect(rowsOf(text).length).toBeGreaterThan(0);
      const words = `loyalty-transactions --program ${program} --from 2026-01-01 --to 2027-01-01`;
      expect(await exported(words, [`--${option}`, owner])).toBe(text);
    }
  });
});

describe('made here', () => {
  test.concurrent('loyalty-transactions of a whole program', async () => {
    const rows = rowsOf(await exported('loyalty-transactions --program 1', []));
    const issued = [...sim.issuedLoyalty(1)];
    expect(rows.map((row) => row.id).sort()).toEqual(issued.map(({ id }) => id).sort());
    const { rows: answered } = await list(sim, '/v1/loyalty_programs/1/transactions?pageSize=1000');
    for (const expected of answered) {
      const row = rows.find(({ id }) => id === String(expected.id));
      for (const [name, value] of Object.entries(expected)) {
        const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
        expect(typeof value === 'number' ? String(Number(row?.[name])) : row?.[name]).toBe(text);
      }
    }
  });

  test.concurrent('loyalty-dashboard: a row for each day up to yesterday', async () => {
    const all = rowsOf(await exported('loyalty-dashboard --program 1 --last 7d'));
    expect(all).toHaveLength(7);
    const { rows: answered } = await list(
      sim,
      '/v1/loyalty_programs/1/dashboard?rangeStart=2026-01-01T00:00:00Z&rangeEnd=2126-01-01T00:00:00Z',
    );
    const newest = answered.slice(-7);
    expect(all.map((row) => row.date)).toEqual(newest.map((day) => String(day.date).slice(0, 10)));
    expect(all.map((row) => row.totalMembers)).toEqual(newest.map((day) => String(day.totalMembers)));
    const earned = newest.map(
      (day) => (day.earnedPoints as { createdViaRuleEngine: number }).createdViaRuleEngine,
    );
    expect(all.map((row) => Number(row['earnedPoints.createdViaRuleEngine']))).toEqual(earned);
  });

  test.concurrent('loyalty-projection: every customer at the end of each coming day', async () => {
    const rows = rowsOf(await exported('loyalty-projection --program 1 --days 3'));
    const days = [...new Set(rows.map((row) => row.date ?? ''))];
    expect(days).toHaveLength(3);
    const { rows: programs } = await list(sim, '/v1/loyalty_programs');
    const zone = String(programs.find(({ id }) => id === 1)?.timezone);
    for (const { date = '', profileIntegrationID = '', loyaltySubledger = '', ...row } of rows) {
      const at = endOfDay(date, zone);
      const balance = sim.loyaltyBalance(1, profileIntegrationID, { at, subledgerId: loyaltySubledger });
      expect(Number(row.currentBalance)).toBe(balance.active);
      expect(Number(row.pendingBalance)).toBe(balance.pending);
    }
  });

  test.concurrent('transactions-of and balances-of one customer', async () => {
    const customer = ownerIn(1);
    const { rows } = await list(
      sim,
      `/v1/loyalty_programs/1/profile/${encodeURIComponent(customer)}/ledger_transactions?pageSize=1000`,
    );
    const text = await exported('transactions-of --source api --program 1 --format ndjson', [customer]);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(rows);
    const balances = rowsOf(
      await exported('balances-of --source api --program 1 --at 2026-12-31', [customer]),
    );
    expect(balances[0]?.subledger).toBe('');
    for (const { subledger = '', activePoints } of balances) {
      const at = '2026-12-31T00:00:00Z';
      const { active } = sim.loyaltyBalance(1, customer, { at, subledgerId: subledger });
      expect(Number(activePoints)).toBe(active);
    }
  });

  test.concurrent('profiles and events of the API', async () => {
    const issued = [...sim.issuedEvents(1)];
    const events = (await exported('events --source api --application 1 --format ndjson', []))
      .trim()
      .split('\n');
    expect(events.sort()).toEqual(issued.map(({ text }) => text).sort());
    const profiles = (await exported('profiles --source api --application 1 --format ndjson'))
      .trim()
      .split('\n');
    const ids = new Set(issued.map(({ profileId }) => profileId).filter((id) => id !== null));
    const expected = [...ids].map((id) => sim.profileText(id) ?? '').sort();
    expect(profiles.sort()).toEqual(expected);
  });
});

test('every export of the command line is tried above', () => {
  const tried = [
    ...PASSED_ON.map(([words]) => words.split(' ')[0]),
    'loyalty-transactions',
    'loyalty-dashboard',
  ];
  const others = ['loyalty-projection', 'transactions-of', 'balances-of', 'profiles', 'events'];
  expect(new Set([...tried, ...others])).toEqual(new Set(EXPORTS.map(({ name }) => name)));
});

test('a range that takes the server too long comes in windows: the same rows, the header once', async () => {
  const whole = (await ask(sim, '/export_effects?dateFormat=ISO8601')).text.split('\n');
  sim.set({ exportTimeLimitRows: Math.ceil(whole.length / 5), exportTimeLimit: '504' }, 1);
  try {
    const lines = (await exported('effects --application 1')).split('\n');
    expect(lines[0]).toBe(whole[0]);
    expect(lines.slice(1).sort()).toEqual(whole.slice(1).sort());
  } finally {
    sim.set({ exportTimeLimitRows: 0 }, 1);
  }
});

test('with a warehouse: its events as NDJSON, an export as rows of it, and one request budget for all', async (context) => {
  const { simulator, database, start: run } = await deploy(context, { history: { events: 60 } });
  expect(await run(['once']).ended).toMatchObject({ code: 0 });
  const output = ['--output', '-'];
  const events = run(['export', 'events', '--format', 'ndjson', ...output], {
    env: { TALON_ONE_API_KEY: undefined },
  });
  expect(await events.ended, events.describe()).toEqual({ code: 0, signal: null });
  const written = events.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  const issued = [...simulator.issuedEvents(1)].map(({ text }) => JSON.parse(text) as unknown);
  const byId = (records: unknown[]) =>
    records.sort((a, b) => (a as { id: number }).id - (b as { id: number }).id);
  expect(byId(written)).toEqual(byId(issued));

  const sessions = ['export', 'sessions', '--application', '1', '--into-warehouse'];
  const load = run(sessions, { env: { REQUESTS_PER_SECOND: '3' } });
  expect(await load.ended, load.describe()).toEqual({ code: 0, signal: null });
  const { text } = await ask(simulator, '/export_customer_sessions?dateFormat=ISO8601');
  const rows = await database.query<{ payload: Row }>(
    "select payload from talon_one_latest_export_row where export = 'sessions' order by row_number",
  );
  expect(rows.map(({ payload }) => payload)).toEqual(rowsOf(text));
  const slots = await database.query('select from talon_one_request_slot where endpoint like $1', [
    '%export_customer_sessions',
  ]);
  expect(slots).toHaveLength(3);
});

/** The last second of a day there, RFC 3339. */
function endOfDay(day: string, timeZone: string): string {
  const at = (ms: number) => new Intl.DateTimeFormat('sv-SE', { timeZone }).format(new Date(ms));
  let end = Date.parse(`${day}T00:00:00Z`) - 86_400_000;
  while (at(end) <= day) end += 900_000;
  return new Date(end - 1000).toISOString();
}

test('without --output a new file is named after the export', async () => {
  const before = await readdir(folder);
  const run = start(['join-dates', '--program', '1']);
  expect(await run.ended).toEqual({ code: 0, signal: null });
  const [name, ...others] = (await readdir(folder)).filter((file) => !before.includes(file));
  expect(others).toEqual([]);
  expect(name).toMatch(/^join-dates-1-\d{8}T\d{6}Z\.csv$/);
});

test('a file that exists is not touched without --force', async () => {
  const [path, words] = [join(folder, 'mine.csv'), ['join-dates', '--program', '1', '--output', 'mine.csv']];
  await writeFile(path, 'mine');
  const refused = start(words);
  expect(await refused.ended).toEqual({ code: 1, signal: null });
  expect(refused.stderr).toContain('mine.csv exists already');
  expect(await readFile(path, 'utf8')).toBe('mine');
  expect(await start([...words, '--force']).ended).toEqual({ code: 0, signal: null });
  expect(await readFile(path, 'utf8')).toMatch(/^loyaltyProgramID,/);
});

test('a connection that breaks is tried again, and the file has everything once', async () => {
  const template = '/v1/applications/{applicationId}/export_customer_sessions';
  const { text } = await ask(sim, '/export_customer_sessions?dateFormat=ISO8601&customerSessionState=open');
  for (const action of [
    { type: 'reset', at: 'body' },
    { type: 'cutBody', framing: 'chunkedEnd' },
    { type: 'html200' },
  ] as const)
    sim.addFault({ path: template, action });
  try {
    expect(await exported('sessions --application 1 --state open')).toBe(text);
  } finally {
    sim.clearFaults();
  }
});

test('a reader that closes early ends the export quietly', async () => {
  const sessions = await startSimulator({
    history: { events: 6_000, sessions: 6_000 },
    switches: { requestsPerSecond: 0 },
  });
  try {
    const env = { TALON_ONE_BASE_URL: sessions.url, TALON_ONE_API_KEY: sessions.apiKey };
    const run = start(['sessions', '--application', '1', '-o', '-'], env);
    run.closeStdout();
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.stderr).toBe('');
  } finally {
    await sessions.stop();
  }
});

test.for(['SIGKILL', 'SIGTERM'] as const)(
  '%s in the middle leaves no file that looks complete',
  async (signal) => {
    const fault = sim.addFault({ path: /export_join_dates/, action: { type: 'dripBody', everyMs: 5 } });
    const run = start(['join-dates', '--program', '1', '--output', `${signal}.csv`]);
    try {
      await expect
        .poll(() => readdir(folder), { timeout: 20_000 })
        .toContainEqual(expect.stringMatching(new RegExp(`^\\.${signal}\\.csv\\.\\w+\\.part$`)));
      await expect.poll(() => fault.hits, { timeout: 20_000 }).toBe(1);
      const exit = await run.end(signal);
      expect(exit).toEqual(signal === 'SIGKILL' ? { code: null, signal } : { code: 1, signal: null });
      if (signal === 'SIGTERM') expect(run.stderr).toContain('stopped before its end');
      const left = (await readdir(folder)).filter((name) => name.includes(signal));
      expect(left).toEqual(signal === 'SIGKILL' ? [expect.stringMatching(/\.part$/)] : []);
    } finally {
      fault.remove();
      await run.end('SIGKILL');
    }
  },
);
