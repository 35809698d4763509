import { expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { documentText } from './docs/files.js';
import { logCalls } from './support/log-calls.js';
import { readSources } from './support/source-rules.js';

const sources = readSources(packageRoot());
const calls = logCalls(sources);
const rows = documentText('docs/logs.md')
  .split('\n')
  .flatMap((line) => {
    const [, msg = '', level = '', fields = ''] = /^\| (.+?) \| (.*?) \| (.*?) \|/.exec(line) ?? [];
    return msg === '' || msg === 'msg' ? [] : [{ msg, level, fields }];
  });

test('every call of the logger is read', () => {
  // Whatever is called like a method of the logger is called on something named `log`; commander's commands have an error() too.
  const others = Object.entries(sources).flatMap(([path, text]) =>
    [...text.matchAll(/(\w+)\.(?:trace|debug|info|warn|error|fatal)\(/g)]
      .filter(([, on]) => on !== 'log' && on !== 'command')
      .map(([call]) => `${path}: ${call}`),
  );
  expect(others).toEqual([]);
  expect(calls.length).toBeGreaterThan(50);
  const read = logCalls({
    'src/x.ts':
      "const word =\n  isOne ? 'one; two' : 'three';\nlog[level]({ a, b: f(1, 'x'), ...c }, word);\n",
  });
  expect(read.map(({ msg }) => msg)).toEqual(['one; two', 'three']);
  expect(read[0]?.fields).toEqual(['a', 'b']);
});

test('docs/logs.md has every msg of the source once, and no other', () => {
  expect(rows.map(({ msg }) => msg).sort()).toEqual([...new Set(calls.map(({ msg }) => msg))].sort());
});

test('docs/logs.md names every field that a call writes out', () => {
  const missing = calls.flatMap(({ msg, fields }) =>
    fields
      .filter((field) => !rows.find((row) => row.msg === msg)?.fields.includes(`\`${field}\``))
      .map((field) => `${msg}: ${field}`),
  );
  expect([...new Set(missing)]).toEqual([]);
});

test('the levels of docs/logs.md are those of the logger', () => {
  const words = new Set(rows.flatMap(({ level }) => level.split(', ')));
  expect(
    [...words].filter((word) => !['trace', 'debug', 'info', 'warn', 'error', 'fatal'].includes(word)),
  ).toEqual([]);
});
