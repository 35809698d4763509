import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../src/json/parse.js';
import { mayChangeInJsonb } from '../src/json/silent-changes.js';
import { startForTest } from './simulator/for-tests.js';
import { pageText } from './support/json-text.js';

test('no key given twice and no minus zero is missed', () => {
  fc.assert(
    fc.property(pageText, ({ text, reasons }) => {
      const isThere = reasons.has('duplicate key') || reasons.has('minus zero');
      if (isThere) expect(mayChangeInJsonb(text, parseJson(text))).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  '{"a":-0}',
  '{"a":[1,-0]}',
  '{"a":-0.000 ,"b":1}',
  '{"a":-0e9}',
  '{"a":-0E+9\n}',
  '{"a":1,"a":1}',
  '{"a":1,"a" :2}',
  '{"a":1,"\\u0061":2}',
  '{"a":{"b":[{"c":1,"c":2}]}}',
  '{"":1,"":2}',
  '{"__proto__":1,"__proto__":2}',
])('%s may change', (text) => {
  expect(mayChangeInJsonb(text, JSON.parse(text))).toBe(true);
});

test.each([
  '{"a":0,"b":-0.5,"c":-0.05e1,"d":10,"e":-10}',
  '{"a":{"a":{"a":[{"a":1},{"a":2}]}}}',
  '{"a":"b:c","d":"-0"}',
  '{"__proto__":{"a":1},"b":[]}',
])('%s does not', (text) => {
  expect(mayChangeInJsonb(text, JSON.parse(text))).toBe(false);
});

test('an ordinary page raises no false alarm, which would cost the slow way', async () => {
  const sim = await startForTest({ history: { events: 500 } });
  const texts = [...sim.issuedEvents(1)].map((event) => event.text);
  const page = `{"hasMore":false,"data":[${texts.join(',')}]}`;
  expect(mayChangeInJsonb(page, JSON.parse(page))).toBe(false);
});
