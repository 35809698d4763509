import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanJson } from '../src/json/clean.js';
import { jsonText } from './support/json-text.js';

// What jsonb refuses or changes was measured on Postgres 14 to 18; exactness.pg.test.ts holds these rules against it.

test('the result parses to the original but for what is reported, and everything replaced is reported', () => {
  fc.assert(
    fc.property(jsonText, ({ text, cleaned, reasons }) => {
      const clean = cleanJson(text);
      expect(JSON.parse(clean.text)).toEqual(cleaned);
      expect(new Set(clean.reasons)).toEqual(new Set(reasons));
    }),
    { numRuns: 500 },
  );
});

test('a text without anything to report stays as it is, byte for byte', () => {
  fc.assert(
    fc.property(
      jsonText.filter(({ reasons }) => reasons.size === 0),
      ({ text }) => {
        expect(cleanJson(text)).toEqual({ text, reasons: [] });
      },
    ),
  );
});

test('cleaning twice changes nothing more', () => {
  fc.assert(
    fc.property(jsonText, ({ text }) => {
      const once = cleanJson(text).text;
      const twice = cleanJson(once);
      expect(twice.text).toBe(once);
      // These two stay in the text: jsonb stores an equal value.
      const kept = ['minus zero', 'duplicate key'];
      expect(twice.reasons.filter((reason) => !kept.includes(reason))).toEqual([]);
    }),
  );
});

test('numbers keep every digit', () => {
  const text = '[9007199254740993,1.10,0.1234567890123456789012345678901234567890,1E400,1e-400,-0]';
  expect(cleanJson(text).text).toBe(text);
});

test.each([
  ['{"a":"x\\u0000y"}', '{"a":"x\\ufffdy"}', 'NUL character'],
  ['{"a\\u0000":1}', '{"a\\ufffd":1}', 'NUL character'],
  ['["\\ud83d"]', '["\\ufffd"]', 'lone surrogate'],
  ['["\\ude00\\ud83d"]', '["\\ufffd\\ufffd"]', 'lone surrogate'],
  ['["\\uD83Dx\\uDE00"]', '["\\ufffdx\\ufffd"]', 'lone surrogate'],
  ['["a\tb"]', '["a\\u0009b"]', 'raw control character'],
  ['[1e200000]', '["1e200000"]', 'number out of range'],
  ['[-1e-20000]', '["-1e-20000"]', 'number out of range'],
  ['[-0.0]', '[-0.0]', 'minus zero'],
  ['{"a":1,"\\u0061":2}', '{"a":1,"\\u0061":2}', 'duplicate key'],
])('%s becomes %s (%s)', (original, text, reason) => {
  expect(cleanJson(original)).toEqual({ text, reasons: [reason] });
});

test.each([
  ['an escaped backslash before u0000', '["\\\\u0000"]'],
  ['a pair of surrogates', '["\\ud83d\\ude00"]'],
  ['a quote after an escaped backslash', '["\\\\","\\\\\\""]'],
  ['the same key in two objects', '[{"a":1},{"a":1},{"b":{"a":1}}]'],
  ['a key that is also a value', '{"a":"a","b":"a"}'],
  ['the largest number that numeric holds', `[${'9'.repeat(131_072)}]`],
  ['the smallest step that numeric holds', `[0.${'0'.repeat(16_382)}1]`],
])('%s stays', (_, text) => {
  expect(cleanJson(text)).toEqual({ text, reasons: [] });
});

test('a value is cleaned however deep or large it is', () => {
  const deep = `${'['.repeat(5000)}"\\u0000"${']'.repeat(5000)}`;
  expect(cleanJson(deep).reasons).toEqual(['NUL character']);
  const large = `["${'x'.repeat(20_000_000)}\\u0000"]`;
  expect(cleanJson(large).text.endsWith('x\\ufffd"]')).toBe(true);
});
