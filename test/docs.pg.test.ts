import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ask } from './demo/asking.js';
import { documentedQuestions } from './demo/questions.js';
import type { Books } from './demo/shop.js';
import { documentationFiles, documentText } from './docs/files.js';
import { answeredPage } from './docs/queries-page.js';
import { copyAccount, withQuery } from './docs/warehouse.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
let files: Record<string, string>;
let books: Books;

beforeAll(async () => {
  const { url } = db().database;
  books = await copyAccount(url);
  files = await withQuery(url, documentationFiles);
});

test.each(['docs/tables.md', 'docs/tables.svg', 'docs/dbt/sources.yml', 'docs/queries.md'])(
  '%s is what "npm run docs" writes',
  (path) => {
    expect(documentText(path)).toBe(files[path]);
  },
);

test('every table has its place on the page', () => {
  expect(files['docs/tables.md']).not.toContain('## More tables');
});

test('ten business questions are asked, and each has an answer', () => {
  const questions = documentedQuestions();
  expect(questions.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(documentText('docs/queries.md').match(/^## \d+\. /gm)).toHaveLength(10);
  for (const { answer, title } of questions) expect(answer.split('\n').length, title).toBeGreaterThan(2);
});

test.each(['Pacific/Auckland', 'America/Los_Angeles'])(
  'the answers are the same for somebody in %s',
  async (timeZone) => {
    const path = 'docs/queries.md';
    const page = documentText(path);
    const answered = await withQuery(db().database.url, (query) => answeredPage(page, query), timeZone);
    expect(answered).toBe(files[path]);
  },
);

describe('without psql', () => {
  test('a question is asked by its number, or all are, or an SQL statement', async () => {
    const { url } = db().database;
    const [, , third] = documentedQuestions();
    expect((await ask(url, '3')).join('\n')).toBe(
      ['3. Why are codes rejected?', '', third?.sql, '', third?.answer, ''].join('\n'),
    );
    expect((await ask(url)).filter((line) => /^\d+\. /.test(line))).toHaveLength(10);
    expect(await ask(url, 'select 2 as two')).toEqual(['two\n---\n  2']);
  });

  test('what cannot be answered is said, and nothing is written', async () => {
    const { url } = db().database;
    await expect(ask(url, '11')).rejects.toThrow('docs/queries.md has the questions 1 to 10.');
    await expect(ask(url, 'selct 1')).rejects.toThrow('syntax error');
    await expect(ask(url, 'create table x (a int)')).rejects.toThrow('read-only transaction');
    await expect(ask(url, 'set transaction read write; create table x (a int)')).rejects.toThrow(
      'multiple commands',
    );
    await expect(ask('postgresql://nobody@127.0.0.1:1/x', '1')).rejects.toThrow('ECONNREFUSED');
  });
});

test('the views come to what the shop itself has kept account of', async () => {
  const discounts = await db().rows<{ campaign: number; cents: number }>(
    `select campaign_id::int as campaign, (100 * sum(net))::int as cents from talon_one_discount
     where application_id = 1 group by 1`,
  );
  expect(new Map(discounts.map(({ campaign, cents }) => [campaign, cents]))).toEqual(books.discountCents);
  const campaigns = await db().rows<{ campaign: number; cents: number }>(
    `select campaign_id::int as campaign, (100 * sum(discount_net))::int as cents
     from talon_one_campaign_performance where application_id = 1 group by 1 having sum(discount_granted) > 0`,
  );
  expect(new Map(campaigns.map(({ campaign, cents }) => [campaign, cents]))).toEqual(books.discountCents);
  const codes = await db().rows<{ code: string; count: number }>(
    `select code, count(*)::int from talon_one_coupon_redemption
     where application_id = 1 and status = 'redeemed' group by 1`,
  );
  expect(new Map(codes.map(({ code, count }) => [code, count]))).toEqual(books.redeemed);
  const [points] = await db().rows(
    'select sum(points)::int as points from talon_one_loyalty_movement where program_id = 1',
  );
  expect(points).toEqual({ points: books.points });
});

test('the drawing is readable on light and dark, and asks nobody for anything', () => {
  const drawing = documentText('docs/tables.svg');
  expect(drawing).toContain('prefers-color-scheme:dark');
  expect(drawing).toContain('class="page"');
  expect(drawing.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|<script|url\(/);
  expect(drawing.match(/<text/g)?.length).toBeGreaterThan(40);
});

describe('the sources of dbt', () => {
  interface Test {
    readonly unique?: { readonly arguments: { readonly column_name: string } };
    readonly accepted_values?: { readonly arguments: { readonly values: readonly string[] } };
  }
  interface SourceColumn {
    readonly name: string;
    readonly description: string;
    readonly data_type: string;
    readonly data_tests?: readonly (string | Test)[];
  }
  interface SourceTable {
    readonly name: string;
    readonly description: string;
    readonly data_tests?: readonly Test[];
    readonly columns: readonly SourceColumn[];
  }

  const document: unknown = parse(documentText('docs/dbt/sources.yml'));
  const { version, sources } = document as {
    version: number;
    sources: { name: string; schema: string; tables: SourceTable[] }[];
  };
  const tables = sources[0]?.tables ?? [];

  test('are every table, view and column of the database, in its order, with type and comment', async () => {
    expect(version).toBe(2);
    expect(sources.map(({ name }) => name)).toEqual(['talon_one']);
    const expected = await db().rows(
      `select c.relname::text as table, obj_description(c.oid, 'pg_class') as about, a.attname::text as column,
         format_type(a.atttypid, a.atttypmod) as type, col_description(c.oid, a.attnum) as comment
       from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
         and a.attnum > 0 and not a.attisdropped
       order by c.relname collate "C", a.attnum`,
    );
    const declared = tables.flatMap((table) =>
      table.columns.map((column) => ({
        table: table.name,
        about: table.description,
        column: column.name,
        type: column.data_type,
        comment: column.description,
      })),
    );
    expect(declared).toEqual(expected);
  });

  test('have a test for every column that the database keeps from being null', async () => {
    const expected = await db().rows<{ name: string }>(
      `select c.relname || '.' || a.attname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
         and a.attnum > 0 and not a.attisdropped and a.attnotnull
       order by c.relname collate "C", a.attnum`,
    );
    const declared = tables.flatMap((table) =>
      table.columns
        .filter(({ data_tests = [] }) => data_tests.includes('not_null'))
        .map(({ name }) => `${table.name}.${name}`),
    );
    expect(declared).toEqual(expected.map(({ name }) => name));
  });

  test('have a test for every key, in SQL that Postgres takes', async () => {
    const keyed = await db().rows<{ name: string }>(
      `select relname::text as name from pg_class join pg_constraint k on k.conrelid = pg_class.oid and k.contype = 'p'
       where relnamespace = 'public'::regnamespace and not relispartition order by relname collate "C"`,
    );
    const unique = tables.filter(
      ({ data_tests = [], columns }) =>
        data_tests.some((one) => one.unique) ||
        columns.some((column) => column.data_tests?.includes('unique')),
    );
    expect(unique.map(({ name }) => name)).toEqual(keyed.map(({ name }) => name));
    for (const { name, data_tests = [] } of unique)
      for (const { unique: test } of data_tests) {
        const [row] = await db().rows(
          `select count(*) - count(distinct ${test?.arguments.column_name}) as repeated from ${name}`,
        );
        expect(row, name).toEqual({ repeated: '0' });
      }
  });

  test('know the words that a column may hold', () => {
    const status = tables
      .find(({ name }) => name === 'talon_one_sync_cursor')
      ?.columns.find(({ name }) => name === 'status')?.data_tests;
    const values = ['new', 'back-filling', 'up-to-date', 'failing', 'unauthorised'];
    expect(status).toEqual(['not_null', { accepted_values: { arguments: { values } } }]);
  });
});
