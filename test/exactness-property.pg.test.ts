import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Canonical, canonical } from './support/canonical-json.js';
import { event, storeEvents } from './support/records.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${most}}$`));

/** Number literals, with many digits, signs, exponents and zeros in odd places. */
const numberText = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(
      fc.constant('0'),
      digits(45).map((text) => text.replace(/^0+(?=\d)/, '')),
    ),
    fraction: fc.oneof(
      fc.constant(''),
      digits(45).map((text) => `.${text}`),
      fc.constantFrom('.0', '.10', '.000'),
    ),
    exponent: fc.oneof(
      { weight: 3, arbitrary: fc.constant('') },
      fc.integer({ min: -450, max: 450 }).map((value) => `e${value}`),
      fc.integer({ min: 0, max: 450 }).map((value) => `E+${value}`),
    ),
  })
  .map(({ sign, whole, fraction, exponent }) => `${sign}${whole}${fraction}${exponent}`);

/** Pieces of string literals: ordinary ones, ones that only look dangerous, and dangerous ones. */
const piece = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('a', 'Ü', '漢', '😀', ' ', '7', ':', ',', '{', ']', '\u2028', '\u007f'),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '\\n',
      '\\"',
      '\\\\',
      '\\/',
      '\\u00e9',
      '\\uD83D\\uDE00',
      '\\\\u0000',
      '\\":',
      '-0,',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\\u0000', '\\ud83d', '\\uDE00', '\\ude00\\ud83d', '\u0001', '\n', '\u0000'),
  },
);
const stringText = fc.array(piece, { maxLength: 6 }).map((pieces) => `"${pieces.join('')}"`);
const keyText = fc.oneof(fc.constantFrom('"a"', '"b"', '"\\u0061"', '"__proto__"', '""'), stringText);
const space = fc.constantFrom('', '', '', ' ', '\n', '\t\r');

const { value: jsonText } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(numberText, stringText, fc.constantFrom('true', 'false', 'null')),
    fc
      .tuple(space, fc.array(tie('value'), { maxLength: 4 }))
      .map(([gap, items]) => `[${items.map((item) => gap + item).join(`${gap},`)}${gap}]`),
    fc
      .tuple(space, fc.array(fc.tuple(keyText, tie('value')), { maxLength: 4 }))
      .map(
        ([gap, members]) =>
          `{${members.map(([key, item]) => `${gap}${key}${gap}:${gap}${item}`).join(',')}${gap}}`,
      ),
  ),
}));

test('whatever JSON an event holds, its payload equals it digit for digit, and the original is kept when it cannot', async () => {
  const lease = await db().newLease();
  let lastId = 0;
  const property = fc.asyncProperty(fc.array(jsonText, { minLength: 1, maxLength: 5 }), async (values) => {
    const sent = new Map<string, { text: string; expected: Canonical }>();
    for (const attributes of values) {
      lastId += 1;
      const text = event({ id: lastId, attributes });
      sent.set(String(lastId), { text, expected: canonical(text) });
    }
    const counts = await storeEvents(
      db().warehouse,
      lease,
      [...sent.values()].map((one) => one.text),
    );
    expect(counts).toEqual({ inserted: sent.size, quarantined: 0 });
    const rows = await db().rows<{ id: string; payload: string; original: string | null }>(
      `select event_id::text as id, payload::text, original from talon_one_event e
       left join talon_one_original_text o on o.application_id = e.application_id and id = event_id
       where e.application_id = $1 and event_id = any($2::bigint[])`,
      lease.applicationId,
      [...sent.keys()],
    );
    for (const { id, payload, original } of rows) {
      const { text, expected } = sent.get(id) ?? { text: '', expected: canonical('null') };
      expect(canonical(payload).text).toBe(expected.text);
      expect(original).toBe(expected.isChanged ? text.replaceAll('\0', '\\u0000') : null);
    }
    expect(rows).toHaveLength(sent.size);
  });
  await fc.assert(property, { numRuns: 250 });
});
