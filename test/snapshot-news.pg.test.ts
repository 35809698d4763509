import { beforeEach, expect, test } from 'vitest';
import type { Lease } from '../src/warehouse/cursor.js';
import { databaseTime } from '../src/warehouse/owed.js';
import { type SessionSource, writeSnapshots } from '../src/warehouse/snapshot-writer.js';
import { event, storeEvents } from './support/records.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
let lease: Lease;

beforeEach(async () => {
  lease = await db().newLease();
});

function session(id: number, more = '"state":"open","total":1.0,"totalDiscounts":0'): string {
  return `{"id":${id},"created":"2026-01-15T12:00:00Z","integrationId":"s${id}",${more}}`;
}

/** An answer with sessions that nobody asked for; returns how many became rows. */
async function listed(
  records: readonly string[],
  source: SessionSource = 'list',
  at?: string,
): Promise<number> {
  const askedAt = at ?? (await databaseTime(db().warehouse));
  const batch = { kind: 'session', lease, asked: [], askedAt, source } as const;
  const text = `{"data":[${records.join(',')}]}`;
  const page = { text, source: 'a test', problems: new Map(), mayChange: false };
  const { inserted, answered } = await writeSnapshots(db().warehouse, batch, page);
  expect(answered.size).toBe(0);
  return inserted;
}

function rows(): Promise<Record<string, unknown>[]> {
  return db().rows(
    `select session_id::int as id, state, total::text, total_discounts, source, event_id, found, integration_id,
       session_created = '2026-01-15T12:00:00Z' as created
     from talon_one_session_snapshot where application_id = $1 order by session_id, fetched_at`,
    lease.applicationId,
  );
}

test('a session of a list that nobody has seen is stored, without an event', async () => {
  expect(await listed([session(7)])).toBe(1);
  const columns = { total_discounts: null, source: 'list', event_id: null, found: true, created: true };
  expect(await rows()).toEqual([{ id: 7, state: 'open', total: '1.0', integration_id: 's7', ...columns }]);
});

test.each([
  ['repeated', session(7)],
  ['with members in another order, and numbers written otherwise', session(7, '"total":1.00,"state":"open"')],
  [
    'with another total of discounts, which lists send as 0',
    session(7, '"state":"open","total":1.0,"totalDiscounts":5'),
  ],
])('the same content is no news: %s', async (_case, again) => {
  await listed([session(7)]);
  expect(await listed([again])).toBe(0);
});

test('what has changed is news, also when it changes back', async () => {
  const closed = session(7, '"state":"closed","total":1.0');
  expect([await listed([session(7)]), await listed([closed]), await listed([session(7)])]).toEqual([1, 1, 1]);
  expect((await rows()).map((row) => row.state)).toEqual(['open', 'closed', 'open']);
});

test('an answer that was asked for before the newest snapshot is no news, whatever it says', async () => {
  const earlier = await databaseTime(db().warehouse);
  await listed([session(7)]);
  expect(await listed([session(7, '"state":"closed"')], 'list', earlier)).toBe(0);
});

test('a session that the API did not know is news once it is listed', async () => {
  await db().rows(
    `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source)
     values ($1, 7, clock_timestamp(), false, 'by-id')`,
    lease.applicationId,
  );
  expect(await listed([session(7)])).toBe(1);
});

test('what is owed is left to its own answer, and settled by nothing else', async () => {
  await storeEvents(db().warehouse, lease, [event({ sessionId: 7 })]);
  expect(await listed([session(7), session(8)])).toBe(1);
  expect((await rows()).map((row) => row.id)).toEqual([8]);
  const owed = `select count(*) from talon_one_owed_snapshot where application_id = $1 and kind = 'session'`;
  expect(await db().value(owed, lease.applicationId)).toBe('1');
});

test('twice in one answer, a session is stored once', async () => {
  expect(await listed([session(7), session(7)])).toBe(1);
});

test('records without a usable ID are passed over', async () => {
  expect(await listed(['{"id":"x"}', '{}', '7', '[]', 'null', '{"id":0}', session(8)])).toBe(1);
});

test('of the other lanes nothing is stored that was not asked for', async () => {
  expect(await listed([session(7)], 'export')).toBe(0);
});

test('the session of a forgotten customer, blank in the warehouse, is never news', async () => {
  await db().rows(
    `with erasure as (insert into talon_one_erasure (id_hash) values ($2) returning erasure_id)
     insert into talon_one_erasure_key select 'session', 7, $1, erasure_id from erasure`,
    lease.applicationId,
    `hash of a test ${lease.applicationId}`,
  );
  expect(await listed([session(7)])).toBe(0);
});

test('a record that jsonb would change is not worth an original text when nobody asked for it', async () => {
  const odd = session(7, '"attributes":{"v":"\\u0000"}');
  expect(await listed([odd, session(8)])).toBe(1);
  expect((await rows()).map((row) => row.id)).toEqual([8]);
  const originals = 'select count(*) from talon_one_original_text where application_id = $1';
  expect(await db().value(originals, lease.applicationId)).toBe('0');
});
