import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { ask } from './simulator/api-client.js';
import { startForTest } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';
import { exportClients, runExportHere } from './support/export-run.js';

// Exports against the habits that a server may have, documented or not.

async function start(switches: SwitchSettings = {}, events = 200): Promise<Simulator> {
  return startForTest({ history: { events }, switches });
}

function rowsOf(csv: string): Record<string, string>[] {
  return parse(csv, { columns: true, bom: true });
}

test.each<[string, SwitchSettings]>([
  ['coupons', { exportLineEnds: 'crlf', exportByteOrderMark: true, exportUnsetDates: 'zero' }],
  ['coupons', { exportDateFormat: 'excel', couponReservationColumns: 'present', exportOrder: 'reversed' }],
  ['card-balances', { cardBalanceValues: 'nine' }],
  ['cards', { cardAttributes: 'bare' }],
  ['cards', { gzip: true }],
])('%s with %j: the bytes are those of the API', async (name, switches) => {
  const sim = await start(switches);
  const [values, path] = {
    coupons: [{ application: '1' }, '/export_coupons?dateFormat=ISO8601'],
    'card-balances': [{ program: '2' }, '/v1/loyalty_programs/2/export_card_balances'],
    cards: [{ program: '2' }, '/v1/loyalty_programs/2/cards/export?dateFormat=ISO8601'],
  }[name] as [Record<string, string>, string];
  const { text } = await ask(sim, path);
  const exported = await runExportHere(name, values, exportClients(sim));
  // What asks here takes the byte order mark away.
  expect(exported.text).toBe(`${switches.exportByteOrderMark ? '\ufeff' : ''}${text}`);
  expect(exported.rows).toBe(parse(text, { relax_quotes: true, relax_column_count: true }).length - 1);
});

test.each<[SwitchSettings]>([
  [{ exportTimeLimit: '504' }],
  [{ exportTimeLimit: 'reset', exportLineEnds: 'crlf', exportByteOrderMark: true }],
  [{ exportTimeLimit: '504', exportOrder: 'reversed' }],
  [{ createdAfter: 'inclusive', createdBefore: 'inclusive' }],
  [
    {
      createdAfter: 'exclusive',
      createdBefore: 'exclusive',
      parameterPrecision: 'second',
      recordPrecision: 'second',
    },
  ],
])('a server that takes too long, with %j: every session once', async (switches) => {
  const sim = await start(switches);
  const whole = rowsOf((await ask(sim, '/export_customer_sessions?dateFormat=ISO8601')).text);
  sim.set({ exportTimeLimitRows: Math.ceil(whole.length / 4) });
  const { text, rows } = await runExportHere('sessions', { application: '1' }, exportClients(sim));
  const byId = (list: Record<string, string>[]) => list.sort((a, b) => Number(a.id) - Number(b.id));
  expect(byId(rowsOf(text))).toEqual(byId(whole));
  expect(rows).toBe(whole.length);
  const ids = whole.map((row) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each<[SwitchSettings]>([
  [{ loyaltyOrder: '-created' }],
  [{ loyaltyOrder: 'created' }],
  [{ loyaltyOrder: '-created', fullPageHasMore: 'always', envelope: 'missing' }],
  [{ loyaltyOrder: 'shuffled', loyaltyStartDate: 'exclusive', loyaltyEndDate: 'exclusive' }],
])('transactions of a program that are read while others appear come once each: %j', async (switches) => {
  const sim = await start(switches);
  const issued = new Set([...sim.issuedLoyalty(1)].map(({ transactionUUID }) => transactionUUID));
  let isLive = true;
  sim.onRequest(({ template }) => {
    if (isLive && template?.endsWith('/transactions')) sim.emitLoyalty(1, 3);
    isLive = !isLive;
  });
  const parts = { ...exportClients(sim), pageSize: 10 };
  const { text } = await runExportHere('loyalty-transactions', { program: '1' }, parts);
  const uuids = rowsOf(text).map((row) => row.transactionUUID ?? '');
  expect(new Set(uuids).size).toBe(uuids.length);
  expect([...issued].filter((uuid) => !uuids.includes(uuid))).toEqual([]);
});

test.each<[SwitchSettings]>([
  [{ loyaltyStartDate: 'inclusive', loyaltyEndDate: 'inclusive' }],
  [{ loyaltyStartDate: 'exclusive', loyaltyEndDate: 'exclusive', parameterPrecision: 'second' }],
  [{ loyaltyOrder: 'shuffled', dateHeader: 'absent' }],
])(
  'transactions of a program from one moment to another, of one kind, are exactly those: %j',
  async (switches) => {
    const sim = await start(switches);
    const { rows } = JSON.parse(
      (await ask(sim, '/v1/loyalty_programs/1/transactions?pageSize=1000')).text.replace('"data"', '"rows"'),
    ) as { rows: { transactionUUID: string; created: string; type: string }[] };
    const ordered = rows.sort((a, b) => (a.created < b.created ? -1 : 1));
    const [from, to] = [ordered.at(10)?.created ?? '', ordered.at(-10)?.created ?? ''];
    const wanted = ordered.filter(({ created }) => created >= from && created < to);
    expect(wanted.length).toBeGreaterThan(20);
    const parts = { ...exportClients(sim), pageSize: 10 };
    const exported = async (values: Record<string, string>) =>
      rowsOf((await runExportHere('loyalty-transactions', { program: '1', ...values }, parts)).text);
    const uuids = (list: { transactionUUID?: string }[]) => list.map((row) => row.transactionUUID).sort();
    expect(uuids(await exported({ from, to }))).toEqual(uuids(wanted));
    const imported = await exported({ from, to, transactionType: 'import' });
    expect(imported.every(({ importId }) => importId !== '')).toBe(true);
    expect(imported.length).toBeLessThan(wanted.length);
  },
);

test('a list of transactions that goes empty while it promises more is no complete export', async () => {
  const sim = await start();
  sim.addFault({ path: /transactions/, after: 3, times: Infinity, action: { type: 'emptyPage' } });
  const parts = { ...exportClients(sim), pageSize: 10 };
  await expect(runExportHere('loyalty-transactions', { program: '1' }, parts)).rejects.toThrow(
    'empty pages although it says that more follows',
  );
});

test.each<[SwitchSettings]>([
  [{ dashboardDates: 'zone' }],
  [{ dashboardDates: 'utc' }],
  [{ dateHeader: 'absent' }],
])(
  'a frame of the dashboard is whole days of the program, whatever its dates look like: %j',
  async (switches) => {
    const sim = await start(switches);
    const program = String(sim.addLoyaltyProgram({ timezone: 'Pacific/Kiritimati' }));
    const values = { program, last: '5d', parts: 'totals,members' };
    const rows = rowsOf((await runExportHere('loyalty-dashboard', values, exportClients(sim))).text);
    const day = (ago: number) =>
      new Intl.DateTimeFormat('sv-SE', { timeZone: 'Pacific/Kiritimati' }).format(
        Date.now() - ago * 86_400_000,
      );
    expect(rows.map((row) => row.date)).toEqual([5, 4, 3, 2, 1].map(day));
    const named = { program, fromDay: day(4), toDay: day(2), parts: 'members' };
    const some = await runExportHere('loyalty-dashboard', named, exportClients(sim));
    const members = rows.slice(1, 4).map((row) => `${row.date},${row.totalMembers},${row.newMembers}`);
    expect(some.text.split('\n')).toEqual(['date,totalMembers,newMembers', ...members, '']);
    expect(Object.keys(rows[0] ?? {}).slice(0, 4)).toEqual([
      'date',
      'totalMembers',
      'newMembers',
      'totalActivePoints',
    ]);
  },
);

test('events of the API come once each and in time, although pages overlap and times are equal', async () => {
  const sim = await start({ createdAfter: 'inclusive' }, 120);
  const [middle] = [...sim.issuedEvents(1)].slice(60);
  sim.addTie(1, 25, middle?.created);
  const parts = { ...exportClients(sim), pageSize: 10 };
  const run = async (values: Record<string, string>) =>
    (
      await runExportHere('events', { application: '1', source: 'api', format: 'ndjson', ...values }, parts)
    ).text
      .split('\n')
      .slice(0, -1);
  const issued = [...sim.issuedEvents(1)];
  expect((await run({})).sort()).toEqual(issued.map(({ text }) => text).sort());
  const from = middle?.created ?? '';
  const later = issued.filter(({ created }) => created >= from).map(({ text }) => text);
  expect((await run({ from })).sort()).toEqual(later.sort());
  expect((await run({ to: from })).length).toBe(issued.length - later.length);
});

test('an achievement is exported by its older address too, for deployments without the newer one', async () => {
  const sim = await start({ achievementsV2: '404' });
  const id = sim.referenceIds('achievement')[0] ?? 0;
  const { campaignId } = sim.reference('achievement', id) as { campaignId?: number };
  const newer = { achievement: String(id) };
  await expect(runExportHere('achievements', newer, exportClients(sim))).rejects.toMatchObject({
    status: 404,
  });
  const older = { ...newer, application: '1', campaign: String(campaignId) };
  const { text } = await runExportHere('achievements', older, exportClients(sim));
  expect(rowsOf(text).length).toBeGreaterThan(0);
});

test('what went to standard output is not written twice: the failure says what helps', async () => {
  const sim = await start();
  const path = /export_customer_sessions/;
  const [values, clients] = [{ application: '1' }, exportClients(sim)];
  const toStdout = () => runExportHere('sessions', values, clients, { canRewind: false });
  sim.addFault({ path, action: { type: 'status', status: 503 } });
  const { text } = await toStdout();
  expect(text).toBe((await ask(sim, '/export_customer_sessions?dateFormat=ISO8601')).text);
  sim.addFault({ path, action: { type: 'cutBody', framing: 'content-length' } });
  await expect(toStdout()).rejects.toThrow('write to a file with --output');
});

test('the log of one customer without bounds, which the API asks for, is everything', async () => {
  const sim = await start();
  const [first] = sim.issuedLoyalty(1);
  const customer = first?.owner ?? '';
  const values = { program: '1', customer };
  const { rows } = await runExportHere('loyalty-transactions', values, exportClients(sim));
  expect(rows).toBe([...sim.issuedLoyalty(1)].filter(({ owner }) => owner === customer).length);
  expect(rows).toBeGreaterThan(0);
});

test('the profiles of an environment are those of its Applications', async () => {
  const sim = await startForTest({ applications: [{}, { sandbox: true }], history: { events: 60 } });
  const parts = { ...exportClients(sim), pageSize: 5 };
  const run = async (values: Record<string, string>) =>
    (await runExportHere('profiles', { source: 'api', format: 'ndjson', ...values }, parts)).text
      .split('\n')
      .sort();
  expect(await run({})).toEqual(await run({ application: '1' }));
  expect(await run({ sandbox: 'true' })).toEqual(await run({ application: '2' }));
  expect(await run({ sandbox: 'true' })).not.toEqual(await run({}));
});
