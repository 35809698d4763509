import { beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Lease } from '../src/warehouse/cursor.js';
import { compiled, configOf, documentedModels } from './docs/dbt-template.js';
import { documentText } from './docs/files.js';
import { effect, type StoryEvent, storeStory } from './support/analysis.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const models = documentedModels();
const templateOf = (name: string): string => {
  const template = models.find((model) => model.name === name)?.template;
  if (template === undefined) throw new Error(`docs/dbt.md has no model ${name}`);
  return template;
};

/** Runs a model of docs/dbt.md as dbt does: makes its table, or renews what is in it. */
async function run(name: string): Promise<void> {
  const template = templateOf(name);
  const client = await db().database.pool.connect();
  try {
    const known = await client.query('select to_regclass($1) is not null as known', [name]);
    if (!known.rows[0].known) {
      await client.query(`create table ${name} as ${compiled(template)}`);
      return;
    }
    const { strategy, key, preHook } = configOf(template);
    await client.query('begin');
    if (preHook !== undefined) await client.query(compiled(preHook, { model: name }));
    await client.query(
      `create temporary table batch on commit drop as ${compiled(template, { model: name })}`,
    );
    if (strategy === 'delete+insert') {
      const same = key.map((column) => `batch.${column} = ${name}.${column}`).join(' and ');
      await client.query(`delete from ${name} using batch where ${same}`);
    }
    await client.query(`insert into ${name} select * from batch; commit`);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const on = (day: number, month = 1) => new Date(Date.UTC(2026, month - 1, day, 12)).toISOString();
let lease: Lease;

/** Stores events of the one Application, hours after all that are there. */
async function happen(...events: readonly StoryEvent[]): Promise<void> {
  await db().rows(`update talon_one_event set synced_at = synced_at - interval '3 hours'`);
  await storeStory(db(), events, lease);
}

beforeEach(async () => {
  for (const { name } of models) await db().rows(`drop table if exists ${name}`);
  await db().rows('delete from talon_one_event; delete from talon_one_sync_cursor');
  lease = await db().newLease();
  await db().rows(`update talon_one_sync_cursor set complete_through = '2026-12-01T00:00Z'`);
});

const session = (id: number, sessionId: number, type: string, ...effects: unknown[]): StoryEvent => ({
  id,
  created: on(id),
  type: `talon_session_${type}`,
  sessionId,
  effects,
});
const grant = (value: number) => effect('setDiscount', { name: 'off', value });
const rollback = (value: number) => effect('rollbackDiscount', { name: 'off', value });
const review = (id: number): StoryEvent => ({
  id,
  created: on(id),
  type: 'product_review',
  attributes: { rating: 5 },
});

const discounts = async () =>
  (
    await db().rows<{ line: string }>(
      `select concat_ws(' ', session_id, coalesce(net::text, 'none')) as line from discounts order by session_id, campaign_id`,
    )
  ).map(({ line }) => line);
const days = async () =>
  (
    await db().rows<{ line: string }>(
      `select concat_ws(' ', to_char(day, 'MM-DD'), sessions, discount_net) as line from daily_campaigns order by day`,
    )
  ).map(({ line }) => line);

test('the page has these models', () => {
  expect(models.map(({ name }) => name)).toEqual(['reviews', 'discounts', 'daily_campaigns']);
});

test.each(models)(
  '$name begins with the first row, also when its first run found nothing',
  async ({ name }) => {
    await run(name);
    await run(name);
    expect(await db().rows(`select from ${name}`)).toEqual([]);
    await happen(session(1, 1, 'closed', grant(5)), review(2));
    await run(name);
    expect(await db().rows(`select from ${name}`)).toHaveLength(1);
    await run(name);
    expect(await db().rows(`select from ${name}`)).toHaveLength(1);
  },
);

test('discounts that a session has lost are gone with the next run', async () => {
  await happen(session(1, 1, 'closed', grant(5)), session(2, 2, 'closed', grant(8)), session(3, 3, 'closed'));
  await run('discounts');
  expect(await discounts()).toEqual(['1 5', '2 8', '3 none']);
  await happen(session(4, 1, 'reopened', rollback(5)));
  await run('discounts');
  expect(await discounts()).toEqual(['1 none', '2 8', '3 none']);
  await happen(session(5, 1, 'closed', grant(6)), session(6, 2, 'revoked', rollback(8)));
  await run('discounts');
  expect(await discounts()).toEqual(['1 6', '2 0', '3 none']);
});

test('days of campaigns follow what happens to their sessions for 35 days, and days without any go', async () => {
  const closed = (id: number, day: string, value: number) => ({
    ...session(id, id, 'closed', grant(value)),
    created: day,
  });
  await happen(
    closed(1, on(1), 1),
    closed(2, on(20), 2),
    closed(3, on(25), 3),
    // Not complete yet.
    closed(4, on(1, 12), 4),
  );
  await run('daily_campaigns');
  expect(await days()).toEqual(['01-01 1 1', '01-20 1 2', '01-25 1 3']);
  const later = (id: number, sessionId: number, type: string, ...effects: unknown[]) => ({
    ...session(id, sessionId, type, ...effects),
    created: on(20, 2),
  });
  await happen(
    later(11, 2, 'reopened'),
    later(12, 3, 'revoked', rollback(3)),
    later(13, 5, 'closed', grant(7)),
  );
  await run('daily_campaigns');
  expect(await days()).toEqual(['01-01 1 1', '01-25 0 3', '02-20 1 4']);
  // The newest day is 20 February, 35 days before it is 16 January: 1 January is left as it is.
  await happen(later(14, 1, 'revoked', rollback(1)));
  await run('daily_campaigns');
  expect(await days()).toEqual(['01-01 1 1', '01-25 0 3', '02-20 1 3']);
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

describe('of a month that is large', () => {
  test.each(['reviews', 'discounts'])(
    'a further run of %s reads what is new, not everything',
    async (name) => {
      await db().rows(`select talon_one_create_partitions('2026-01-01')`);
      await happen(session(1, 1, 'closed', grant(5)), review(2));
      await run(name);
      await db().rows(
        `insert into talon_one_event (application_id, event_id, created, type, session_id, payload)
       select $1, 1000 + n, '2026-01-03'::timestamptz + n * interval '1 second', 'talon_session_closed', n,
         jsonb_build_object('filler', repeat('x', 1500))
       from generate_series(1, 5000) as n`,
        lease.applicationId,
      );
      await db().rows('analyze talon_one_event');
      const [row] = await db().rows<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `explain (format json) ${compiled(templateOf(name), { model: name })}`,
      );
      const month = nodesOf(row?.['QUERY PLAN'][0].Plan as PlanNode).filter(
        (node) =>
          node['Relation Name'] === 'talon_one_event_2026_01' ||
          node['Index Name']?.startsWith('talon_one_event_2026_01'),
      );
      expect(month.map((node) => node['Node Type'])).toContain('Bitmap Index Scan');
      for (const node of month) {
        const condition = `${node['Index Cond']} ${(node as { 'Recheck Cond'?: string })['Recheck Cond']}`;
        expect(condition, JSON.stringify(node)).toMatch(/synced_at|session_id = /);
      }
    },
  );
});

describe('the sources say how fresh the data is', () => {
  interface Source {
    readonly name: string;
    readonly config?: { readonly loaded_at_query: string };
  }
  const { sources } = parse(documentText('docs/dbt/sources.yml')) as { sources: { tables: Source[] }[] };
  const tables = sources[0]?.tables ?? [];
  type Vars = Readonly<Record<string, string>>;

  /** The day that dbt takes the table for, or `now`, with these rows alone in it. */
  async function loadedAt(table: string, rows: string, vars: Vars = {}): Promise<unknown> {
    const query = compiled(tables.find(({ name }) => name === table)?.config?.loaded_at_query ?? '', {
      vars,
    });
    const client = await db().database.pool.connect();
    try {
      await client.query(`begin; set local time zone 'UTC'; delete from ${table}; ${rows}`);
      const answer = await client.query(
        `with source_query as (${query})
         select case loaded_at when now() then 'now' else loaded_at::date::text end as at
         from (select (select * from source_query) as loaded_at) as answer`,
      );
      return answer.rows[0].at;
    } finally {
      await client.query('rollback');
      client.release();
    }
  }

  test('of no other table than these two', () => {
    const measured = tables.flatMap(({ name, config }) => (config ? [name] : []));
    expect(measured).toEqual(['talon_one_loyalty_program', 'talon_one_sync_cursor']);
  });

  test.each<[string, string]>([
    ['0', '2020-01-02'],
    ['902', '2020-01-03'],
    ['902, 901', '2020-01-05'],
  ])('by the Application that is furthest behind, when %s have ended', async (ended, day) => {
    const rows = `insert into talon_one_sync_cursor (application_id, last_sync, complete_through) values
      (901, '2020-01-02', '2020-01-03'), (902, '2020-01-02', null), (903, '2020-01-01', '2020-01-05')`;
    const vars: Vars = ended === '0' ? {} : { talon_one_ended_applications: ended };
    expect(await loadedAt('talon_one_sync_cursor', rows, vars)).toBe(day);
  });

  test.each<[string, string, string, Vars]>([
    ['nothing, where no program is copied', '', 'now', {}],
    ['nothing, where the key may not read transactions', `(901, '2019-01-01', null, null)`, 'now', {}],
    [
      'the ledger that is furthest behind',
      `(901, '2019-01-01', null, null), (902, null, '2020-01-07', null), (903, null, '2020-01-06', null),
       (904, null, '2020-01-05', '2020-01-08')`,
      '2020-01-06',
      {},
    ],
    [
      'no program that is named as ended',
      `(902, null, '2020-01-07', null), (903, null, '2020-01-06', null)`,
      '2020-01-07',
      { talon_one_ended_loyalty_programs: '903' },
    ],
  ])('by %s', async (_, values, day, vars) => {
    const insert =
      'insert into talon_one_loyalty_program (program_id, created, complete_through, missing_since)';
    const rows = values === '' ? '' : `${insert} values ${values}`;
    expect(await loadedAt('talon_one_loyalty_program', rows, vars)).toBe(day);
  });
});

test("periods in the documents name their time zone: a date alone begins at the reader's midnight", () => {
  const calls = ['README.md', 'docs/dbt.md'].flatMap((path) => [
    ...documentText(path).matchAll(/_between\('([^']*)', '([^']*)'\)/g),
  ]);
  expect(calls).toHaveLength(2);
  for (const [call, since, until] of calls) {
    expect(since, call).toMatch(/^[\d-]+ UTC$/);
    expect(until, call).toMatch(/^[\d-]+ UTC$/);
  }
});
