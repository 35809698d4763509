import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elementsOf } from '../src/json/elements.js';
import { parseJson } from '../src/json/parse.js';
import { pageText } from './support/json-text.js';

test('the elements are those of JSON.parse, one by one, as they were written', () => {
  fc.assert(
    fc.property(pageText, ({ text }) => {
      const { data } = parseJson(text) as { data: unknown[] };
      const elements = elementsOf(text, 'data');
      expect(elements.map(parseJson)).toEqual(data);
      for (const element of elements) expect(text).toContain(element);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['{"data":[]}', []],
  ['{"data":[ ]}', []],
  ['{"data":[1.10, "a,]" ,{"data":[2]}]}', ['1.10', '"a,]"', '{"data":[2]}']],
  ['{"more":{"data":[1]},"data":[2]}', ['2']],
  ['{"a":"data","b":[1],"data":[2]}', ['2']],
  ['{"data":[1],"data":[2]}', ['2']],
  ['{"d\\u0061ta":[1]}', ['1']],
  ['{"data":[1],"after":[3]}', ['1']],
  ['{"other":[1]}', []],
])('%s', (text, expected) => {
  expect(elementsOf(text, 'data')).toEqual(expected);
});
