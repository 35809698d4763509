import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadIntoWarehouse } from '../src/export/load.js';
import type { OptionValues } from '../src/export/options.js';
import { readRecords } from '../src/warehouse/record-reader.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { runExportHere } from './support/export-run.js';
import { useWarehouse } from './support/warehouse.js';

const pg = useWarehouse();
const never = new AbortController().signal;

async function exported(name: string, values: OptionValues, warehouse: Warehouse): Promise<string> {
  return (await runExportHere(name, values, { warehouse })).text;
}

async function fileWith(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-load-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'export.csv');
  await writeFile(path, text);
  return path;
}

/** As the daemon leaves an Application that it has read to its end. */
async function storeApplication(applicationId: number): Promise<void> {
  await pg().rows(
    `insert into talon_one_sync_cursor (application_id, last_sync, complete_through, status)
     values ($1, now(), now(), 'up-to-date') on conflict do nothing`,
    applicationId,
  );
}

test('a warehouse without the Application, or without any, is no empty export', async () => {
  const { warehouse } = pg();
  await pg().rows('delete from talon_one_sync_cursor');
  for (const name of ['profiles', 'events']) {
    await expect(exported(name, {}, warehouse)).rejects.toThrow(
      'No Application is in the warehouse: let the daemon copy one, or use --source api.',
    );
    await expect(exported(name, { application: '77' }, warehouse)).rejects.toThrow(
      'Application 77 is not in the warehouse: let the daemon copy it',
    );
  }
  // What the daemon leaves when it has only just begun, or may not read the Application.
  await pg().rows(
    `insert into talon_one_sync_cursor (application_id, last_sync) values (77, '2015-01-01T00:00:00Z')`,
  );
  await expect(exported('events', { application: '77' }, warehouse)).rejects.toThrow(
    'is not in the warehouse',
  );
  await pg().rows('update talon_one_sync_cursor set complete_through = now() where application_id = 77');
  for (const name of ['profiles', 'events'])
    expect((await exported(name, { application: '77' }, warehouse)).trim().split('\n')).toHaveLength(1);
});

test('events leave the warehouse digit for digit, in order, filtered by Application and time', async () => {
  const { warehouse } = pg();
  const add = (application: number, id: number, created: string, payload: string) =>
    pg().rows(
      `insert into talon_one_event (application_id, event_id, created, type, payload) values ($1, $2, $3, 'x', $4)`,
      application,
      id,
      created,
      payload,
    );
  await add(
    1,
    2,
    '2026-01-02T00:00:00.000001Z',
    '{"id":2,"n":12345678901234567890.10,"effects":[{"a":"x,\\"y\\""}]}',
  );
  await add(1, 1, '2026-01-02T00:00:00Z', '{"id":1,"n":1e400,"text":"two\\nlines"}');
  await add(2, 3, '2026-01-02T00:00:00Z', '{"id":3}');
  const one = await exported('events', { application: '1', format: 'ndjson' }, warehouse);
  const [first = '', second = '', ...rest] = one.split('\n');
  expect(rest).toEqual(['']);
  expect(first).toContain(`"n": 1${'0'.repeat(400)}`);
  expect(first).toContain('"text": "two\\nlines"');
  expect(second).toContain('"n": 12345678901234567890.10');
  const later = await exported(
    'events',
    { from: '2026-01-02T00:00:00.000001Z', format: 'ndjson' },
    warehouse,
  );
  expect(later.split('\n').map((line) => line.slice(0, 8))).toEqual(['{"n": 12', '']);
  const earlier = await exported('events', { to: '2026-01-02T00:00:00.000001Z', format: 'csv' }, warehouse);
  const [header = '', ...lines] = earlier.split('\n');
  expect(header.split(',').slice(0, 4)).toEqual(['id', 'created', 'applicationId', 'type']);
  expect(header.split(',').slice(-2)).toEqual(['n', 'text']);
  expect(earlier).toContain('"two\nlines"');
  expect(lines.at(-2)).toMatch(/^3,/);
});

test('profiles leave the warehouse as their newest snapshot, those that were not found left out', async () => {
  const insert = `insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, payload)
    values ($1, $2, 7, $3, $4)`;
  await pg().rows(insert, 1, '2026-01-01T00:00:00Z', true, '{"id":1,"integrationId":"old"}');
  await pg().rows(
    insert,
    1,
    '2026-01-02T00:00:00Z',
    true,
    '{"id":1,"integrationId":"new","attributes":{"Name":"A, B"}}',
  );
  await pg().rows(insert, 2, '2026-01-02T00:00:00Z', false, null);
  await storeApplication(7);
  const csv = await exported('profiles', {}, pg().warehouse);
  expect(csv.split('\n').slice(1)).toEqual(['1,new,,,,,"{""Name"": ""A, B""}",,,,', '']);
  await storeApplication(8);
  const none = await exported('profiles', { application: '8' }, pg().warehouse);
  expect(none).toMatch(/^id,integrationId,[^\n]+\n$/);
});

test('more rows than one fetch come in batches, each once', async () => {
  await pg().rows(
    `insert into talon_one_event (application_id, event_id, created, type, payload)
    select 9, n, '2026-02-01T00:00:00Z'::timestamptz, 'x', jsonb_build_object('id', n) from generate_series(1, 450) as n`,
  );
  const batches: number[] = [];
  const ids: string[] = [];
  const selection = { kind: 'event', applicationId: '9', from: undefined, to: undefined } as const;
  await readRecords(pg().warehouse, selection, async (batch) => {
    batches.push(batch.length);
    ids.push(...batch);
  });
  expect(batches).toEqual([200, 200, 50]);
  expect(new Set(ids).size).toBe(450);
});

test('a reading that Postgres ends in the middle is not begun again behind what was handed over', async () => {
  const selection = { kind: 'event', applicationId: '9', from: undefined, to: undefined } as const;
  let batches = 0;
  const reading = readRecords(pg().warehouse, selection, async () => {
    batches += 1;
    throw Object.assign(new Error('deadlock'), { code: '40P01' });
  });
  await expect(reading).rejects.toThrow('run the export again');
  expect(batches).toBe(1);
});

test('a CSV export becomes rows of a table: texts by column name, whatever is in the cells', async () => {
  const cells = [
    '"a ""quoted"" cell"',
    '"two\r\nlines"',
    '{"ForumPosts": 17}',
    '0001-01-01T00:00:00Z',
    '"\u0000 ü"',
  ];
  const text = `\ufeffid,name, note,id\r\n1,${cells[0]},${cells[1]},9\r\n2,${cells[2]},${cells[3]},,extra\r\n3,${cells[4]}\r\n`;
  const run = { name: 'cards', options: { program: '7' } };
  expect(await loadIntoWarehouse(pg().warehouse, await fileWith(text), run, never)).toBe(3);
  const rows = await pg().rows(
    `select row_number::int as n, options ->> 'program' as program, payload from talon_one_latest_export_row
    where export = 'cards' order by row_number`,
  );
  const payloads = rows.map((row) => ({ ...row, payload: row.payload as object }));
  expect(payloads).toEqual([
    { n: 1, program: '7', payload: { id: '1', name: 'a "quoted" cell', note: 'two\r\nlines', id_2: '9' } },
    {
      n: 2,
      program: '7',
      payload: {
        id: '2',
        name: '{"ForumPosts": 17}',
        note: '0001-01-01T00:00:00Z',
        id_2: '',
        column_5: 'extra',
      },
    },
    { n: 3, program: '7', payload: { id: '3', name: '\ufffd ü' } },
  ]);
});

test('only the newest run that came to its end is shown, and pages go on where the last one stopped', async () => {
  const lines = Array.from({ length: 2_500 }, (_, index) => `${index}\n`).join('');
  const options = { audience: '5' };
  const run = { name: 'audience', options };
  await loadIntoWarehouse(pg().warehouse, await fileWith('id\nold\n'), run, never);
  await loadIntoWarehouse(pg().warehouse, await fileWith(`id\n${lines}`), run, never);
  const stop = AbortSignal.abort();
  await expect(loadIntoWarehouse(pg().warehouse, await fileWith('id\nhalf\n'), run, stop)).rejects.toThrow();
  const count = `(select count(*) || ' ' || max(row_number) || ' ' || max((payload ->> 'id')::int)
    from talon_one_latest_export_row where export = 'audience')`;
  expect(await pg().value(count)).toBe('2500 2500 2499');
  expect(await pg().value(`(select count(*) from talon_one_export where finished_at is null)`)).toBe('1');
});

test('transactions and balances of one customer come from the stored ledger, once the program is copied', async () => {
  const account = { customer: 'cust-1', program: '5' };
  await expect(exported('balances-of', account, pg().warehouse)).rejects.toThrow('use --source api');
  await pg().rows(
    "insert into talon_one_loyalty_program (program_id, complete_through, payload) values (5, '2026-02-01', '{}')",
  );
  const add = (uuid: string, holder: string, subledger: string, created: string, amount: string) =>
    pg().rows(
      `insert into talon_one_loyalty_transaction
        (program_id, transaction_uuid, created, type, amount, profile_integration_id, subledger_id, expires_at, payload)
      values (5, $1, $2, 'addition', $3, $4, $5, '2026-03-01', jsonb_build_object('transactionUUID', $1::text, 'amount', $3::numeric))`,
      uuid,
      created,
      amount,
      holder,
      subledger,
    );
  await add('b', 'cust-1', '', '2026-01-02T00:00:00Z', '20.50');
  await add('a', 'cust-1', '', '2026-01-01T00:00:00Z', '10.10');
  await add('c', 'cust-1', 'SUB', '2026-01-03T00:00:00Z', '5');
  await add('d', 'cust-2', '', '2026-01-01T00:00:00Z', '7');
  const format = { format: 'ndjson' };
  const all = await exported('transactions-of', { ...account, ...format }, pg().warehouse);
  expect(all.match(/"amount": [\d.]+/g)).toEqual(['"amount": 10.10', '"amount": 20.50', '"amount": 5']);
  const some = { ...account, ...format, subledger: '', from: '2026-01-02T00:00:00Z' };
  expect(await exported('transactions-of', some, pg().warehouse)).toMatch(/^[^\n]*20\.50[^\n]*\n$/);
  const balances = async (at: string) =>
    (await exported('balances-of', { ...account, at }, pg().warehouse)).split('\n').slice(1, -1);
  expect(await balances('2026-02-01T00:00:00Z')).toEqual([',30.60,0,0,0,0,,,,', 'SUB,5,0,0,0,0,,,,']);
  expect(await balances('2026-04-01T00:00:00Z')).toEqual([',0,0,0,30.60,0,,,,', 'SUB,0,0,0,5,0,,,,']);
});
