// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources that are judged here are texts

import { describe, expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { readSources } from './support/source-rules.js';
import { brokenSqlRules, REVIEWED, REVIEWED_FILES } from './support/sql-rules.js';

const sources = readSources(packageRoot());

test('values reach SQL as parameters only', () => {
  expect(
    Object.values(sources)
      .join('')
      .match(/\.query\b/g)?.length,
  ).toBeGreaterThan(30);
  expect(brokenSqlRules(sources)).toEqual([]);
});

test.each(REVIEWED)('a reviewed place that is gone is struck off the list: $path $expression', (place) => {
  expect(sources[place.path]).toContain(place.expression);
  const elsewhere = place.path.replace('.ts', '-2.ts');
  const moved = brokenSqlRules({ [elsewhere]: sources[place.path] ?? '' });
  expect(moved).toContainEqual(expect.stringContaining(` puts ${place.expression} into SQL`));
});

test.each(REVIEWED_FILES)('a reviewed file takes nothing but names of ours: $path', ({ path }) => {
  expect(sources[path]).not.toMatch(/\.query\b|client|parameters|JSON/);
  expect(brokenSqlRules({ 'src/warehouse/elsewhere.ts': sources[path] ?? '' })).not.toEqual([]);
});

describe('a violation is found, with file, line and what was put in', () => {
  const lines = (...texts: string[]) => texts.join('\n');
  test.each<[what: string, text: string, line: number, put: string]>([
    ['a template', 'await client.query(`select 1 where id = ${id}`);', 1, 'id'],
    [
      'a template over lines',
      lines('client.query(', '  `select a', '   where b = ${row.b}`,', ');'),
      3,
      'row.b',
    ],
    ['a template with a type', 'client.query<{ a: string; b: Map<string, () => void> }>(`x ${id}`)', 1, 'id'],
    [
      'a template within a template',
      "client.query(`select ${on ? `a = ${id}` : ''}`)",
      1,
      "on ? `a = ${id}` : ''",
    ],
    ['quotes are no protection', "client.query(`select '${name}'`)", 1, 'name'],
    ['an addition', "client.query('select 1 where id = ' + id, [])", 1, 'id'],
    ['an addition to a constant', lines("const A = 'x';", 'client.query(A + id)'), 2, 'id'],
    ['a variable', 'client.query(sql)', 1, 'sql'],
    ['a function', 'client.query(build(id), [])', 1, 'build(id)'],
    ['a replacement', "client.query('select x'.replace('x', id))", 1, ".replace('x', id))"],
    ['another object', 'this.pool.query(`vacuum ${table}`)', 1, 'table'],
    ['a constant of elsewhere', 'client.query(SQL)', 1, 'SQL'],
    ['built beforehand', 'const sql = `select from a where id = ${id}`;', 1, 'id'],
    ['added beforehand', "const sql = 'select from a where id = ' + id;", 1, 'id'],
    ['added in front', "const sql = prefix + 'select from a';", 1, 'prefix'],
    ['joined beforehand', "const sql = 'delete from a where '.concat(id);", 1, '.concat('],
    ['a comment between', lines('/* one', 'two */ client.query(`x ${id}`);'), 2, 'id'],
    ['a quoted variable that is not quoted', 'client.query(`create schema "${name}"`)', 1, 'name'],
  ])('%s', (_, text, line, put) => {
    const found = brokenSqlRules({ 'src/warehouse/planted.ts': text });
    expect(found).not.toEqual([]);
    expect(found[0]).toMatch(new RegExp(`^src/warehouse/planted\\.ts:${line} puts `));
    expect(found[0]).toContain(put);
    expect(found[0]).toContain('as parameters ($1)');
  });

  test.each([
    "client.query('select a from b where c = $1', [c])",
    'client.query(`select a\n from b where c = $1`, [c, `${x}`])',
    "const FIND = 'select a';\nclient.query(FIND, [c])",
    "const FIND = { a: 'select a' };\nclient.query(FIND[batch.kind], [c])",
    "client.query('select a ' + 'from b')",
    "client.query(`select ${rfc3339('created')} as created`)",
    'client.query(`create schema ${quoteIdentifier(warehouse.schema)}`)',
    '// client.query(`select ${id}`)',
    'const message = `nothing found for ${id}`;',
  ])('nothing is found in %s', (text) => {
    expect(brokenSqlRules({ 'src/warehouse/planted.ts': text })).toEqual([]);
  });

  test('in other folders too, for what is given to query', () => {
    expect(brokenSqlRules({ 'src/sync/planted.ts': 'client.query(`select ${id}`)' })).toHaveLength(1);
  });
});
