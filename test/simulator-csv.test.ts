import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { ask, events, list } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';

const T = '2026-01-01T00:00:0';

test('the export of effects has each effect of the window, with the digits of its event', async () => {
  const sim = await start({ history: { events: 400 } });
  const all = (await events(sim)).rows as unknown as {
    id: number;
    created: string;
    effects: { effectType: string }[];
  }[];
  const rows = await csvRows(sim, '/export_effects?dateFormat=ISO8601');
  expect(rows).toHaveLength(all.reduce((sum, { effects }) => sum + effects.length, 0));
  expect(rows.map(({ name }) => name)).toEqual(
    all.flatMap(({ effects }) => effects.map(({ effectType }) => effectType)),
  );
  const middle = all[200]?.created ?? '';
  const later = await csvRows(sim, `/export_effects?createdAfter=${middle}&campaignId=204`);
  const expected = rows.filter(
    ({ campaignid, eventid }) => campaignid === '204' && Number(eventid) > (all[200]?.id ?? 0),
  );
  expect(later.map(({ eventid, props }) => [eventid, props])).toEqual(
    expected.map(({ eventid, props }) => [eventid, props]),
  );
  expect(rows.filter(({ campaignid }) => campaignid === '0')).toSatisfy(
    (unknown: Record<string, string>[]) =>
      unknown.length > 0 && unknown.every(({ props = '' }) => props.includes('CouponNotFound')),
  );
  const effects =
    '[{"effectType":"x \\"y\\"","campaignId":1,"props":{"value":0.10000000000000000001,"t":"a,\\nb]}"}}]';
  sim.addEvent(1, { payload: `{"id":5,"type":"custom","effects":${effects}}`, created: `${T}1Z` });
  sim.addEvent(1, { payload: '{"id":6,"effects":[{', created: `${T}2Z` });
  const [given, ...others] = await csvRows(sim, `/export_effects?createdBefore=${T}3Z&createdAfter=${T}0Z`);
  expect(given).toMatchObject({
    name: 'x "y"',
    eventid: '5',
    props: '{"value":0.10000000000000000001,"t":"a,\\nb]}"}',
  });
  expect(others).toEqual([]);
});

test('coupons are in the file and in the lists of their campaigns', async () => {
  const sim = await start({ history: { events: 600 } });
  const [first, last] = sim.emitCoupons(1, 30, {
    campaignId: 203,
    createdAt: '2026-01-01T00:00:00Z',
    batchId: 'mine',
  });
  const rows = await csvRows(sim, '/export_coupons');
  expect(rows).toHaveLength(sim.couponCount(1));
  const mine = await csvRows(sim, '/export_coupons?batchId=mine&campaignId=203');
  expect(mine.map(({ id }) => Number(id))).toEqual(Array.from({ length: 30 }, (_, index) => first + index));
  expect((await list(sim, '/campaigns/203/coupons/no_total')).ids.slice(-30).at(-1)).toBe(String(last));
  expect(rows.some(({ attributes = '' }) => attributes.includes('\n') && JSON.parse(attributes))).toBe(true);
  expect(rows.some(({ expirydate }) => expirydate === '')).toBe(true);
  const valid = ['expired', 'validNow', 'validFuture'].map(
    async (name) => (await csvRows(sim, `/export_coupons?valid=${name}`)).length,
  );
  expect((await Promise.all(valid)).reduce((sum, count) => sum + count, 0)).toBe(rows.length);
  const { value = '' } = rows[5] ?? {};
  expect(await csvRows(sim, `/export_coupons?exactMatch=true&value=${value.toLowerCase()}`)).toHaveLength(
    rows.filter((row) => row.value === value).length,
  );
  expect((await ask(sim, '/export_coupons?valuesOnly=true&batchId=mine')).text.split('\n')[0]).toBe('value');
  sim.removeCoupon(1, first);
  sim.changeCoupon(1, last, { usageCounter: 7, usageLimit: 7 });
  expect(await csvRows(sim, '/export_coupons?batchId=mine')).toHaveLength(29);
  expect(await csvRows(sim, '/export_coupons?deletedAfter=2020-01-01T00:00:00Z')).toMatchObject([
    { id: String(first), deleted: 'true' },
  ]);
  expect((await csvRows(sim, '/export_coupons?usable=false&batchId=mine')).map(({ id }) => id)).toContain(
    String(last),
  );
  sim.set({ clockOffsetMs: 8 * 86_400_000 });
  expect(await csvRows(sim, '/export_coupons?deletedAfter=2020-01-01T00:00:00Z')).toEqual([]);
  sim.set({ exportUnsetDates: 'zero', couponReservationColumns: 'present', exportDateFormat: 'excel' });
  const [text] = [(await ask(sim, '/export_coupons')).text];
  expect(text).toContain(',0001-01-01 00:00:00,');
  expect(text.split('\n')[0]?.endsWith(',reservation_limitval')).toBe(true);
});

test.each([
  ['/export_referrals', 'advocateprofileintegrationid', true],
  ['/v2/achievements/3/export', 'completionDate', true],
  ['/v1/audiences/2/memberships/export', 'profileintegrationid', true],
  ['/v1/collections/1001/export', 'item', true],
  ['/campaigns/200/stores/export', 'store_integration_id', true],
  ['/campaigns/200/stores/budgets/export', 'limit', true],
  ['/campaigns/201/stores/export', 'store_integration_id', false],
  ['/v1/giveaways/pools/7/export', 'attributes', true],
  ['/campaigns/200/value_maps/100/export', 'value', true],
  ['/campaign_analytics/export?rangeStart=2026-01-01&rangeEnd=2026-02-01', 'discounts', true],
])('%s has rows with a column %s', async (path, column, hasRows) => {
  const sim = await start({ history: { events: 300 } });
  const rows = await csvRows(sim, path);
  expect(rows.length > 0).toBe(hasRows);
  for (const row of rows) expect(row).toHaveProperty(column);
  expect((await ask(sim, `${path}${path.includes('?') ? '&' : '?'}x=1`)).status).toBe(400);
});

test('a file comes as it is made: nobody waits for the last row to see the first', async () => {
  const sim = await start({ history: { events: 10 } });
  sim.emitCoupons(1, 200_000);
  const response = await fetch(`${sim.url}/v1/applications/1/export_coupons`, {
    headers: { Authorization: `ManagementKey-v1 ${sim.apiKey}` },
  });
  expect(response.headers.get('content-length')).toBeNull();
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  expect(new TextDecoder().decode(value)).toMatch(/^id,created,/);
  // A client that has seen enough is no failure of the simulator.
  await reader?.cancel();
  sim.set({ gzip: true });
  expect((await csvRows(sim, '/export_referrals')).length).toBeGreaterThan(0);
});

test('a server that gives up on a long export says so, resets, or ends the file early', async () => {
  const sim = await start({ history: { events: 300 }, switches: { exportTimeLimitRows: 20 } });
  expect((await ask(sim, '/export_coupons')).status).toBe(504);
  sim.set({ exportTimeLimitRows: sim.couponCount(1) });
  expect(await csvRows(sim, '/export_coupons')).toHaveLength(sim.couponCount(1));
  sim.set({ exportTimeLimitRows: sim.couponCount(1) - 1 });
  expect((await ask(sim, '/export_coupons')).status).toBe(504);
  sim.set({ exportTimeLimitRows: 20 });
  expect(await csvRows(sim, '/export_coupons?createdBefore=2020-01-01T00:00:00Z')).toEqual([]);
  sim.set({ exportTimeLimit: 'reset' });
  await expect(ask(sim, '/export_coupons')).rejects.toThrow();
  sim.set({ exportTimeLimit: 'end' });
  expect(await csvRows(sim, '/export_coupons')).toHaveLength(20);
});

test('faults and forms work on every export', async () => {
  const sim = await start({ history: { events: 300 } });
  const whole = (await ask(sim, '/export_coupons')).text;
  const template = '/v1/applications/{applicationId}/export_coupons';
  sim.addFault({ path: template, action: { type: 'cutBody', framing: 'chunkedEnd', where: 'betweenRows' } });
  const cut = (await ask(sim, '/export_coupons')).text;
  expect(cut.length).toBeLessThan(whole.length * 0.6);
  expect(whole.startsWith(cut) && cut.endsWith('\n')).toBe(true);
  sim.addFault({ path: template, action: { type: 'status', status: 504 } });
  expect((await ask(sim, '/export_coupons')).status).toBe(504);
  sim.set({ exportOrder: 'reversed', exportLineEnds: 'crlf', exportByteOrderMark: true });
  const bytes = await fetch(`${sim.url}/v1/applications/1/export_coupons`, {
    headers: { Authorization: `ManagementKey-v1 ${sim.apiKey}` },
  });
  const text = Buffer.from(await bytes.arrayBuffer()).toString('utf8');
  expect(text.startsWith('\ufeffid,created,')).toBe(true);
  const ids = (given: string): string[] =>
    (parse(given, { columns: true, bom: true }) as { id: string }[]).map(({ id }) => id);
  expect(ids(text)).toEqual(ids(whole).reverse());
  expect(text).toContain('\r\n');
  const refused = await ask(sim, '/export_coupons?dateFormat=iso');
  expect([refused.status, refused.headers.get('content-type')]).toEqual([400, 'application/csv']);
  expect(JSON.parse(refused.text)).toHaveProperty('message');
});

async function csvRows(sim: Simulator, path: string): Promise<Record<string, string>[]> {
  const answer = await ask(sim, path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  expect(answer.headers.get('content-type')).toBe('application/csv');
  return parse(answer.text, { columns: true });
}
