import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { ProfileSync } from '../src/sync/profiles.js';
import { SessionSync } from '../src/sync/sessions.js';
import type { Lease } from '../src/warehouse/cursor.js';
import { clientAnswering, event, storeEvents } from './support/records.js';
import { contextOf } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

// Between two ordinary records stands one that breaks things. What is stored must equal what was sent, digit for digit;
// what Postgres cannot hold is replaced visibly and the original text is kept beside it, and only then.

const db = useWarehouse();

type Kind = 'event' | 'profile' | 'session';

const PAYLOADS: Record<Kind, string> = {
  event: 'select payload from talon_one_event where application_id = $1 and event_id = $2',
  profile: 'select payload from talon_one_profile_snapshot where application_id = $1 and profile_id = $2',
  session: 'select payload from talon_one_session_snapshot where application_id = $1 and session_id = $2',
};

/** Stores records of one page, their IDs counting from 1, with these texts as `attributes`. */
async function store(kind: Kind, lease: Lease, attributes: readonly string[]): Promise<void> {
  const { warehouse } = db();
  const numbered = attributes.map((text, index) => ({ id: index + 1, attributes: text }));
  if (kind === 'event') {
    await storeEvents(warehouse, lease, numbered.map(event));
    return;
  }
  const named = numbered.map(({ id }) => event({ id, [`${kind}Id`]: id }));
  await storeEvents(warehouse, lease, named);
  const records = numbered.map((one) => event({ ...one, type: 'no event' }));
  const client = clientAnswering(() => records);
  const pageSize = 1000;
  const sync =
    kind === 'profile'
      ? new ProfileSync({ warehouse, client, batchSize: pageSize })
      : new SessionSync({ warehouse, client, mode: 'list', pageSize, parallel: 1 });
  expect(await sync.run(contextOf(lease), () => false)).toBe('nothing');
}

/** `attributes` as Postgres writes them. */
async function stored(kind: Kind, lease: Lease, id: number): Promise<string | null> {
  return db().value(
    `select payload -> 'attributes' from (${PAYLOADS[kind]}) as record`,
    lease.applicationId,
    id,
  );
}

async function originals(
  lease: Lease,
): Promise<{ kind: string; id: string; reasons: string[]; original: string }[]> {
  return db().rows(
    'select kind, id::text, reasons, original from talon_one_original_text where application_id = $1',
    lease.applicationId,
  );
}

async function quarantined(lease: Lease): Promise<{ kind: string; reason: string; raw: string }[]> {
  return db().rows(
    'select kind, reason, raw from talon_one_quarantine where application_id = $1',
    lease.applicationId,
  );
}

const ORDINARY = '{"value": 12.50}';
const zeros = (count: number) => '0'.repeat(count);

const kept: [name: string, sent: string, stored: string][] = [
  ['2^53 + 1', '{"v":9007199254740993}', '{"v": 9007199254740993}'],
  ['25 digits', '{"v":1234567890123456789012345}', '{"v": 1234567890123456789012345}'],
  [
    '40 decimals',
    '{"v":0.1234567890123456789012345678901234567891}',
    '{"v": 0.1234567890123456789012345678901234567891}',
  ],
  ['trailing zeros', '{"v":1.10,"w":100.00}', '{"v": 1.10, "w": 100.00}'],
  ['1E400', '{"v":1E400}', `{"v": 1${zeros(400)}}`],
  ['1e-400', '{"v":1e-400}', `{"v": 0.${zeros(399)}1}`],
  ['the largest number', '{"v":1e131071}', `{"v": 1${zeros(131_071)}}`],
  [
    'a key called __proto__',
    '{"__proto__":{"a":1},"constructor":2}',
    '{"__proto__": {"a": 1}, "constructor": 2}',
  ],
  ['a surrogate pair', '{"v":"\\ud83d\\ude00 \\u00e9"}', '{"v": "😀 é"}'],
  ['an escaped backslash before u0000', '{"v":"\\\\u0000 \\\\ud800"}', '{"v": "\\\\u0000 \\\\ud800"}'],
  [
    'depth 500',
    `{"v":${'['.repeat(500)}1.0${']'.repeat(500)}}`,
    `{"v": ${'['.repeat(500)}1.0${']'.repeat(500)}}`,
  ],
  ['white space between tokens', '{ "v" :\r\n\t[ 1 , 2.0 ] }', '{"v": [1, 2.0]}'],
];

const replaced: [name: string, sent: string, stored: string, reasons: string[]][] = [
  ['minus zero', '{"v":-0}', '{"v": 0}', ['minus zero']],
  ['minus zero with decimals', '{"v":[-0.0]}', '{"v": [0.0]}', ['minus zero']],
  ['a number without end', '{"v":1e200000}', '{"v": "1e200000"}', ['number out of range']],
  ['a number too small', '{"v":-1.5E-20000}', '{"v": "-1.5E-20000"}', ['number out of range']],
  ['NUL in a value', '{"v":"a\\u0000b"}', '{"v": "a\ufffdb"}', ['NUL character']],
  ['NUL in a key', '{"a\\u0000b":1}', '{"a\ufffdb": 1}', ['NUL character']],
  ['a high surrogate alone', '{"v":"x\\ud83dy"}', '{"v": "x\ufffdy"}', ['lone surrogate']],
  ['a low surrogate alone', '{"v":"\\uDE00"}', '{"v": "\ufffd"}', ['lone surrogate']],
  ['surrogates in reverse', '{"v":"\\ude00\\ud83d"}', '{"v": "\ufffd\ufffd"}', ['lone surrogate']],
  ['a raw control character', '{"v":"a\u0001b\nc"}', '{"v": "a\\u0001b\\nc"}', ['raw control character']],
  ['a raw NUL', '{"v":"a\u0000b"}', '{"v": "a\ufffdb"}', ['raw control character', 'NUL character']],
  ['a key given twice', '{"a":1.0,"b":2,"a":3.00}', '{"a": 3.00, "b": 2}', ['duplicate key']],
  ['a key given twice, spelt differently', '{"a":1,"\\u0061":2}', '{"a": 2}', ['duplicate key']],
];

test.each(kept)('%s is stored as it came, and nothing else is kept', async (_name, sent, expected) => {
  const lease = await db().newLease();
  await store('event', lease, [ORDINARY, sent, ORDINARY]);
  expect(await stored('event', lease, 2)).toBe(expected);
  expect(await stored('event', lease, 3)).toBe(ORDINARY);
  expect([await originals(lease), await quarantined(lease)]).toEqual([[], []]);
});

test.each(replaced)(
  '%s is replaced visibly, and the original of this record alone is kept',
  async (_name, sent, expected, reasons) => {
    const lease = await db().newLease();
    await store('event', lease, [ORDINARY, sent, ORDINARY]);
    expect(await stored('event', lease, 1)).toBe(ORDINARY);
    expect(await stored('event', lease, 2)).toBe(expected);
    expect(await stored('event', lease, 3)).toBe(ORDINARY);
    const [original, ...others] = await originals(lease);
    expect(others).toEqual([]);
    expect(original).toMatchObject({ kind: 'event', id: '2', reasons });
    expect(original?.original).toContain(sent.replaceAll('\0', '\\u0000'));
    expect(await quarantined(lease)).toEqual([]);
  },
);

test.each<Kind>(['event', 'profile', 'session'])(
  'of a page of every kind of trouble each %s is as exact as alone; what Postgres refuses goes to the quarantine',
  async (kind) => {
    const lease = await db().newLease();
    const absurd = `{"v":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const cases = [
      [absurd, null] as const,
      ...[...kept, ...replaced].map(([, sent, text]) => [sent, text] as const),
    ];
    await store(
      kind,
      lease,
      cases.map(([sent]) => sent),
    );
    for (const [index, [, text]] of cases.entries()) expect(await stored(kind, lease, index + 1)).toBe(text);
    const firstReplaced = 2 + kept.length;
    expect(new Set((await originals(lease)).map((original) => original.id))).toEqual(
      new Set(replaced.map((_, index) => String(firstReplaced + index))),
    );
    const [record, ...others] = await quarantined(lease);
    expect(others).toEqual([]);
    expect(record).toMatchObject({ kind, reason: expect.stringContaining('stack depth') });
    expect(record?.raw).toContain(absurd);
  },
);

test('a session asked for by its ID is stored as exactly as one from a list', async () => {
  const lease = await db().newLease();
  const { warehouse } = db();
  await storeEvents(warehouse, lease, [event({ id: 1, sessionId: 1 })]);
  const text = event({ id: 1, attributes: '{"v":1.10,"w":-0,"x":9007199254740993}' });
  const client = clientAnswering(() => text);
  const sync = new SessionSync({ warehouse, client, mode: 'by-id', pageSize: 1000, parallel: 1 });
  expect(await sync.run(contextOf(lease), () => false)).toBe('nothing');
  expect(await stored('session', lease, 1)).toBe('{"v": 1.10, "w": 0, "x": 9007199254740993}');
  expect(await originals(lease)).toMatchObject([{ kind: 'session', id: '1', original: text }]);
});

test.each([
  ['on the quick way', ''],
  ['beside a record that is replaced', '\\u0000'],
])('an event of 20 MB is stored whole, %s', async (_case, oddity) => {
  const lease = await db().newLease();
  const long = 'Straße 9007199254740993 '.repeat(800_000);
  await store('event', lease, [`{"v":"${long}","n":1.10}`, `{"v":"${oddity}"}`]);
  const isWhole = await db().value(
    `select md5(payload -> 'attributes' ->> 'v') = $3 and payload -> 'attributes' ->> 'n' = '1.10'
     from talon_one_event where application_id = $1 and event_id = $2`,
    lease.applicationId,
    1,
    createHash('md5').update(long).digest('hex'),
  );
  expect(isWhole).toBe('true');
  expect((await originals(lease)).map((original) => original.id)).toEqual(oddity === '' ? [] : ['2']);
});

test('the original text is kept once for each different text, however often it is met', async () => {
  const lease = await db().newLease();
  const record = event({ id: 1, attributes: '{"v":-0}' });
  for (let times = 0; times < 3; times += 1) await storeEvents(db().warehouse, lease, [record]);
  expect(await originals(lease)).toMatchObject([{ id: '1', original: record }]);
});

test('of a list page, only what is stored leaves an original text or goes to the quarantine', async () => {
  const lease = await db().newLease();
  const { warehouse } = db();
  await storeEvents(warehouse, lease, [event({ id: 1, sessionId: 1 })]);
  const absurd = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const bystanders = [event({ id: 2, attributes: '{"v":"\\u0000"}' }), event({ id: 3, attributes: absurd })];
  const client = clientAnswering(() => [...bystanders, event({ id: 1, attributes: '{"v":-0}' })]);
  const sync = new SessionSync({ warehouse, client, mode: 'list', pageSize: 1000, parallel: 1 });
  await sync.run(contextOf(lease), () => false);
  expect(await stored('session', lease, 1)).toBe('{"v": 0}');
  expect((await originals(lease)).map((original) => original.id)).toEqual(['1']);
  expect(await quarantined(lease)).toEqual([]);
});
