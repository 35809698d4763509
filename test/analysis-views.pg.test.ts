import { describe, expect, test } from 'vitest';
import { effect, storeStory } from './support/analysis.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const at = (minute: number) => `2026-01-15T12:${String(minute).padStart(2, '0')}:00.000001Z`;

test('custom events are those of no built-in type, with their attributes', async () => {
  const attributes = { rating: 5 };
  const applicationId = await storeStory(db(), [
    {
      id: 1,
      type: 'product_review',
      created: at(1),
      profileId: 30,
      attributes,
      more: ',"integrationId":"r-1"',
    },
    { id: 2, type: 'talon_session_closed', created: at(2), sessionId: 1 },
    { id: 3, type: 'customer_profile_created', created: at(3), profileId: 30 },
    { id: 4, type: 'talonted', created: at(4), attributes: {} },
  ]);
  const rows = await db().rows(
    `select event_id::int as event, type, profile_id::int as profile, integration_id as name, attributes
     from talon_one_custom_event where application_id = $1 order by 1`,
    applicationId,
  );
  expect(rows).toEqual([
    { event: 1, type: 'product_review', profile: 30, name: 'r-1', attributes },
    { event: 4, type: 'talonted', profile: null, name: null, attributes: {} },
  ]);
});

describe('points', () => {
  const movements = (where: string, ...values: unknown[]) =>
    db().rows(
      `select source, type, points::text, holder, origin, effect_type as effect, event_id::int as event,
         extract(day from expires_at)::int as expires
       from talon_one_loyalty_movement where ${where} order by created, transaction_uuid`,
      ...values,
    );
  const props = (value: number, transactionUUID: string, more = {}) => ({
    programId: 5,
    subLedgerId: '',
    value,
    recipientIntegrationId: 'ada',
    transactionUUID,
    ...more,
  });
  const story = () =>
    storeStory(db(), [
      {
        id: 1,
        type: 'talon_session_updated',
        created: at(1),
        sessionId: 1,
        effects: [effect('addLoyaltyPoints', props(99, 'a'))],
      },
      {
        id: 2,
        type: 'talon_session_closed',
        created: at(2),
        sessionId: 1,
        effects: [
          effect('addLoyaltyPoints', props(20.5, 'b', { expiryDate: '2026-02-03T00:00:00Z' })),
          effect('deductLoyaltyPoints', {
            ...props(8, 'c'),
            recipientIntegrationId: undefined,
            cardIdentifier: 'card-1',
          }),
        ],
      },
      {
        id: 3,
        type: 'talon_session_reopened',
        created: at(3),
        sessionId: 1,
        effects: [
          effect('rollbackAddedLoyaltyPoints', props(20.5, 'b')),
          effect('rollbackDeductedLoyaltyPoints', props(8, 'c')),
        ],
      },
    ]);

  test('are taken from the effects that count while the ledger of a program is not copied', async () => {
    const applicationId = await story();
    const row = { source: 'effect', holder: 'ada', origin: 'rule', expires: null };
    const [added, deducted] = ['addLoyaltyPoints', 'deductLoyaltyPoints'];
    expect(await movements('application_id = $1', applicationId)).toEqual([
      { ...row, type: 'addition', points: '20.5', effect: added, event: 2, expires: 3 },
      { ...row, type: 'subtraction', points: '-8', effect: deducted, event: 2, holder: 'card-1' },
      { ...row, type: 'subtraction', points: '-20.5', effect: 'rollbackAddedLoyaltyPoints', event: 3 },
      { ...row, type: 'addition', points: '8', effect: 'rollbackDeductedLoyaltyPoints', event: 3 },
    ]);
  });

  test('are the transactions of the ledger alone once it is copied: nothing is counted twice', async () => {
    const applicationId = await story();
    await db().rows(
      `insert into talon_one_loyalty_program (program_id, complete_through) values (5, '2026-01-16')`,
    );
    try {
      expect(await movements('application_id = $1', applicationId)).toEqual([]);
      await db().rows(
        `insert into talon_one_loyalty_transaction
           (program_id, transaction_uuid, created, type, amount, subledger_id, profile_integration_id, import_id, user_id, expires_at, payload)
         values (5, 'b', $1, 'addition', 20.5, '', 'ada', null, null, '2026-02-03', '{}'),
           (5, 'c', $2, 'subtraction', 8, '', 'ada', null, null, null, '{}'),
           (5, 'd', $3, 'addition', 3, '', 'ada', 4, 9, null, '{}'), (5, 'e', $4, 'addition', 1, '', 'ada', null, 9, null, '{}')`,
        at(1),
        at(2),
        at(3),
        at(4),
      );
      const row = {
        source: 'ledger',
        type: 'addition',
        holder: 'ada',
        origin: 'rule',
        effect: null,
        event: null,
        expires: null,
      };
      expect(await movements('program_id = 5')).toEqual([
        { ...row, points: '20.5', expires: 3 },
        { ...row, type: 'subtraction', points: '-8' },
        { ...row, points: '3', origin: 'import' },
        { ...row, points: '1', origin: 'manual' },
      ]);
    } finally {
      await db().rows('delete from talon_one_loyalty_transaction; delete from talon_one_loyalty_program');
    }
  });

  const readTo = (
    completeThrough: string | null,
    ...transactions: readonly [string, string, string, number][]
  ) =>
    db().rows(
      `with program as (
         insert into talon_one_loyalty_program (program_id, complete_through) values (5, $1)
       )
       insert into talon_one_loyalty_transaction (program_id, transaction_uuid, created, type, amount, subledger_id, payload)
       select 5, t ->> 0, (t ->> 1)::timestamptz, t ->> 2, (t ->> 3)::numeric, '', '{}' from jsonb_array_elements($2) as t`,
      completeThrough,
      JSON.stringify(transactions),
    );
  const points = async () =>
    (
      await db().rows<{ line: string }>(
        `select concat_ws(' ', source, transaction_uuid, points) as line from talon_one_loyalty_movement
         where program_id = 5 order by created, transaction_uuid`,
      )
    ).map(({ line }) => line);

  // Event 2 adds 20.5 as b and takes 8 as c, event 3 takes both back as rb and rc.
  test.each<[string, string | null, readonly [string, string, string, number][], readonly string[]]>([
    [
      'while the ledger is first read',
      null,
      [
        ['old', at(0), 'addition', 3],
        ['b', at(2), 'addition', 20.5],
      ],
      ['ledger old 3', 'ledger b 20.5', 'effect c -8', 'effect rb -20.5', 'effect rc 8'],
    ],
    [
      'after the moment up to which the ledger was copied, also when it is copied no longer',
      at(2),
      [
        ['b', at(2), 'addition', 20.5],
        ['c', at(2), 'subtraction', 8],
        ['rb', at(3), 'subtraction', 20.5],
      ],
      ['ledger b 20.5', 'ledger c -8', 'ledger rb -20.5', 'effect rc 8'],
    ],
    [
      'also where a rollback names the transaction that it takes back',
      at(2),
      [
        ['rb', at(2), 'addition', 20.5],
        ['c', at(2), 'subtraction', 8],
      ],
      ['ledger c -8', 'ledger rb 20.5', 'effect rb -20.5', 'effect rc 8'],
    ],
    ['where the ledger is complete', at(4), [['b', at(2), 'addition', 20.5]], ['ledger b 20.5']],
  ])('are each counted once %s', async (_, completeThrough, transactions, expected) => {
    await db().rows('delete from talon_one_event');
    await storeStory(db(), [
      {
        id: 2,
        type: 'talon_session_closed',
        created: at(2),
        sessionId: 1,
        effects: [effect('addLoyaltyPoints', props(20.5, 'b')), effect('deductLoyaltyPoints', props(8, 'c'))],
      },
      {
        id: 3,
        type: 'talon_session_reopened',
        created: at(3),
        sessionId: 1,
        effects: [
          effect('rollbackAddedLoyaltyPoints', props(20.5, 'rb')),
          effect('rollbackDeductedLoyaltyPoints', props(8, 'rc')),
        ],
      },
    ]);
    await readTo(completeThrough, ...transactions);
    try {
      expect(await points()).toEqual(expected);
    } finally {
      await db().rows('delete from talon_one_loyalty_transaction; delete from talon_one_loyalty_program');
    }
  });
});

const VIEWS = [
  'session_history',
  'cart_item',
  'effect_standing',
  'coupon_redemption',
  'discount_movement',
  'discount',
  'loyalty_movement',
  'campaign_performance',
  'custom_event',
  'event_context',
];

test('the views serve readers with any search_path', async () => {
  await storeStory(db(), [
    {
      id: 1,
      type: 'talon_session_closed',
      created: at(1),
      sessionId: 1,
      effects: [
        effect('addLoyaltyPoints', { programId: 6, value: 1, startDate: at(1), expiryDate: 'never' }),
      ],
    },
  ]);
  const client = await db().database.pool.connect();
  try {
    await client.query(`begin; set local search_path to ''`);
    for (const view of VIEWS) await client.query(`select * from public.talon_one_${view}`);
  } finally {
    await client.query('rollback');
    client.release();
  }
});

interface PlanNode {
  readonly Alias?: string;
  readonly 'Relation Name'?: string;
  readonly 'Parent Relationship'?: string;
  readonly 'Subplan Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Tables of the events whose every row the plan looks at, without those that subqueries probe for one session. */
function scannedEvents(node: PlanNode): string[] {
  if (node['Subplan Name'] !== undefined) return [];
  const own = node['Relation Name'];
  const below = (node.Plans ?? []).flatMap(scannedEvents);
  return own?.startsWith('talon_one_event') ? [own, ...below] : below;
}

describe('of many months', () => {
  const month = (number: number) => `2024-${String(number).padStart(2, '0')}-01`;
  const JUNE = `created >= '2024-06-01T00:00:00Z' and created < '2024-07-01T00:00:00Z'`;

  async function planOf(query: string): Promise<PlanNode> {
    for (let number = 1; number <= 12; number += 1)
      await db().rows('select talon_one_create_partitions($1::date)', month(number));
    const [row] = await db().rows<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(`explain (format json) ${query}`);
    if (!row) throw new Error('no plan');
    return row['QUERY PLAN'][0].Plan;
  }

  test.each([
    ['effect_standing', JUNE],
    ['coupon_redemption', JUNE],
    ['discount_movement', JUNE],
    ['loyalty_movement', JUNE],
    ['custom_event', JUNE],
    ['event_context', JUNE],
    ['session_history', JUNE.replaceAll('created', 'valid_from')],
  ])('a filter on the time reads only the months that it needs, in talon_one_%s', async (view, where) => {
    const plan = await planOf(`select * from talon_one_${view} where ${where}`);
    expect(scannedEvents(plan)).toEqual(['talon_one_event_2024_06']);
  });

  test('so does the performance of campaigns in a period', async () => {
    const plan = await planOf(
      `select * from talon_one_campaign_performance_between('2024-06-01T00:00:00Z', '2024-07-01T00:00:00Z')
       where application_id = 1`,
    );
    expect(scannedEvents(plan)).toEqual(['talon_one_event_2024_06']);
    const everything = await planOf('select * from talon_one_campaign_performance');
    expect(scannedEvents(everything).length).toBeGreaterThan(12);
  });

  test('no payload of an event is carried through a sort', async () => {
    interface Verbose {
      readonly 'Node Type': string;
      readonly Output?: readonly string[];
      readonly 'Subplan Name'?: string;
      readonly Plans?: readonly Verbose[];
    }
    await planOf('select 1');
    const [row] = await db().rows<{ 'QUERY PLAN': [{ Plan: Verbose }] }>(
      'explain (format json, verbose) select * from talon_one_campaign_performance',
    );
    const sorted: string[] = [];
    const visit = (node: Verbose): void => {
      if (node['Subplan Name'] !== undefined) return;
      if (node['Node Type'].includes('Sort')) sorted.push(...(node.Output ?? []));
      for (const below of node.Plans ?? []) visit(below);
    };
    visit(row?.['QUERY PLAN'][0].Plan as Verbose);
    expect(sorted).not.toEqual([]);
    expect(sorted.filter((column) => /^\w+\.(payload|effect|props)$/.test(column))).toEqual([]);
  });

  /** What is asked of each row of a table that the query looks at by itself: the events, if not said otherwise. */
  async function conditionsOf(query: string, table = 'talon_one_event'): Promise<string[]> {
    const conditions: string[] = [];
    const visit = (node: PlanNode & Record<string, unknown>): void => {
      if (node['Subplan Name'] !== undefined) return;
      if (node['Relation Name']?.startsWith(table))
        conditions.push(`${node['Index Cond'] ?? ''} ${node['Recheck Cond'] ?? ''} ${node.Filter ?? ''}`);
      for (const below of node.Plans ?? []) visit(below as PlanNode & Record<string, unknown>);
    };
    visit((await planOf(query)) as PlanNode & Record<string, unknown>);
    return conditions;
  }

  test('a filter on the Application reaches the scan of the events, in talon_one_campaign_performance', async () => {
    const conditions = await conditionsOf(
      'select * from talon_one_campaign_performance where application_id = 4711',
    );
    expect(conditions).not.toEqual([]);
    for (const condition of conditions) expect(condition).toContain('4711');
  });

  test.each([
    ['session_history', ['application_id', 'session_id', 'valid_from']],
    ['cart_item', ['application_id', 'session_id']],
    ['effect_standing', ['application_id', 'session_id', 'created']],
    ['coupon_redemption', ['application_id', 'session_id', 'created']],
    ['discount_movement', ['application_id', 'session_id', 'created']],
    ['discount', ['application_id', 'session_id']],
    ['loyalty_movement', ['created']],
    ['custom_event', ['application_id', 'created']],
    ['event_context', ['application_id', 'created']],
  ])('every filter that the comment on talon_one_%s names reaches the scan', async (view, filters) => {
    const comment = await db().value(`obj_description('talon_one_${view}'::regclass)`);
    const [, named = ''] = /Filter by ((?:\w+(?:, | or | and )?)+)/.exec(comment ?? '') ?? [];
    expect(named.split(/, | or | and /)).toEqual(filters);
    for (const column of filters) {
      const value = column.endsWith('_id') ? '4711' : '2024-06-15';
      const conditions = await conditionsOf(
        `select * from talon_one_${view} where ${column} = '${value}'`,
        view === 'cart_item' ? 'talon_one_session_snapshot' : undefined,
      );
      expect(conditions, column).not.toEqual([]);
      for (const condition of conditions) expect(condition, column).toContain(value);
    }
  });
});
