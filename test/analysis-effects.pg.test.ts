import { expect, test } from 'vitest';
import { effect, type StoryEvent, storeSession, storeStory } from './support/analysis.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const on = (day: number) => `2026-01-${String(day).padStart(2, '0')}T12:00:00.000001Z`;

/** An event of session 1 and profile 30, on the day that is its ID. */
function session(day: number, type: string, ...effects: unknown[]): StoryEvent {
  return { id: day, created: on(day), type: `talon_session_${type}`, sessionId: 1, profileId: 30, effects };
}

const discount = (value: number, name = '10 off') =>
  effect('setDiscount', { name, value, scope: 'sessionTotal' });
const rollback = (value: number, name = '10 off', more = {}) =>
  effect('rollbackDiscount', { name, value, ...more });
const accept = (value: string) => effect('acceptCoupon', { value }, { triggeredByCoupon: 4001 });

const standings = async (applicationId: string) =>
  (
    await db().rows<{ line: string }>(
      `select concat_ws(' ', event_id, effect_type, standing) as line from talon_one_effect_standing
       where application_id = $1 order by event_id, effect_index`,
      applicationId,
    )
  ).map(({ line }) => line);

test('what an open session is offered is potential, what it is closed with applies', async () => {
  const applicationId = await storeStory(db(), [
    session(1, 'created', discount(5)),
    session(2, 'updated', discount(6), accept('A')),
    session(3, 'closed', discount(7), accept('A')),
    session(4, 'partially_returned', rollback(2)),
  ]);
  expect(await standings(applicationId)).toEqual([
    '1 setDiscount potential',
    '2 setDiscount potential',
    '2 acceptCoupon potential',
    '3 setDiscount applied',
    '3 acceptCoupon applied',
    '4 rollbackDiscount applied',
  ]);
});

test('nothing applies any more of a session that was reopened, until it is closed again', async () => {
  const first = [
    session(1, 'created', discount(5)),
    session(2, 'closed', discount(7)),
    session(3, 'partially_returned', rollback(1)),
    session(4, 'reopened', rollback(6), discount(3)),
  ];
  const before = ['1 setDiscount potential', '2 setDiscount superseded', '3 rollbackDiscount superseded'];
  const reopened = ['4 rollbackDiscount superseded', '4 setDiscount potential'];
  expect(await standings(await storeStory(db(), first))).toEqual([...before, ...reopened]);
  const closed = await storeStory(db(), [...first, session(5, 'closed', discount(4))]);
  expect(await standings(closed)).toEqual([...before, ...reopened, '5 setDiscount applied']);
});

test('a session that is cancelled while it is open takes nothing back', async () => {
  const cancelled = session(5, 'cancelled', rollback(5));
  const open = [session(1, 'created', discount(5))];
  const closed = [...open, session(2, 'closed', discount(5))];
  const reopened = [...closed, session(3, 'reopened')];
  const lastOf = async (story: StoryEvent[]) =>
    (await standings(await storeStory(db(), [...story, cancelled]))).at(-1);
  expect(await lastOf([])).toBe('5 rollbackDiscount potential');
  expect(await lastOf(open)).toBe('5 rollbackDiscount potential');
  expect(await lastOf(reopened)).toBe('5 rollbackDiscount potential');
  // Normally another type of event.
  expect(await lastOf(closed)).toBe('5 rollbackDiscount applied');
});

test('a session that is created closed applies, once, whether one event tells it or two', async () => {
  const created = { ...session(1, 'created', discount(5)), attributes: { params: { state: 'closed' } } };
  expect(await standings(await storeStory(db(), [created]))).toEqual(['1 setDiscount applied']);
  const closed = { ...session(2, 'closed', discount(5)), created: on(1) };
  expect(await standings(await storeStory(db(), [created, closed]))).toEqual([
    '1 setDiscount replaced',
    '2 setDiscount applied',
  ]);
  // A reopening after it takes back the second one alone.
  const reopened = await storeStory(db(), [created, closed, session(3, 'reopened', rollback(5))]);
  expect(await standings(reopened)).toEqual([
    '1 setDiscount replaced',
    '2 setDiscount superseded',
    '3 rollbackDiscount superseded',
  ]);
});

test('effects of custom and profile events apply, also within an open session', async () => {
  const points = effect('addLoyaltyPoints', { programId: 1, value: 5 });
  const applicationId = await storeStory(db(), [
    session(1, 'created'),
    { id: 2, type: 'product_review', created: on(2), sessionId: 1, effects: [points] },
    { id: 3, type: 'talon_profile_updated', created: on(3), profileId: 30, effects: [points] },
    session(4, 'closed'),
  ]);
  expect(await standings(applicationId)).toEqual([
    '2 addLoyaltyPoints applied',
    '3 addLoyaltyPoints applied',
  ]);
});

const coupons = (applicationId: string) =>
  db().rows(
    `select event_id::int as event, code, status, rejection_reason as reason, extract(day from rolled_back_at)::int as back,
       coupon_id::int as coupon, session_id::int as session
     from talon_one_coupon_redemption where application_id = $1 order by event_id, effect_index`,
    applicationId,
  );

test('coupons are accepted, redeemed when the session is closed, rejected with the reason, and rolled back', async () => {
  const rejected = effect(
    'rejectCoupon',
    { value: 'OLD', rejectionReason: 'CouponExpired', details: 'in May' },
    { campaignId: 0 },
  );
  const other = { sessionId: 2 };
  const applicationId = await storeStory(db(), [
    session(1, 'updated', accept('A'), rejected),
    session(2, 'closed', accept('A'), accept('B')),
    { ...session(3, 'closed', accept('A')), ...other },
    session(4, 'partially_returned', rollback(2)),
    session(5, 'revoked', effect('rollbackCoupon', { value: 'A' })),
    session(6, 'revoked', effect('rollbackCoupon', { value: 'A' })),
  ]);
  const row = { reason: null, back: null, coupon: 4001, session: 1 };
  expect(await coupons(applicationId)).toEqual([
    { ...row, event: 1, code: 'A', status: 'accepted' },
    { ...row, event: 1, code: 'OLD', status: 'rejected', reason: 'CouponExpired', coupon: null },
    { ...row, event: 2, code: 'A', status: 'rolled_back', back: 5 },
    { ...row, event: 2, code: 'B', status: 'redeemed' },
    { ...row, event: 3, code: 'A', status: 'redeemed', session: 2 },
  ]);
});

test('a session that is reopened gives its coupons back, whether or not an effect says so', async () => {
  const applicationId = await storeStory(db(), [
    session(1, 'closed', accept('A')),
    session(2, 'reopened'),
    session(3, 'closed', accept('A')),
  ]);
  expect(await coupons(applicationId)).toMatchObject([
    { event: 1, status: 'rolled_back', back: 2 },
    { event: 3, status: 'redeemed', back: null },
  ]);
});

test('a session that two events close has redeemed its coupons once', async () => {
  const created = {
    ...session(1, 'created', accept('A')),
    attributes: { params: { state: 'closed' } },
  };
  const closed = [created, session(2, 'closed', accept('A'))];
  expect(await coupons(await storeStory(db(), closed))).toMatchObject([
    { event: 1, status: 'accepted', back: null },
    { event: 2, status: 'redeemed', back: null },
  ]);
  const revoked = [...closed, session(3, 'revoked', effect('rollbackCoupon', { value: 'A' }))];
  expect(await coupons(await storeStory(db(), revoked))).toMatchObject([
    { event: 1, status: 'accepted', back: null },
    { event: 2, status: 'rolled_back', back: 3 },
  ]);
});

test('of a customer who was forgotten the code is gone, the coupon and the amounts stay', async () => {
  const applicationId = await storeStory(db(), [session(1, 'closed', accept('ANNA-10'), discount(10))]);
  await db().rows(
    'update talon_one_event set payload = talon_one_blank(payload) where application_id = $1',
    applicationId,
  );
  expect(await coupons(applicationId)).toMatchObject([{ code: null, coupon: 4001, status: 'redeemed' }]);
  expect(await discounts(applicationId)).toMatchObject([{ name: null, campaign: 7, net: '10' }]);
});

const discounts = (applicationId: string) =>
  db().rows(
    `select session_id::int as session, campaign_id::int as campaign, name, item_position::int as item,
       item_sub_position::int as unit, additional_cost as cost, granted::text, rolled_back::text as back, net::text,
       extract(day from granted_at)::int as since, extract(day from last_changed_at)::int as changed
     from talon_one_discount where application_id = $1
     order by session_id, campaign_id, name, item_position nulls first, item_sub_position nulls first`,
    applicationId,
  );

test('discounts are netted by session, campaign and item', async () => {
  const perItem = (position: number, value: number, subPosition?: number) =>
    effect('setDiscountPerItem', { name: 'Shoes', value, position, subPosition }, { campaignId: 8 });
  const shipping = effect('setDiscountPerAdditionalCost', {
    name: 'Free',
    value: 4.9,
    additionalCost: 'shipping',
  });
  const applicationId = await storeStory(db(), [
    session(1, 'updated', discount(99)),
    session(2, 'closed', discount(10.1), perItem(0, 2.5, 0), perItem(0, 2.5, 1), perItem(1, 1.25), shipping),
    session(
      3,
      'partially_returned',
      effect(
        'rollbackDiscount',
        { name: 'Shoes', value: 2.5, cartItemPosition: 0, cartItemSubPosition: 1 },
        { campaignId: 8 },
      ),
      // A part of the session's discount, given back for one item.
      rollback(4, '10 off', { cartItemPosition: 0 }),
    ),
    { ...session(4, 'closed', discount(3)), sessionId: 2 },
    { ...session(5, 'revoked', rollback(3)), sessionId: 2 },
    { ...session(6, 'updated', discount(50)), sessionId: 3 },
  ]);
  const one = {
    session: 1,
    campaign: 7,
    item: null,
    unit: null,
    cost: null,
    back: '0',
    since: 2,
    changed: 2,
  };
  const shoes = { ...one, campaign: 8, name: 'Shoes' };
  expect(await discounts(applicationId)).toEqual([
    { ...one, name: '10 off', granted: '10.1', net: '10.1' },
    { ...one, name: '10 off', item: 0, granted: '0', back: '4', net: '-4', since: null, changed: 3 },
    { ...one, name: 'Free', cost: 'shipping', granted: '4.9', net: '4.9' },
    { ...shoes, item: 0, unit: 0, granted: '2.5', net: '2.5' },
    { ...shoes, item: 0, unit: 1, granted: '2.5', back: '2.5', net: '0.0', changed: 3 },
    { ...shoes, item: 1, granted: '1.25', net: '1.25' },
    { ...one, session: 2, name: '10 off', granted: '3', back: '3', net: '0', since: 4, changed: 5 },
  ]);
  const sums = await db().rows(
    `select campaign_id::int as campaign, sum(net)::text as net from talon_one_discount
     where application_id = $1 group by 1 order by 1`,
    applicationId,
  );
  // 10.1 − 4 + 4.9 and 2.5 + 1.25.
  expect(sums).toEqual([
    { campaign: 7, net: '11.0' },
    { campaign: 8, net: '3.75' },
  ]);
});

test('a discount of a session that was reopened counts as it was closed with last', async () => {
  const applicationId = await storeStory(db(), [
    session(1, 'closed', discount(10)),
    session(2, 'reopened', rollback(10)),
    session(3, 'closed', discount(6)),
  ]);
  expect(await discounts(applicationId)).toMatchObject([{ granted: '6', back: '0', net: '6', since: 3 }]);
});

test('a rollback is none of the grants, whatever its amount', async () => {
  const applicationId = await storeStory(db(), [
    session(1, 'closed', discount(10)),
    session(2, 'partially_returned', rollback(0), rollback(0, 'other')),
    // Closed before the copy began: what it was granted is not known.
    { ...session(3, 'revoked', rollback(4)), sessionId: 2 },
  ]);
  expect(await discounts(applicationId)).toMatchObject([
    { session: 1, name: '10 off', granted: '10', back: '0', net: '10', since: 1, changed: 2 },
    { session: 1, name: 'other', granted: '0', back: '0', net: '0', since: null, changed: 2 },
    { session: 2, name: '10 off', granted: '0', back: '4', net: '-4', since: null, changed: 3 },
  ]);
});

test('a campaign has its days, with returns on the day of the return', async () => {
  const points = (value: number) => effect('addLoyaltyPoints', { programId: 1, value });
  const spent = effect('deductLoyaltyPoints', { programId: 1, value: 4 });
  const applicationId = await storeStory(db(), [
    session(1, 'updated', discount(5), points(50), effect('rejectCoupon', { value: 'X' })),
    session(
      2,
      'closed',
      discount(10),
      discount(1, 'more'),
      accept('A'),
      points(20),
      effect('addFreeItem', { sku: 'F' }),
    ),
    {
      ...session(3, 'closed', discount(2), spent, accept('B'), effect('acceptReferral', { value: 'R' })),
      created: on(2),
      sessionId: 2,
    },
    // Another campaign, and none.
    {
      ...session(
        4,
        'closed',
        effect('setDiscount', { value: 3 }, { campaignId: 8 }),
        effect('rejectCoupon', {}, { campaignId: 0 }),
      ),
      created: on(2),
      sessionId: 3,
      profileId: 31,
    },
    session(
      5,
      'revoked',
      rollback(11),
      effect('rollbackCoupon', { value: 'A' }),
      effect('rollbackAddedLoyaltyPoints', { value: 20 }),
    ),
    { ...session(7, 'partially_returned', effect('rollbackReferral', { value: 'R' })), sessionId: 2 },
    // Only a rejection: no session of the campaign.
    { ...session(6, 'closed', effect('rejectCoupon', { value: 'X' })), sessionId: 4 },
  ]);
  await storeSession(db(), applicationId, { id: 1, fetchedAt: on(10), payload: {}, total: 80 });
  await storeSession(db(), applicationId, { id: 2, fetchedAt: on(9), payload: {}, total: 1 });
  await storeSession(db(), applicationId, { id: 2, fetchedAt: on(10), payload: {}, total: 20.5 });
  await db().rows(
    `insert into talon_one_campaign (campaign_id, application_id, valid_from, valid_to, name, payload)
     values (7, $1, '2025-01-01', '2026-01-01', 'Old name', '{}'), (7, $1, '2026-01-01', null, 'Winter', '{}')`,
    applicationId,
  );
  const rows = await db().rows(
    `select campaign_id::int as campaign, campaign_name as name, extract(day from day)::int as day, sessions::int,
       sessions_cancelled::int as cancelled, customers::int,
       revenue::text, discount_granted::text as granted, discount_rolled_back::text as back, discount_net::text as net,
       coupons_redeemed::int as redeemed, coupons_rolled_back::int as undone, coupons_rejected::int as rejected,
       points_added::text as added, points_deducted::text as deducted, free_items::int as free, referrals_accepted::int as referrals,
       referrals_rolled_back::int as unreferred
     from talon_one_campaign_performance where application_id = $1 order by campaign, day`,
    applicationId,
  );
  const nothing = {
    campaign: 7,
    name: 'Winter',
    sessions: 0,
    cancelled: 0,
    customers: 0,
    revenue: null,
    granted: '0',
    back: '0',
    net: '0',
    redeemed: 0,
    undone: 0,
    rejected: 0,
    added: '0',
    deducted: '0',
    free: 0,
    referrals: 0,
    unreferred: 0,
  };
  expect(rows).toEqual([
    { ...nothing, day: 1, rejected: 1 },
    {
      ...nothing,
      day: 2,
      // Session 1, of 80, is cancelled on the 5th: what it was given still stands here, and is taken back there.
      sessions: 1,
      cancelled: 1,
      customers: 1,
      revenue: '20.5',
      granted: '13',
      net: '13',
      redeemed: 2,
      added: '20',
      deducted: '4',
      free: 1,
      referrals: 1,
    },
    { ...nothing, day: 5, back: '11', net: '-11', undone: 1, added: '-20' },
    { ...nothing, day: 6, rejected: 1 },
    { ...nothing, day: 7, unreferred: 1 },
    { ...nothing, campaign: 8, name: null, day: 2, sessions: 1, customers: 1, granted: '3', net: '3' },
  ]);
  const some = await db().rows(
    `select extract(day from day)::int as day from talon_one_campaign_performance_between($2, $3)
     where application_id = $1 and campaign_id = 7 order by 1`,
    applicationId,
    on(2),
    on(6),
  );
  expect(some).toEqual([{ day: 2 }, { day: 5 }]);
});

const performance = (applicationId: string, period = '') =>
  db().rows(
    `select extract(day from day)::int as day, sessions::int, sessions_cancelled::int as cancelled, customers::int,
       revenue::text, discount_net::text as net, points_added::text as points, coupons_redeemed::int as redeemed
     from talon_one_campaign_performance${period} where application_id = $1 order by day`,
    applicationId,
  );

test('a campaign has the revenue of sessions that still stand, also for a period that ends before they are cancelled', async () => {
  const closed = (id: number, sessionId: number, profileId = 30) => ({
    ...session(id, 'closed', discount(10)),
    created: on(1),
    sessionId,
    profileId,
  });
  const applicationId = await storeStory(db(), [
    closed(1, 1),
    closed(2, 2),
    closed(3, 3, 31),
    closed(4, 4),
    { ...session(5, 'revoked', rollback(10)), sessionId: 2 },
    { ...session(6, 'partially_returned', rollback(4)), sessionId: 3 },
    // Reopened and cancelled: no session of the 1st any more, and none that was cancelled.
    { ...session(7, 'reopened', rollback(10)), sessionId: 4 },
    { ...session(8, 'cancelled'), sessionId: 4 },
  ]);
  for (const [id, total] of [
    [1, 100],
    [2, 200],
    [3, 50.5],
    [4, 400],
  ] as const)
    await storeSession(db(), applicationId, { id, fetchedAt: on(10), payload: {}, total });
  const nothing = { sessions: 0, cancelled: 0, customers: 0, revenue: null, points: '0', redeemed: 0 };
  const first = { ...nothing, day: 1, sessions: 2, cancelled: 1, customers: 2, revenue: '150.5', net: '30' };
  expect(await performance(applicationId)).toEqual([
    first,
    { ...nothing, day: 5, net: '-10' },
    { ...nothing, day: 6, net: '-4' },
  ]);
  const january1 = `_between('2026-01-01T00:00Z', '2026-01-02T00:00Z')`;
  expect(await performance(applicationId, january1)).toEqual([first]);
});

test('a session that the API does not know any more keeps its cart and its revenue', async () => {
  const applicationId = await storeStory(db(), [session(1, 'closed', discount(10))]);
  const payload = { cartItems: [{ sku: 'S' }] };
  await storeSession(db(), applicationId, { id: 1, fetchedAt: on(2), payload, total: 80 });
  await storeSession(db(), applicationId, { id: 1, fetchedAt: on(3) });
  expect(await performance(applicationId)).toMatchObject([{ sessions: 1, revenue: '80' }]);
  const rows = await db().rows(
    `select found, state, total, sku from talon_one_session join talon_one_cart_item using (application_id, session_id)
     where application_id = $1`,
    applicationId,
  );
  expect(rows).toEqual([{ found: false, state: null, total: null, sku: 'S' }]);
});

test('points of a session that two events close are given once, and taken back once', async () => {
  const points = effect('addLoyaltyPoints', { programId: 1, value: 50, transactionUUID: 'u1' });
  const back = effect('rollbackAddedLoyaltyPoints', { programId: 1, value: 50, transactionUUID: 'u2' });
  const created = { ...session(1, 'created', points), attributes: { params: { state: 'closed' } } };
  const closed = [created, session(2, 'closed', points)];
  const sum = async (applicationId: string) =>
    (
      await db().rows(
        'select sum(points)::text as sum, count(*)::int as rows from talon_one_loyalty_movement where application_id = $1',
        applicationId,
      )
    )[0];
  const once = await storeStory(db(), closed);
  expect(await sum(once)).toEqual({ sum: '50', rows: 1 });
  expect(await performance(once)).toMatchObject([{ day: 2, points: '50', sessions: 1 }]);
  const taken = await storeStory(db(), [...closed, session(3, 'revoked', back)]);
  expect(await sum(taken)).toEqual({ sum: '0', rows: 2 });
  expect(await performance(taken)).toMatchObject([
    { day: 2, points: '50' },
    { day: 3, points: '-50' },
  ]);
  // Reopened in between, each closing is a transaction of its own.
  const again = effect('addLoyaltyPoints', { programId: 1, value: 60, transactionUUID: 'u3' });
  const twice = await storeStory(db(), [
    ...closed,
    session(3, 'reopened', back),
    session(4, 'closed', again),
  ]);
  expect(await sum(twice)).toEqual({ sum: '60', rows: 3 });
  expect(await performance(twice)).toMatchObject([
    { day: 2, points: '50', sessions: 0 },
    { day: 3, points: '-50' },
    { day: 4, points: '60', sessions: 1 },
  ]);
});

const ODD_PROPS: readonly unknown[] = [
  undefined,
  null,
  'text',
  [1],
  {},
  { value: '12', name: 7, position: 'first', programId: 'x', startDate: 5 },
  { value: null, programId: 1e30, startDate: 'soon', expiryDate: '9999-99-99T00:00:00Z' },
];

test.each([
  ['no list', { a: 1 }],
  ['null', null],
  [
    'entries of another kind',
    [null, 1, 'x', [[]], [{ effectType: 5 }], { effectType: null, campaignId: 'a' }],
  ],
  [
    'odd properties',
    [
      'setDiscount',
      'setDiscountPerItem',
      'rollbackDiscount',
      'acceptCoupon',
      'rejectCoupon',
      'rollbackCoupon',
      'addLoyaltyPoints',
      'rollbackAddedLoyaltyPoints',
    ].flatMap((type) => ODD_PROPS.map((props) => ({ effectType: type, campaignId: 7, props }))),
  ],
])('effects with %s break no view', async (_, effects) => {
  const applicationId = await storeStory(db(), [
    { ...session(1, 'closed'), effects },
    { ...session(2, 'revoked'), effects },
    { id: 3, created: on(3), effects },
  ]);
  for (const view of [
    'effect_standing',
    'coupon_redemption',
    'discount_movement',
    'discount',
    'loyalty_movement',
    'campaign_performance',
  ])
    await db().rows(`select * from talon_one_${view} where application_id = $1`, applicationId);
  const [row] = await db().rows(
    `select sum(net)::text as net, count(*)::int as discounts from talon_one_discount where application_id = $1`,
    applicationId,
  );
  expect(row).toEqual({ net: null, discounts: 0 });
});
