import { expect, test } from 'vitest';
import { forgetProfile, tryToForget } from '../src/warehouse/forget.js';
import { ERASED_TABLES } from '../src/warehouse/forget-sql.js';
import { useWarehouse } from './support/warehouse.js';

// Every column that may hold something of a customer, in every way in which a row can name that customer: planted before
// and after the customer is forgotten, with a word that must be gone, and for somebody else with a word that must stay.

const db = useWarehouse();

interface Person {
  readonly id: string;
  readonly profile: number;
  readonly session: number;
  readonly event: number;
  /** Integration ID of the session. */
  readonly order: string;
  readonly application: number;
}

const ANNA: Person = {
  id: 'anna@example.com',
  profile: 81_001,
  session: 82_001,
  event: 83_001,
  order: 'order-7',
  application: 7,
};
// The same session number and order in another Application, and an ID that begins like hers.
const BEN: Person = {
  id: 'anna@example.com.au',
  profile: 8_100,
  session: 82_001,
  event: 83_001,
  order: 'order-7',
  application: 8,
};

type Way = (person: Person) => Record<string, unknown>;

/** How the text of a record names a customer. */
const WAYS: Readonly<Record<string, Way>> = {
  'integration ID': ({ id }) => ({ profileIntegrationId: id }),
  'integration ID in an attribute': ({ id }) => ({ attributes: { friends: ['x', id] } }),
  'integration ID in JSON inside a string': ({ id }) => ({
    props: JSON.stringify({ to: JSON.stringify({ id }) }),
  }),
  'list of integration IDs in a cell': ({ id }) => ({ customerprofileids: `carl;${id}` }),
  'internal ID of the profile': ({ profile }) => ({ profileId: profile }),
  'internal ID of the profile in a cell': ({ profile }) => ({ profileid: String(profile) }),
  'internal ID of the profile in JSON inside a string': ({ profile }) => ({
    payload: `{"profileId": ${profile}}`,
  }),
  'internal ID of the session': ({ session, application }) => ({
    applicationId: application,
    sessionId: session,
  }),
  'internal ID of the session in a cell': ({ session, application }) => ({
    applicationid: String(application),
    sessionid: String(session),
  }),
  'integration ID of the session': ({ order, application }) => ({
    applicationId: application,
    customerSessionId: order,
  }),
  'integration ID of the session in a cell': ({ order, application }) => ({
    applicationid: String(application),
    sessionintegrationid: order,
  }),
};

type Plant = (person: Person, word: string, row: number) => readonly [sql: string, ...values: unknown[]];

const record = (way: Way, person: Person, word: string) => JSON.stringify({ note: word, ...way(person) });

/** A plant for each way of naming the customer in a text. */
function inText(
  plant: (text: string, person: Person, row: number) => ReturnType<Plant>,
): Record<string, Plant> {
  return Object.fromEntries(
    Object.entries(WAYS).map(([name, way]) => [
      name,
      (person, word, row) => plant(record(way, person, word), person, row),
    ]),
  );
}

const payloadOf = (word: string) => JSON.stringify({ note: word, attributes: { mail: word } });

const holder = (table: string, more = '', values = ''): Record<string, Plant> => ({
  'integration ID': (person, _word, row) => [
    `insert into ${table} (program_id, holder, fetched_at ${more}) values ($1, $2, '2026-01-01Z' ${values})`,
    row,
    person.id,
  ],
});
const others = (table: string, more = '', values = ''): Record<string, Plant> => ({
  'integration ID of the holder': (person, word, row) => [
    `insert into ${table} (program_id, holder, fetched_at, other ${more}) values ($1, $2, '2026-01-01Z', $3 ${values})`,
    row,
    person.id,
    payloadOf(word),
  ],
  'integration ID in a further column': (person, word, row) => [
    `insert into ${table} (program_id, holder, fetched_at, other ${more}) values ($1, 'card-1', '2026-01-01Z', $2 ${values})`,
    row,
    JSON.stringify({ note: word, customerprofileids: `carl;${person.id}` }),
  ],
});
const said = (plant: (sentence: string, row: number) => ReturnType<Plant>): Record<string, Plant> => ({
  'integration ID in quotes': ({ id }, word, row) => plant(`${word}: no profile "${id}"`, row),
  'integration ID in a sentence': ({ id }, word, row) => plant(`${word} profile=${id} is unknown`, row),
});

const TRANSACTION = `insert into talon_one_loyalty_transaction
  (program_id, transaction_uuid, created, type, amount, subledger_id, profile_integration_id, card_identifier, session_integration_id, campaign_id, name, payload)`;
const EVENT =
  'insert into talon_one_event (application_id, event_id, created, profile_id, session_id, integration_id, payload)';

/** For each column of ERASED_TABLES, by the way in which its row names the customer. */
const PLANTS: Readonly<Record<string, Readonly<Record<string, Plant>>>> = {
  'talon_one_effect.props': {
    'internal ID of the profile': (person, word, row) => [
      `with e as (${EVENT} values ($1, $2, '2026-01-01Z', $3, null, null, '{}') returning *)
       insert into talon_one_effect (application_id, event_id, created, effect_index, props) select $1, $2, created, 0, payload || $4 from e`,
      person.application,
      row,
      person.profile,
      payloadOf(word),
    ],
  },
  'talon_one_event.payload': {
    'internal ID of the profile': (person, word, row) => [
      `${EVENT} values ($1, $2, '2026-01-01Z', $3, null, null, $4)`,
      person.application,
      row,
      person.profile,
      payloadOf(word),
    ],
    'internal ID of the session': (person, word, row) => [
      `${EVENT} values ($1, $2, '2026-01-01Z', null, $3, null, $4)`,
      person.application,
      row,
      person.session,
      payloadOf(word),
    ],
  },
  'talon_one_event.integration_id': {
    'internal ID of the profile': (person, word, row) => [
      `${EVENT} values ($1, $2, '2026-01-01Z', $3, null, $4, '{}')`,
      person.application,
      row,
      person.profile,
      word,
    ],
  },
  'talon_one_profile_snapshot.integration_id': {
    'integration ID': (person, _word, row) => [
      `insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, integration_id) values ($1, '2026-01-01Z', $2, true, $3)`,
      person.profile,
      row,
      person.id,
    ],
  },
  'talon_one_profile_snapshot.payload': {
    'internal ID of the profile': (person, word, row) => [
      `insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, payload) values ($1, '2026-01-01Z', $2, true, $3)`,
      person.profile,
      row,
      payloadOf(word),
    ],
  },
  'talon_one_session_snapshot.integration_id': {
    'internal ID of the profile': (person, word, row) => [
      `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source, profile_id, integration_id)
       values ($1, $2, '2026-01-01Z', true, 'list', $3, $4)`,
      person.application,
      row,
      person.profile,
      word,
    ],
  },
  'talon_one_session_snapshot.payload': {
    'internal ID of the session': (person, word, row) => [
      `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source, payload)
       values ($1, $2, '2026-01-01Z'::timestamptz + $3 * interval '1 s', true, 'list', $4)`,
      person.application,
      person.session,
      row,
      payloadOf(word),
    ],
    'integration ID of the profile alone': (person, word, row) => [
      `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source, payload)
       values ($1, $2, '2026-01-01Z', true, 'export', $3)`,
      person.application,
      row,
      JSON.stringify({ profileintegrationid: person.id, note: word }),
    ],
  },
  'talon_one_loyalty_transaction.profile_integration_id': {
    'integration ID': (person, _word, row) => [
      `${TRANSACTION} values (1, $1, now(), 'addition', 1, '', $2, null, null, null, null, '{}')`,
      row,
      person.id,
    ],
  },
  'talon_one_loyalty_transaction.holder': {
    'integration ID': (person, _word, row) => [
      `${TRANSACTION} values (2, $1, now(), 'addition', 1, '', $2, null, null, null, null, '{}')`,
      row,
      person.id,
    ],
  },
  'talon_one_loyalty_transaction.session_integration_id': {
    'integration ID of the session, in a transaction of a card': (person, _word, row) => [
      `${TRANSACTION} values (3, $1, now(), 'addition', 1, '', null, 'card-1', $2, $3, null, '{}')`,
      row,
      person.order,
      person.application,
    ],
  },
  'talon_one_loyalty_transaction.name': {
    'integration ID': (person, word, row) => [
      `${TRANSACTION} values (4, $1, now(), 'addition', 1, '', $2, null, null, null, $3, '{}')`,
      row,
      person.id,
      word,
    ],
  },
  'talon_one_loyalty_transaction.payload': {
    'integration ID of the session, in a transaction of a card': (person, word, row) => [
      `${TRANSACTION} values (5, $1, now(), 'addition', 1, '', null, 'card-1', $2, $3, null, $4)`,
      row,
      person.order,
      person.application,
      payloadOf(word),
    ],
  },
  'talon_one_loyalty_balance_snapshot.holder': holder(
    'talon_one_loyalty_balance_snapshot',
    ', subledger_id',
    `, ''`,
  ),
  'talon_one_loyalty_balance_snapshot.other': others(
    'talon_one_loyalty_balance_snapshot',
    ', subledger_id',
    `, 's'`,
  ),
  'talon_one_loyalty_tier_snapshot.holder': holder(
    'talon_one_loyalty_tier_snapshot',
    ', subledger_id',
    `, ''`,
  ),
  'talon_one_loyalty_tier_snapshot.other': others(
    'talon_one_loyalty_tier_snapshot',
    ', subledger_id',
    `, 's'`,
  ),
  'talon_one_loyalty_join_date.holder': holder('talon_one_loyalty_join_date'),
  'talon_one_loyalty_join_date.other': others('talon_one_loyalty_join_date'),
  'talon_one_loyalty_balance_projection.holder': holder(
    'talon_one_loyalty_balance_projection',
    ', subledger_id, day, balance_at',
    `, '', '2026-01-02', '2026-01-02Z'`,
  ),
  'talon_one_coupon.recipient_integration_id': {
    'integration ID': (person, _word, row) => [
      `insert into talon_one_coupon (application_id, coupon_id, recipient_integration_id, payload) values (1, $1, $2, '{}')`,
      row,
      person.id,
    ],
  },
  'talon_one_coupon.payload': {
    'integration ID': (person, word, row) => [
      `insert into talon_one_coupon (application_id, coupon_id, recipient_integration_id, payload) values (1, $1, $2, $3)`,
      row,
      person.id,
      payloadOf(word),
    ],
    'integration ID in an attribute': (person, word, row) => [
      `insert into talon_one_coupon (application_id, coupon_id, payload) values (1, $1, $2)`,
      row,
      JSON.stringify({ attributes: JSON.stringify({ for: person.id, note: word }) }),
    ],
  },
  'talon_one_referral.advocate_integration_id': {
    'integration ID': (person, _word, row) => [
      `insert into talon_one_referral (application_id, referral_id, advocate_integration_id, payload) values (1, $1, $2, '{}')`,
      row,
      person.id,
    ],
  },
  'talon_one_referral.friend_integration_id': {
    'integration ID': (person, _word, row) => [
      `insert into talon_one_referral (application_id, referral_id, friend_integration_id, payload) values (1, $1, $2, '{}')`,
      row,
      person.id,
    ],
  },
  'talon_one_referral.payload': {
    'integration ID': (person, word, row) => [
      `insert into talon_one_referral (application_id, referral_id, friend_integration_id, payload) values (1, $1, $2, $3)`,
      row,
      person.id,
      payloadOf(word),
    ],
  },
  'talon_one_change.entity': {
    'integration ID in the path': (person, _word, row) => [
      `insert into talon_one_change (change_id, created, entity, payload) values ($1, now(), $2, '{}')`,
      row,
      `/v1/customer_profiles/${person.id}`,
    ],
  },
  'talon_one_change.payload': inText((text, person, row) => [
    `insert into talon_one_change (change_id, created, application_id, payload) values ($1, now(), $2, jsonb_build_object('new', $3::jsonb))`,
    row,
    person.application,
    text,
  ]),
  'talon_one_quarantine.raw': {
    ...inText((text, person, row) => [
      `insert into talon_one_quarantine (kind, application_id, reason, raw, source) values ('event', $1, 'r', $2, $3)`,
      person.application,
      text,
      `s${row}`,
    ]),
    'internal ID of a profile': (person, word) => [
      `insert into talon_one_quarantine (kind, application_id, reason, raw, source) values ('profile', $1, 'r', $2, 's')`,
      person.application,
      `{"id": ${person.profile}, "note": "${word}"}`,
    ],
    'internal ID of a session': (person, word) => [
      `insert into talon_one_quarantine (kind, application_id, reason, raw, source) values ('session', $1, 'r', $2, 's')`,
      person.application,
      `{"id": ${person.session}, "note": "${word}"}`,
    ],
  },
  'talon_one_quarantine.reason': {
    'integration ID': (person, word, row) => [
      `insert into talon_one_quarantine (kind, application_id, reason, raw, source) values ('event', 1, $1, $2, 's')`,
      word,
      JSON.stringify({ row, customerProfileId: person.id }),
    ],
  },
  'talon_one_original_text.original': {
    ...inText((text, person, row) => [
      `insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original) values ('loyalty-transaction', $1, $2, 'h', '{}', $3)`,
      person.application,
      row,
      text,
    ]),
    'internal ID of the profile that it is': (person, word, row) => [
      `insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original) values ('profile', 1, $1, $2, '{}', $3)`,
      person.profile,
      row,
      word,
    ],
    'internal ID of the session that it is': (person, word, row) => [
      `insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original) values ('session', $1, $2, $3, '{}', $4)`,
      person.application,
      person.session,
      row,
      word,
    ],
    'ID of an event of the profile': (person, word, row) => [
      `insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original) values ('event', $1, $2, $3, '{}', $4)`,
      person.application,
      person.event,
      row,
      word,
    ],
  },
  'talon_one_export_row.payload': {
    ...inText((text, person, row) => [
      `with run as (insert into talon_one_export (export, options) values ('effects', jsonb_build_object('application', $1::text)) returning export_id)
       insert into talon_one_export_row select export_id, $2, $3 from run`,
      person.application,
      row,
      text,
    ]),
    'internal ID of a session in its column': (person, word, row) => [
      `with run as (insert into talon_one_export (export, options) values ('sessions', jsonb_build_object('application', $1::text)) returning export_id)
       insert into talon_one_export_row select export_id, $2, jsonb_build_object('id', $3::text, 'note', $4::text) from run`,
      person.application,
      row,
      person.session,
      word,
    ],
  },
  'talon_one_export.options': {
    'integration ID': (person) => [
      `insert into talon_one_export (export, options) values ('sessions', jsonb_build_object('customer', $1::text, 'application', '7'))`,
      person.id,
    ],
  },
  'talon_one_import_part.answer': said((sentence, row) => [
    `with run as (insert into talon_one_import (deployment, kind, target, file_name, file_hash, file_bytes, units, parts)
       values ('d', 'profiles', '', 'f', 'h', 1, 1, 1) returning import_id)
     insert into talon_one_import_part (import_id, part, first_line, last_line, units, content_hash, answer)
     select import_id, $1, 1, 1, 1, 'h', $2 from run`,
    row,
    sentence,
  ]),
  'talon_one_sync_cursor.last_error': said((sentence, row) => [
    `insert into talon_one_sync_cursor (application_id, last_sync, last_error) values ($1, now(), $2)`,
    row,
    sentence,
  ]),
  'talon_one_sync_cycle.error': said((sentence, row) => [
    `insert into talon_one_sync_cycle (cycle_id, application_id, fence, owner, started_at, duration_ms, outcome, pages, requests, retries,
       events_new, events_repeated, profile_snapshots, session_snapshots, quarantined, error)
     values ($1, 1, 1, 'o', now(), 1, 'failed', 0, 0, 0, 0, 0, 0, 0, 0, $2)`,
    row,
    sentence,
  ]),
  'talon_one_job.last_error': said((sentence, row) => [
    `insert into talon_one_job (job, last_error) values ($1, $2)`,
    `j${row}`,
    sentence,
  ]),
};

/** Tables without a trigger, each with the reason. */
const UNGUARDED: Readonly<Record<string, string>> = {
  talon_one_effect: 'is written from the event as its trigger left it',
  talon_one_sync_cursor: 'messages name no customers as a rule, and a trigger would cost each page',
  talon_one_sync_cycle: 'as above',
  talon_one_job: 'as above',
};

async function everything(): Promise<string> {
  const tables = await db().rows<{ name: string }>(
    `select relname as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
     and not relispartition and relname like 'talon\\_one\\_%'`,
  );
  const parts = await Promise.all(
    tables.map(({ name }) =>
      db().value(`select coalesce(string_agg(to_jsonb(t)::text, E'\\n'), '') from ${name} t`),
    ),
  );
  return parts.join('\n');
}

/** Where a word was planted that is there now, one line each. */
const wordsIn = (text: string, words: ReadonlyMap<string, string>) =>
  [...words].filter(([word]) => new RegExp(`\\b${word}\\b`).test(text)).map(([, place]) => place);

let rows = 90_000;
async function plantAll(person: Person, prefix: string, isPlanted: (table: string) => boolean) {
  const words = new Map<string, string>();
  for (const [column, ways] of Object.entries(PLANTS)) {
    if (!isPlanted(column.split('.')[0] ?? '')) continue;
    for (const [way, plant] of Object.entries(ways)) {
      rows += 1;
      const word = `${prefix}x${rows}`;
      const [sql, ...values] = plant(person, word, rows);
      await db().rows(sql, ...values);
      if (JSON.stringify(values).includes(word)) words.set(word, `${column} by ${way}`);
    }
  }
  return words;
}

test('every column that is blanked is planted here, and every table that is blanked has a trigger or a reason', async () => {
  const columns = ERASED_TABLES.flatMap(({ table, columns: own }) =>
    own.map((column) => `${table}.${column}`),
  );
  expect(Object.keys(PLANTS).sort()).toEqual(columns.sort());
  await db().rows('select talon_one_guard_erasures()');
  const guarded = await db().rows<{ name: string }>(
    `select tgrelid::regclass::text as name from pg_trigger join pg_class on pg_class.oid = tgrelid
     where tgname = 'talon_one_guard_erasures' and not relispartition`,
  );
  const tables = [...guarded.map(({ name }) => name), ...Object.keys(UNGUARDED)];
  expect(tables.sort()).toEqual(ERASED_TABLES.map(({ table }) => table).sort());
});

test('whichever way a row names the customer, it is blanked, before and after; the rows of others stay', async () => {
  for (const person of [ANNA, BEN])
    await db().rows(
      `with known as (insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, integration_id)
         values ($1, '2026-01-01Z', 1, true, $2)), event as (${EVENT} values ($3, $6, '2026-01-01Z', $1, null, null, '{}'))
       insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source, profile_id, integration_id)
       values ($3, $4, '2026-01-01Z', true, 'list', $1, $5)`,
      person.profile,
      person.id,
      person.application,
      person.session,
      person.order,
      person.event,
    );
  await db().rows(
    `insert into talon_one_campaign (campaign_id, application_id, valid_from, payload) values (7, 7, '2020-01-01Z', '{}'), (8, 8, '2020-01-01Z', '{}')`,
  );
  const before = await plantAll(ANNA, 'gone', () => true);
  const kept = await plantAll(BEN, 'kept', () => true);
  const tried = await tryToForget(db().warehouse, ANNA.id);
  const done = await forgetProfile(db().warehouse, ANNA.id);
  expect(done.rows).toEqual(tried.rows);
  const after = await plantAll(ANNA, 'late', (table) => !(table in UNGUARDED));
  const keptLater = await plantAll(BEN, 'stay', () => true);

  const text = await everything();
  expect(wordsIn(text, before)).toEqual([]);
  expect(wordsIn(text, after)).toEqual([]);
  expect(text).not.toMatch(/anna@example\.com(?!\.au)/);
  expect(wordsIn(text, kept)).toEqual([...kept.values()]);
  expect(wordsIn(text, keptLater)).toEqual([...keptLater.values()]);
  expect(
    await db().value(`select count(*) from talon_one_session_snapshot where integration_id = $1`, ANNA.order),
  ).toBe('1');
  expect(
    await db().rows(
      `select distinct session_integration_id as id, campaign_id::int as campaign from talon_one_loyalty_transaction where session_integration_id is not null`,
    ),
  ).toEqual([{ id: BEN.order, campaign: BEN.application }]);
  expect(
    await db().value(
      `select options::text from talon_one_export where options ->> 'customer' like 'erased%' limit 1`,
    ),
  ).toBe(`{"customer": "erased-${done.erasureId}", "application": "7"}`);
  const again = await forgetProfile(db().warehouse, ANNA.id);
  expect(Object.entries(again.rows).filter(([, count]) => count > 0)).toEqual([]);
});

test('a plain number is the integration ID in members that name customers, an amount elsewhere', async () => {
  await forgetProfile(db().warehouse, '700');
  const erasures = async (text: string) =>
    (await db().value('select talon_one_erasure_in($1) is not null', text)) === 'true';
  for (const text of [
    '{"customerProfileId":"700"}',
    '{"profileintegrationid":"700"}',
    '{"recipientintegrationid": "700"}',
  ])
    expect(`${text} ${await erasures(text)}`).toBe(`${text} true`);
  for (const text of ['{"total":"700"}', '{"limitval":"700","x":700}', '{"700":"a"}', '["700"]'])
    expect(`${text} ${await erasures(text)}`).toBe(`${text} false`);
});

test('a text that is no JSON, or breaks off, is searched all the same and never refused', async () => {
  await forgetProfile(db().warehouse, ANNA.id);
  const erasures = async (text: string) =>
    (await db().value('select talon_one_erasure_in($1) is not null', text)) === 'true';
  for (const text of [
    '{"a": "\\ud800", "profileIntegrationId": "anna@example.com", "cut": "of',
    '{"bad": "\\u0000 \\x", "b": "anna\\u0040example.com"}',
    'anna@example.com',
    '{"note": "{\\"deep\\": \\"{\\\\\\"id\\\\\\":\\\\\\"anna@example.com\\\\\\"}\\"}"}',
  ])
    expect(`${text} ${await erasures(text)}`).toBe(`${text} true`);
  for (const text of ['', '{', '"', '{"anna@example.com": 1}', '{"id": 99999999999999999999}'])
    expect(`${text} ${await erasures(text)}`).toBe(`${text} false`);
});

test('in payloads, times and words of the API stay; texts, and everything a company defines itself, go', async () => {
  const payload = {
    created: '2026-01-01T00:00:00.123456789Z',
    lastActivity: '2026-01-02T00:00:00+01:00',
    closedAt: 'Monday',
    state: 'closed',
    note: 'Anna 2026-01-01T00:00:00Z',
    attributes: { born: '1990-01-01T00:00:00Z', age: 36, list: ['2026-01-01T00:00:00Z'] },
    total: 12.5,
    effects: [
      { effectType: 'customEffect', props: { effectId: 5, payload: { at: '2026-01-01T00:00:00Z' } } },
    ],
  };
  expect(await db().rows('select talon_one_blank($1::jsonb) as blank', JSON.stringify(payload))).toEqual([
    {
      blank: {
        ...payload,
        closedAt: null,
        note: null,
        attributes: { born: null, age: null, list: [null] },
        effects: [{ effectType: 'customEffect', props: { effectId: 5, payload: { at: null } } }],
      },
    },
  ]);
});
