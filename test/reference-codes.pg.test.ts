import { describe, expect, test } from 'vitest';
import { type ReferenceCopy, startReference } from './support/reference.js';

const COUPONS = 'GET /v1/applications/{applicationId}/export_coupons';
const REFERRALS = 'GET /v1/applications/{applicationId}/export_referrals';
const BATCH = 'made-in-test';

/** Codes only: the lists have tests of their own. */
async function startCodes(sessions = 30): Promise<ReferenceCopy> {
  return startReference({
    simulator: { history: { events: sessions, sessions, profiles: 12 } },
    environment: { COUPON_SYNC: 'true' },
    kinds: /^(coupons|referrals)$/,
  });
}

const count = async ({ db }: ReferenceCopy, table: string, where = 'true') =>
  Number(await db.value(`select count(*) from talon_one_${table} where ${where}`));

test('codes are copied with all their columns, then only the new ones, one request each', async () => {
  const copy = await startCodes();
  const { sim, db, look, requests } = copy;
  expect(await look()).toEqual(new Map());
  expect(await count(copy, 'coupon')).toBe(sim.couponCount(1));
  expect(await count(copy, 'referral')).toBe(2);
  const startsAt = Date.parse('2026-02-01T00:00:00Z') * 1000;
  const coupon = { value: 'A,"B"\nC', startsAt, usageLimit: 3, usageCounter: 1, discountLimit: 1250 };
  const more = { discountCounter: 10, recipientIntegrationId: 'Ünï', referralId: 77, batchId: BATCH };
  const [id] = sim.emitCoupons(1, 1, { ...coupon, ...more, attributes: { list: [1, 2] } });
  sim.emitReferrals(1, 1, { code: 'FRIEND', advocate: 'adv', friend: '', batchId: BATCH, usageLimit: 1 });
  await look();
  expect(requests()).toEqual({ [COUPONS]: 1, [REFERRALS]: 1 });
  const [row] = await db.rows(
    `select coupon_id::text as id, application_id::text, campaign_id::text, value, start_date = '2026-02-01Z' as starts,
       usage_limit::text, usage_counter::text, discount_limit::text, discount_counter::text, recipient_integration_id,
       referral_id::text, batch_id, created between now() - interval '1 minute' and now() as is_new,
       payload ->> 'attributes' as attributes, payload ->> 'limitval' as limitval
     from talon_one_coupon where batch_id = $1`,
    BATCH,
  );
  expect(row).toEqual({
    id: String(id),
    application_id: '1',
    campaign_id: String(sim.referenceIds('campaign')[0]),
    value: 'A,"B"\nC',
    starts: true,
    usage_limit: '3',
    usage_counter: '1',
    discount_limit: '12.50',
    discount_counter: '0.10',
    recipient_integration_id: 'Ünï',
    referral_id: '77',
    batch_id: BATCH,
    is_new: true,
    attributes: JSON.stringify({ list: [1, 2] }, null, 2),
    limitval: '3',
  });
  const referral = `code = 'FRIEND' and advocate_integration_id = 'adv' and friend_integration_id is null
    and usage_limit = 1 and payload ->> 'code' = code`;
  expect(await count(copy, 'referral', referral)).toBe(1);
});

test('the last minutes are read again: what they hold follows, what is older stays as it was', async () => {
  const copy = await startCodes();
  const { sim, look } = copy;
  const createdAt = new Date(Date.now() - 300_000).toISOString();
  const [old] = sim.emitCoupons(1, 1, { createdAt, usageCounter: 1 });
  const [young] = sim.emitCoupons(1, 1, { usageCounter: 1 });
  await look();
  for (const id of [old, young]) sim.changeCoupon(1, id, { usageCounter: 2 });
  const late = new Date(Date.now() - 60_000).toISOString();
  sim.emitCoupons(1, 1, { createdAt: late, batchId: BATCH });
  await look();
  expect(await count(copy, 'coupon', `coupon_id = ${old} and usage_counter = 1`)).toBe(1);
  expect(await count(copy, 'coupon', `coupon_id = ${young} and usage_counter = 2`)).toBe(1);
  expect(await count(copy, 'coupon', `batch_id = '${BATCH}'`)).toBe(1);
});

describe('an export that is too long for the server is made in parts', () => {
  test.each(['504', 'reset'] as const)('%s', async (exportTimeLimit) => {
    const copy = await startCodes(400);
    const { sim, look, requests, lines } = copy;
    sim.set({ exportTimeLimitRows: 60, exportTimeLimit });
    expect(await look()).toEqual(new Map());
    expect(await count(copy, 'coupon')).toBe(sim.couponCount(1));
    const run = lines.find(({ job, msg }) => job === 'coupons:1' && msg === 'job finished');
    expect(Number(run?.parts)).toBeGreaterThan(6);
    // What breaks off is repeated first, what takes too long is not.
    expect(requests()[COUPONS]).toBeLessThan(Number(run?.parts) * (exportTimeLimit === '504' ? 3 : 8));
    await look();
    expect(requests()[COUPONS]).toBe(1);
  });
});

test('a file that was cut is no export: the job fails, keeps what came, and the next run brings the rest', async () => {
  const copy = await startCodes(2_500);
  const { sim, db, look } = copy;
  // The connection's end is the end of the body: nothing but the missing line end tells.
  const cut = { type: 'cutBody', framing: 'close', share: 0.7 } as const;
  const fault = sim.addFault({ path: /export_coupons/, times: Infinity, action: cut });
  const failed = await look();
  expect([...failed.keys()]).toEqual(['coupons:1']);
  expect(await count(copy, 'coupon')).toBeLessThan(sim.couponCount(1));
  expect(
    await db.value(`select state ->> 'createdThrough' from talon_one_job where job = 'coupons:1'`),
  ).toBeNull();
  fault.remove();
  expect(await look()).toEqual(new Map());
  expect(await count(copy, 'coupon')).toBe(sim.couponCount(1));
});

test('a row that jsonb cannot hold is stored without what it refuses, its text is kept beside it', async () => {
  const copy = await startCodes();
  const { sim, look } = copy;
  const before = sim.couponCount(1);
  sim.emitCoupons(1, 1, { value: 'a\u0000b', batchId: BATCH });
  await look();
  expect(await count(copy, 'coupon')).toBe(before + 1);
  expect(await count(copy, 'coupon', `batch_id = '${BATCH}' and value = 'a\ufffdb'`)).toBe(1);
  expect(await count(copy, 'original_text', `kind = 'coupon'`)).toBe(1);
});
