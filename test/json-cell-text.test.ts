import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellText, memberMap } from '../src/json/cell-text.js';

test('the members of any object are found, each as the text that was written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
      const members = memberMap(JSON.stringify(object, null, indent));
      const parsed = [...members].map(([key, raw]) => [key, JSON.parse(raw) as unknown]);
      const expected = Object.entries(JSON.parse(JSON.stringify(object)) as object);
      expect(new Map(parsed as [string, unknown][])).toEqual(new Map(expected));
    }),
  );
});

test('numbers stay digit for digit, and the last one of equal keys counts', () => {
  const members = memberMap('{"a":1.10,"b":12345678901234567890.5e-3 , "a":{"a":-0},"c":[1.0,{"a":2}]}');
  expect([...members]).toEqual([
    ['a', '{"a":-0}'],
    ['b', '12345678901234567890.5e-3'],
    ['c', '[1.0,{"a":2}]'],
  ]);
});

test.each([
  ['"a \\"quoted\\" \\u00fc"', 'a "quoted" ü'],
  ['""', ''],
  ['null', ''],
  [undefined, ''],
  ['1.50', '1.50'],
  ['true', 'true'],
  ['{"a": 1}', '{"a": 1}'],
])('as a cell %s is %j', (raw, cell) => {
  expect(cellText(raw)).toBe(cell);
});
