import { expect, test } from 'vitest';
import { loadConfig } from '../src/config.js';
import { SECOND, seconds } from '../src/instant.js';
import { dropOld } from '../src/sync/retention-job.js';
import { dropPartitions, retentionStart } from '../src/warehouse/retention.js';
import { event, storeEvents } from './support/records.js';
import { moment, type TestWarehouse, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const LOOKBACK = seconds(120);

/** An Application that is copied up to a moment. */
async function upTo(warehouse: TestWarehouse, lastSync: string, status = 'up-to-date'): Promise<string> {
  const id = await warehouse.newApplication();
  await warehouse.rows(
    `update talon_one_sync_cursor set last_sync = $2, read_until = $2, status = $3 where application_id = $1`,
    id,
    lastSync,
    status,
  );
  return id;
}

async function store(applicationId: string, ...moments: string[]): Promise<void> {
  for (const created of moments)
    await db().rows('select talon_one_create_partitions($1::timestamptz::date)', created);
  const { lease } = await db().take(applicationId);
  await storeEvents(
    db().warehouse,
    lease,
    moments.map((created, index) => event({ id: index + 1, created, effects: '[{"effectType":"x"}]' })),
  );
  await db().rows(
    'update talon_one_sync_cursor set lease_expires_at = clock_timestamp() where application_id = $1',
    applicationId,
  );
}

const partitions = async () =>
  (
    await db().rows<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'talon_one_event'::regclass
       and inhrelid::regclass::text like '%\\_20%' order by 1`,
    )
  ).map(({ name }) => name.slice(-7));

const drop = (before: string, really = true) =>
  dropPartitions(db().warehouse, moment(before), LOOKBACK, really);

test('whole months before the moment are dropped, of events and effects alike; a dry run only names them', async () => {
  const id = await upTo(db(), '2020-12-01T00:00:00Z');
  await store(id, '2020-01-31T23:59:59.999999Z', '2020-02-01T00:00:00Z', '2020-03-15T00:00:00Z');
  const names = ['talon_one_event_2020_01', 'talon_one_effect_2020_01'];
  expect(await drop('2020-02-29T23:59:59Z', false)).toEqual(names);
  expect(await partitions()).toContain('2020_01');
  expect(await drop('2020-02-29T23:59:59Z')).toEqual(names);
  expect(await partitions()).not.toContain('2020_01');
  expect(await partitions()).toEqual(expect.arrayContaining(['2020_02', '2020_03']));
  expect(await db().value('select count(*) from talon_one_event where application_id = $1', id)).toBe('2');
  expect(await db().value('select count(*) from talon_one_effect where application_id = $1', id)).toBe('2');
  expect(await drop('2020-02-29T23:59:59Z')).toEqual([]);
  await drop('2021-01-01T00:00:00Z');
});

test('what lies within the look-back of a cursor stays, for a quiet Application would read it again', async () => {
  const quiet = await upTo(db(), '2021-02-01T00:00:30Z');
  const busy = await upTo(db(), '2022-01-01T00:00:00Z');
  await store(quiet, '2021-01-31T23:59:00Z', '2021-02-01T00:00:30Z');
  await store(busy, '2021-01-10T00:00:00Z', '2021-02-10T00:00:00Z', '2021-03-10T00:00:00Z');
  expect(await drop('2021-12-01T00:00:00Z')).toEqual(['talon_one_event_2021_03', 'talon_one_effect_2021_03']);
  await db().rows(
    `update talon_one_sync_cursor set last_sync = '2022-01-01Z' where application_id = $1`,
    quiet,
  );
  expect(await drop('2021-12-01T00:00:00Z')).toHaveLength(4);
});

test('while an Application is back-filling, what it has still to read is not dropped', async () => {
  const id = await upTo(db(), '2023-01-15T00:00:00Z', 'back-filling');
  await store(id, '2022-12-10T00:00:00Z', '2023-01-10T00:00:00Z', '2023-02-10T00:00:00Z');
  const other = await upTo(db(), '2024-01-01T00:00:00Z');
  expect(other).not.toBe(id);
  expect(await drop('2023-12-01T00:00:00Z')).toEqual(['talon_one_event_2022_12', 'talon_one_effect_2022_12']);
  await db().rows(
    `update talon_one_sync_cursor set status = 'up-to-date', last_sync = '2024-01-01Z' where application_id = $1`,
    id,
  );
  expect(await drop('2023-12-01T00:00:00Z')).toHaveLength(4);
});

test('RETENTION_MONTHS counts whole months before the present one', async () => {
  const start = await retentionStart(db().warehouse, 3);
  const expected = await db().value(
    `select extract(epoch from (date_trunc('month', now() at time zone 'UTC') - interval '3 months') at time zone 'UTC')::bigint`,
  );
  expect(String(start / SECOND)).toBe(expected);
  expect(await dropOld({ warehouse: db().warehouse, months: 1200, lookback: LOOKBACK }, true)).toEqual([]);
  const required = { TALON_ONE_BASE_URL: 'https://a.talon.one', TALON_ONE_API_KEY: 'k' };
  expect(loadConfig(required).retentionMonths).toBeUndefined();
  expect(loadConfig({ ...required, RETENTION_MONTHS: '24' }).retentionMonths).toBe(24);
  expect(() => loadConfig({ ...required, RETENTION_MONTHS: '0' })).toThrow('RETENTION_MONTHS');
});
