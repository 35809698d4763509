import { expect, test } from 'vitest';
import { storeProfile, storeSession, storeStory } from './support/analysis.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const at = (minute: number, second = 0) =>
  `2026-01-15T12:${String(minute).padStart(2, '0')}:${String(second).padStart(2, '0')}.000001Z`;

interface State extends Record<string, unknown> {
  readonly event: number;
}

const historyOf = (applicationId: string) =>
  db().rows<State>(
    `select event_id::int as event, previous_state as before, state, extract(minute from valid_from)::int as since,
       extract(minute from valid_to)::int as until
     from talon_one_session_history where application_id = $1 order by session_id, valid_from, event_id`,
    applicationId,
  );

test('a session has a row for each state it was in, with the time it lasted; updates make none', async () => {
  const on = (id: number, type: string, minute: number) => ({
    id,
    type: `talon_session_${type}`,
    created: at(minute),
    sessionId: 1,
  });
  const applicationId = await storeStory(db(), [
    on(1, 'created', 1),
    on(2, 'updated', 2),
    on(3, 'closed', 5),
    on(4, 'reopened', 7),
    on(5, 'updated', 8),
    on(6, 'closed', 9),
    on(7, 'partially_returned', 20),
    on(8, 'partially_returned', 30),
    on(9, 'revoked', 40),
    { id: 10, type: 'product_review', created: at(41), sessionId: 1 },
    { ...on(11, 'created', 3), sessionId: 2 },
    { ...on(12, 'cancelled', 4), sessionId: 2 },
    { id: 13, type: 'talon_profile_updated', created: at(5) },
  ]);
  expect(await historyOf(applicationId)).toEqual([
    { event: 1, before: null, state: 'open', since: 1, until: 5 },
    { event: 3, before: 'open', state: 'closed', since: 5, until: 7 },
    { event: 4, before: 'closed', state: 'open', since: 7, until: 9 },
    { event: 6, before: 'open', state: 'closed', since: 9, until: 20 },
    { event: 7, before: 'closed', state: 'partially_returned', since: 20, until: 30 },
    { event: 8, before: 'partially_returned', state: 'partially_returned', since: 30, until: 40 },
    { event: 9, before: 'partially_returned', state: 'cancelled', since: 40, until: null },
    { event: 11, before: null, state: 'open', since: 3, until: 4 },
    { event: 12, before: 'open', state: 'cancelled', since: 4, until: null },
  ]);
});

test('events of one microsecond follow each other by ID; a session may begin closed, or before the copy', async () => {
  const applicationId = await storeStory(db(), [
    { id: 2, type: 'talon_session_closed', created: at(1), sessionId: 1 },
    { id: 1, type: 'talon_session_created', created: at(1), sessionId: 1 },
    {
      id: 3,
      type: 'talon_session_created',
      created: at(2),
      sessionId: 2,
      attributes: { params: { state: 'closed' } },
    },
    { id: 4, type: 'talon_session_updated', created: at(3), sessionId: 3 },
    { id: 5, type: 'talon_session_closed', created: at(4), sessionId: 3 },
  ]);
  expect(await historyOf(applicationId)).toEqual([
    { event: 1, before: null, state: 'open', since: 1, until: 1 },
    { event: 2, before: 'open', state: 'closed', since: 1, until: null },
    { event: 3, before: null, state: 'closed', since: 2, until: null },
    { event: 5, before: 'open', state: 'closed', since: 4, until: null },
  ]);
});

test.each([
  [null],
  ['closed'],
  [[{ params: { state: 'closed' } }]],
  [{ params: null }],
  [{ params: { state: ['closed'] } }],
  [{ params: { state: 'unheard of' } }],
])('a session begins open when its attributes are %j', async (attributes) => {
  const applicationId = await storeStory(db(), [
    { id: 1, type: 'talon_session_created', created: at(1), sessionId: 1, attributes },
  ]);
  expect(await historyOf(applicationId)).toMatchObject([{ state: 'open' }]);
});

const cartOf = (applicationId: string, columns: string) =>
  db().rows(
    `select session_id::int as session, item_position::int as position, ${columns}
     from talon_one_cart_item where application_id = $1 order by 1, 2`,
    applicationId,
  );

test('the items are those of the newest snapshot that has a payload, with amounts to the digit', async () => {
  const applicationId = await db().newApplication();
  const shoe = { sku: 'S1', name: 'Shoe', category: 'shoes', quantity: 3, price: 19.99, returnedQuantity: 1 };
  const cart = (...cartItems: unknown[]) => ({ state: 'closed', cartItems });
  await storeSession(db(), applicationId, { id: 1, fetchedAt: at(1), payload: cart({ sku: 'OLD' }) });
  await storeSession(db(), applicationId, {
    id: 1,
    fetchedAt: at(2),
    payload: cart({ ...shoe, remainingQuantity: 2, attributes: { color: 'red' } }, { sku: 'T', quantity: 1 }),
  });
  // The API does not know it any more.
  await storeSession(db(), applicationId, { id: 1, fetchedAt: at(3) });
  await storeSession(db(), applicationId, { id: 2, fetchedAt: at(1), payload: cart(shoe) });
  const columns = `sku, category, quantity::text, returned_quantity::text as returned, remaining_quantity::text as remaining,
    price::text, amount::text, attributes, session_state as state, session_integration_id as name`;
  const red = { color: 'red' };
  const first = {
    sku: 'S1',
    category: 'shoes',
    quantity: '3',
    returned: '1',
    price: '19.99',
    amount: '59.97',
  };
  expect(await cartOf(applicationId, columns)).toEqual([
    { session: 1, position: 0, ...first, remaining: '2', attributes: red, state: 'closed', name: 'order-1' },
    {
      session: 1,
      position: 1,
      sku: 'T',
      category: null,
      quantity: '1',
      returned: null,
      remaining: null,
      price: null,
      amount: null,
      attributes: null,
      state: 'closed',
      name: 'order-1',
    },
    {
      session: 2,
      position: 0,
      ...first,
      remaining: null,
      attributes: null,
      state: 'closed',
      name: 'order-2',
    },
  ]);
});

test.each([
  ['no list', { cartItems: { sku: 'A' } }, []],
  ['null', { cartItems: null }, []],
  ['a payload of another kind', [1, 2], []],
  ['items of another kind', { cartItems: [1, null, 'x', [2]] }, [null, null, null, null]],
  ['numbers as texts', { cartItems: [{ sku: 'A', quantity: '2', price: 'free' }] }, ['A']],
])('a cart with %s breaks nothing', async (_, payload, skus) => {
  const applicationId = await db().newApplication();
  await storeSession(db(), applicationId, { id: 1, fetchedAt: at(1), payload });
  const rows = await cartOf(applicationId, 'sku, quantity, price, amount');
  expect(rows).toEqual(
    skus.map((sku, position) => ({ session: 1, position, sku, quantity: null, price: null, amount: null })),
  );
});

test('an event has its customer as known before it, and its session as it left it', async () => {
  const applicationId = await storeStory(db(), [
    { id: 1, type: 'talon_session_created', created: at(10), sessionId: 1, profileId: 30 },
    { id: 2, type: 'talon_session_closed', created: at(20), sessionId: 1, profileId: 30 },
    { id: 3, type: 'talon_session_created', created: at(10), sessionId: 2, profileId: 31 },
    { id: 4, type: 'product_review', created: at(10) },
  ]);
  await db().rows(
    `update talon_one_event set synced_at = created + interval '1 minute' where application_id = $1`,
    applicationId,
  );
  const profile = (closedSessions: number) => ({ closedSessions });
  // 9 before both events, 15 between them, 25 after.
  for (const minute of [9, 15, 25])
    await storeProfile(db(), applicationId, { id: 30, fetchedAt: at(minute), payload: profile(minute) });
  for (const minute of [16, 26])
    await storeProfile(db(), applicationId, { id: 31, fetchedAt: at(minute), payload: profile(minute) });
  await storeProfile(db(), applicationId, { id: 31, fetchedAt: at(5) });
  // After the second event was recorded, and before it was stored: too late for its customer, too early for its session.
  await storeProfile(db(), applicationId, { id: 30, fetchedAt: at(20, 30), payload: profile(99) });
  await storeSession(db(), applicationId, { id: 1, fetchedAt: at(20, 30), payload: { state: 'too early' } });
  for (const [minute, state] of [
    [9, 'nothing'],
    [12, 'open'],
    [22, 'closed'],
    [30, 'cancelled'],
  ] as const)
    await storeSession(db(), applicationId, {
      id: 1,
      fetchedAt: at(minute),
      payload: { state },
      total: minute,
    });
  await storeSession(db(), applicationId, { id: 2, fetchedAt: at(8), payload: { state: 'early' } });
  const rows = await db().rows(
    `select event_id::int as event, profile_closed_sessions::int as profile, profile_is_from_before as before,
       session_state as session, session_is_from_after as after, session_total::int as total
     from talon_one_event_context where application_id = $1 order by 1`,
    applicationId,
  );
  expect(rows).toEqual([
    { event: 1, profile: 9, before: true, session: 'open', after: true, total: 12 },
    { event: 2, profile: 15, before: true, session: 'closed', after: true, total: 22 },
    // Nothing from before that had a payload, nothing from after.
    { event: 3, profile: 16, before: false, session: 'early', after: false, total: null },
    { event: 4, profile: null, before: null, session: null, after: null, total: null },
  ]);
});
