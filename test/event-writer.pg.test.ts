import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { formatInstant } from '../src/instant.js';
import type { Lease } from '../src/warehouse/cursor.js';
import { event, eventPage, storeEvents } from './support/records.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

async function eventIds(lease: Lease): Promise<string[]> {
  const rows = await db().rows<{ id: string }>(
    'select event_id::text as id from talon_one_event where application_id = $1 order by event_id, created',
    lease.applicationId,
  );
  return rows.map((row) => row.id);
}

async function quarantined(lease: Lease): Promise<{ reason: string; raw: string; source: string }[]> {
  return db().rows(
    `select reason, raw, source from talon_one_quarantine
     where application_id = $1 and kind = 'event' order by quarantine_id`,
    lease.applicationId,
  );
}

test('the columns of an event say what its payload says', async () => {
  const lease = await db().newLease();
  const more = ',"integrationId":"evt-1","storeIntegrationId":"STORE-9","unknownField":{"a":[1.10]}';
  await storeEvents(db().warehouse, lease, [
    event({ id: 5, profileId: 7, sessionId: 8, type: 'talon_session_closed', more }),
  ]);
  const [row] = await db().rows(
    `select event_id::text, type, profile_id::text, session_id::text, integration_id, store_integration_id,
       (payload -> 'unknownField')::text as unknown, synced_at > clock_timestamp() - interval '1 minute' as is_new
     from talon_one_event where application_id = $1`,
    lease.applicationId,
  );
  expect(row).toEqual({
    event_id: '5',
    type: 'talon_session_closed',
    profile_id: '7',
    session_id: '8',
    integration_id: 'evt-1',
    store_integration_id: 'STORE-9',
    unknown: '{"a": [1.10]}',
    is_new: true,
  });
});

test('an ID of 0, null or none is NULL and nothing is owed for it', async () => {
  const lease = await db().newLease();
  await storeEvents(db().warehouse, lease, [
    event({ id: 1, profileId: 0, sessionId: 0 }),
    event({ id: 2, profileId: null, sessionId: null }),
    event({ id: 3 }),
  ]);
  const rows = await db().rows(
    'select profile_id, session_id from talon_one_event where application_id = $1',
    lease.applicationId,
  );
  expect(rows).toEqual(Array(3).fill({ profile_id: null, session_id: null }));
  const owed = 'select count(*) from talon_one_owed_snapshot where application_id = $1';
  expect(await db().value(owed, lease.applicationId)).toBe('0');
});

test('IDs beyond 2^53 are exact', async () => {
  const lease = await db().newLease();
  await storeEvents(db().warehouse, lease, [
    event({ id: '9007199254740993', profileId: '9007199254740995', sessionId: '9223372036854775807' }),
  ]);
  const owed = await db().rows(
    `select kind, id::text, event_id::text from talon_one_owed_snapshot where application_id = $1 order by kind`,
    lease.applicationId,
  );
  expect(owed).toEqual([
    { kind: 'profile', id: '9007199254740995', event_id: '9007199254740993' },
    { kind: 'session', id: '9223372036854775807', event_id: '9007199254740993' },
  ]);
});

describe('created', () => {
  test.each([
    ['microseconds', '2026-01-15T12:00:00.123456Z', '2026-01-15 12:00:00.123456+00'],
    ['an offset', '2026-01-15T12:00:00.5+05:30', '2026-01-15 06:30:00.5+00'],
    ['no offset', '2026-01-15T12:00:00.5', '2026-01-15 12:00:00.5+00'],
    ['a space and small letters', '2026-01-15 12:00:00z', '2026-01-15 12:00:00+00'],
    ['a comma', '2026-01-15T12:00:00,25Z', '2026-01-15 12:00:00.25+00'],
    ["Go's layout", '2026-01-15T12:00:00Z07:00', '2026-01-15 12:00:00+00'],
    ['an offset after the Z', '2026-01-15T12:00:00Z+07:00', '2026-01-15 05:00:00+00'],
    ['nanoseconds', '2026-01-15T12:00:00.123456499Z', '2026-01-15 12:00:00.123456+00'],
    ['nanoseconds that round into the next year', '2025-12-31T23:59:59.9999999Z', '2026-01-01 00:00:00+00'],
    ['a leap second', '2016-12-31T23:59:60Z', '2017-01-01 00:00:00+00'],
    ['midnight as 24:00', '2026-01-15T24:00:00Z', '2026-01-16 00:00:00+00'],
    ['the year 1', '0001-01-01T00:00:00Z', '0001-01-01 00:00:00+00'],
    ['the last year', '9999-12-31T23:59:59.999999Z', '9999-12-31 23:59:59.999999+00'],
  ])('with %s is stored as the moment that the cursor takes it for', async (_name, created, expected) => {
    const lease = await db().newLease();
    const record = event({ id: 1, created });
    await storeEvents(db().warehouse, lease, [record]);
    const [row] = await db().rows<{ created: string; payload: string; micros: string }>(
      `select to_char(created at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || rtrim(to_char(created, '.US'), '.0') || '+00' as created,
         payload ->> 'created' as payload, round(extract(epoch from created) * 1000000)::text as micros
       from talon_one_event where application_id = $1`,
      lease.applicationId,
    );
    expect(row).toMatchObject({ created: expected, payload: created });
    const [parsed] = (await eventPage([record])).rows;
    // Postgres rounds to microseconds, a cursor must not run ahead.
    const difference = BigInt(row?.micros ?? 0) - (parsed?.created ?? 0n);
    expect([0n, 1n]).toContain(difference);
    expect(formatInstant(parsed?.created ?? 0n)).toBeTypeOf('string');
  });
});

describe('a record that cannot be an event goes to the quarantine and the others of its page are stored', () => {
  const ok = '"created":"2026-01-15T12:00:00Z","type":"t"';
  test.each([
    ['no id', `{${ok}}`, /^id: /],
    ['id as text', `{"id":"7",${ok}}`, /^id: /],
    ['id null', `{"id":null,${ok}}`, /^id: /],
    ['id with decimals', `{"id":7.5,${ok}}`, /^id: must be a whole number/],
    ['id beyond 64 bits', `{"id":9223372036854775808,${ok}}`, /out of range/],
    ['no created', '{"id":7,"type":"t"}', /^created: /],
    ['created no time', '{"id":7,"created":"yesterday"}', /^created: must be an RFC 3339 time/],
    ['created a number', '{"id":7,"created":1768478400}', /^created: /],
    ['a day that does not exist', '{"id":7,"created":"2026-02-30T00:00:00Z"}', /^created: /],
    ['the year 10000', '{"id":7,"created":"10000-01-01T00:00:00Z"}', /^created: /],
    ['the year 0', '{"id":7,"created":"0000-01-01T00:00:00Z"}', /out of range/],
    ['a profile ID of text', `{"id":7,"profileId":"12",${ok}}`, /^profileId: /],
    ['a number instead of an object', '12.50', /./],
    ['null instead of an object', 'null', /./],
    ['a list instead of an object', `[{"id":7,${ok}}]`, /./],
  ])('%s', async (_name, raw, reason) => {
    const lease = await db().newLease();
    const page = [event({ id: 1 }), raw, event({ id: 2, created: '2026-01-15T12:00:01Z' })];
    expect(await storeEvents(db().warehouse, lease, page)).toEqual({ inserted: 2, quarantined: 1 });
    expect(await eventIds(lease)).toEqual(['1', '2']);
    // Every look-back meets it again.
    expect(await storeEvents(db().warehouse, lease, page)).toEqual({ inserted: 0, quarantined: 1 });
    const records = await quarantined(lease);
    expect(records).toEqual([
      { reason: expect.stringMatching(reason), raw, source: 'GET /v1/applications/1/events/no_total' },
    ]);
  });
});

test('of a page in which every second record is bad, every other one is stored', async () => {
  const lease = await db().newLease();
  const page = Array.from({ length: 60 }, (_, index) =>
    event({ id: index % 2 === 0 ? index + 1 : '9223372036854775808', attributes: `{"n":${index}}` }),
  );
  expect(await storeEvents(db().warehouse, lease, page)).toEqual({ inserted: 30, quarantined: 30 });
  expect(await eventIds(lease)).toHaveLength(30);
  expect(await quarantined(lease)).toHaveLength(30);
});

test('an event is stored once, however often and in whatever company it comes', async () => {
  const lease = await db().newLease();
  const { warehouse } = db();
  const effects = '[{"effectType":"setDiscount","props":{}}]';
  const one = event({ id: 1, effects });
  expect(await storeEvents(warehouse, lease, [one, one])).toMatchObject({ inserted: 1 });
  expect(await storeEvents(warehouse, lease, [one, event({ id: 2, effects })])).toMatchObject({
    inserted: 1,
  });
  expect(await storeEvents(warehouse, lease, [one, event({ id: 3, attributes: '{"v":-0}' })])).toMatchObject({
    inserted: 1,
  });
  expect(await eventIds(lease)).toEqual(['1', '2', '3']);
  const effectCount = 'select count(*) from talon_one_effect where application_id = $1';
  expect(await db().value(effectCount, lease.applicationId)).toBe('2');
});

test('a page that is stored already, in part or whole, is not taken apart in Node', async () => {
  const lease = await db().newLease();
  const early = event({ id: 1, created: '2025-12-31T23:59:59.9999999Z' });
  const late = event({ id: 2, created: '2026-02-15T12:00:00.123456789Z' });
  const odd = event({ id: '9007199254740991', created: '0001-01-01T00:00:00Z' });
  const query = vi.spyOn(pg.Client.prototype, 'query');
  try {
    expect(await storeEvents(db().warehouse, lease, [late, early])).toMatchObject({ inserted: 2 });
    expect(await storeEvents(db().warehouse, lease, [late, odd])).toMatchObject({ inserted: 1 });
    expect(await storeEvents(db().warehouse, lease, [odd, early, late])).toMatchObject({ inserted: 0 });
    const texts = query.mock.calls.map(([text]) => String(text));
    expect(texts.filter((text) => text.includes('insert into talon_one_event '))).toHaveLength(3);
  } finally {
    query.mockRestore();
  }
});

test('effects that somebody left behind without their event do not keep it from being stored', async () => {
  const lease = await db().newLease();
  const effects = '[{"effectType":"setDiscount","props":{}},{"effectType":"acceptCoupon","props":{}}]';
  await storeEvents(db().warehouse, lease, [event({ id: 1, effects })]);
  await db().rows('delete from talon_one_event where application_id = $1', lease.applicationId);
  expect(
    await storeEvents(db().warehouse, lease, [event({ id: 1, effects }), event({ id: 2, effects })]),
  ).toEqual({ inserted: 2, quarantined: 0 });
  const effectCount = 'select count(*) from talon_one_effect where application_id = $1';
  expect(await db().value(effectCount, lease.applicationId)).toBe('4');
});

describe('effects', () => {
  async function effectsOf(lease: Lease): Promise<Record<string, unknown>[]> {
    return db().rows(
      `select effect_index, effect_type, campaign_id::text, ruleset_id::text, rule_index::text, rule_name,
         triggered_by_coupon::text, profile_id::text, session_id::text, props::text
       from talon_one_effect where application_id = $1 order by event_id, effect_index`,
      lease.applicationId,
    );
  }
  const none = {
    effect_type: null,
    campaign_id: null,
    ruleset_id: null,
    rule_index: null,
    rule_name: null,
    triggered_by_coupon: null,
    profile_id: null,
    session_id: null,
    props: null,
  };

  test('each becomes a row, in order, with exact properties', async () => {
    const lease = await db().newLease();
    const effects = `[
      {"campaignId":244,"rulesetId":73,"ruleIndex":2,"ruleName":"20 %","effectType":"setDiscount","triggeredByCoupon":4928,
       "props":{"value":4.20,"id":9007199254740993}},
      {"effectType":"brandNew","campaignId":0,"unknown":true}]`;
    await storeEvents(db().warehouse, lease, [event({ id: 1, profileId: 5, sessionId: 6, effects })]);
    expect(await effectsOf(lease)).toEqual([
      {
        effect_index: 0,
        effect_type: 'setDiscount',
        campaign_id: '244',
        ruleset_id: '73',
        rule_index: '2',
        rule_name: '20 %',
        triggered_by_coupon: '4928',
        profile_id: '5',
        session_id: '6',
        props: '{"id": 9007199254740993, "value": 4.20}',
      },
      {
        ...none,
        effect_index: 1,
        effect_type: 'brandNew',
        campaign_id: '0',
        profile_id: '5',
        session_id: '6',
      },
    ]);
  });

  test.each(['null', '{}', '"none"', '7', '[]'])(
    '%s makes no rows, and the event is stored',
    async (effects) => {
      const lease = await db().newLease();
      expect(await storeEvents(db().warehouse, lease, [event({ id: 1, effects })])).toEqual({
        inserted: 1,
        quarantined: 0,
      });
      expect(await effectsOf(lease)).toEqual([]);
    },
  );

  test('fields of another type or beyond 64 bits are NULL in the row, and the event is stored', async () => {
    const lease = await db().newLease();
    const effects = `[null, 5, "text", [1], {"effectType":7,"campaignId":"244","ruleIndex":{},"props":[1.0],"ruleName":null},
      {"campaignId":9223372036854775808,"rulesetId":-1e30,"ruleIndex":9223372036854775807,"triggeredByCoupon":-1}]`;
    expect(await storeEvents(db().warehouse, lease, [event({ id: 1, effects })])).toEqual({
      inserted: 1,
      quarantined: 0,
    });
    expect(await effectsOf(lease)).toEqual([
      ...[0, 1, 2, 3].map((index) => ({ ...none, effect_index: index })),
      { ...none, effect_index: 4, effect_type: '7', props: '[1.0]' },
      { ...none, effect_index: 5, rule_index: '9223372036854775807', triggered_by_coupon: '-1' },
    ]);
  });

  test('NORMALIZE_EFFECTS=false leaves the table empty and the payload whole', async () => {
    const lease = await db().newLease();
    const effects = '[{"effectType":"setDiscount"}]';
    await storeEvents(db().warehouse, lease, [event({ id: 1, effects })], { normalizeEffects: false });
    expect(await effectsOf(lease)).toEqual([]);
    const stored = `select payload -> 'effects' -> 0 ->> 'effectType' from talon_one_event where application_id = $1`;
    expect(await db().value(stored, lease.applicationId)).toBe('setDiscount');
  });
});
