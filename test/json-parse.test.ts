import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeControlCharacters, parseJson } from '../src/json/parse.js';
import { tokensOf } from '../src/json/tokens.js';
import { jsonText } from './support/json-text.js';

test('what JSON.parse reads is read the same', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test('raw control characters inside strings are read as what they are', () => {
  expect(parseJson('{"a\tb":"line\nbreak\u0000"}')).toEqual({ 'a\tb': 'line\nbreak\u0000' });
  expect(parseJson('["\\\\\n","\\"\n"]')).toEqual(['\\\n', '"\n']);
});

test('escaping control characters changes nothing else', () => {
  fc.assert(
    fc.property(jsonText, ({ text }) => {
      const escaped = escapeControlCharacters(text);
      expect(() => JSON.parse(escaped)).not.toThrow();
      expect(escapeControlCharacters(escaped)).toBe(escaped);
    }),
  );
  expect(escapeControlCharacters('[\n1,\t2]')).toBe('[\n1,\t2]');
});

test.each([
  '',
  ' ',
  '{"data":[{"id":1}',
  '{"data":[{"id":1},',
  '{"data":["cut',
  '<!DOCTYPE html>\n<html></html>',
  'upstream connect error\n',
  '{"a":1}\n{"a":2}',
  '[1,]',
  '[\u00011]',
])('%j is not JSON', (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError);
});

test('the tokens together are the text, but for white space', () => {
  fc.assert(
    fc.property(jsonText, ({ text }) => {
      let end = 0;
      for (const token of tokensOf(text)) {
        expect(text.slice(end, token.start)).toMatch(/^\s*$/);
        expect(token.end).toBeGreaterThan(token.start);
        end = token.end;
      }
      expect(text.slice(end)).toMatch(/^\s*$/);
    }),
  );
});
