import { expect, test } from 'vitest';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

const RELATIONS = `select oid, relname::text as name from pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')`;

test('every table and view says what it holds', async () => {
  await db().rows(`select talon_one_create_partitions('2026-02-01')`);
  const silent = await db().rows(
    `select name from (${RELATIONS}) as relation where obj_description(oid, 'pg_class') is null`,
  );
  expect(silent).toEqual([]);
  const names = (await db().rows<{ name: string }>(RELATIONS)).map((row) => row.name);
  expect(names).toEqual(
    expect.arrayContaining(['talon_one_event', 'talon_one_session', 'talon_one_event_2026_02']),
  );
});

test('every column says what it holds, also those of views and partitions', async () => {
  const silent = await db().rows(
    `select name || '.' || attname as column from (${RELATIONS}) as relation
     join pg_attribute on attrelid = relation.oid
     where attnum > 0 and not attisdropped and col_description(attrelid, attnum) is null order by 1`,
  );
  expect(silent).toEqual([]);
});

test('every function says what it does', async () => {
  const silent = await db().rows(
    `select proname from pg_proc
     where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null`,
  );
  expect(silent).toEqual([]);
});

test('every table of the warehouse begins with talon_one_', async () => {
  expect(
    await db().rows(`select name from (${RELATIONS}) as relation where name not like 'talon\\_one\\_%'`),
  ).toEqual([]);
});

test('payloads are compressed with lz4 where the server has it, in new partitions too', async () => {
  await db().rows('select talon_one_create_partitions($1)', '2026-01-01');
  const rows = await db().rows(
    `select distinct case when 'lz4' = any (enumvals) then attcompression = 'l' else attcompression = '' end as "isRight"
     from pg_attribute cross join (select enumvals from pg_settings where name = 'default_toast_compression') as server
     where attrelid in ('talon_one_event'::regclass, 'talon_one_event_default'::regclass, 'talon_one_event_2026_01'::regclass,
       'talon_one_profile_snapshot'::regclass, 'talon_one_session_snapshot'::regclass) and attname = 'payload'`,
  );
  expect(rows).toEqual([{ isRight: true }]);
});
