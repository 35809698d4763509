import { expect, test } from 'vitest';
import { ask, events, list } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';

const T = '2026-01-01T00:00:';

/** Events 1, 2, 3 … created at these seconds. */
async function withEvents(seconds: readonly string[], switches: SwitchSettings = {}): Promise<Simulator> {
  const sim = await start({ history: { events: 0 }, switches });
  seconds.forEach((second, index) => {
    sim.addEvent(1, { id: index + 1, created: `${T}${second}Z` });
  });
  return sim;
}

async function idsOf(sim: Simulator, query: Record<string, string | number> = {}): Promise<string> {
  return (await events(sim, query)).ids.join(' ');
}

test('pages follow each other without gaps, and only the last one says that nothing more is there', async () => {
  const sim = await start({ history: { events: 2500 } });
  const pages = await Promise.all([0, 1000, 2000, 3000].map((skip) => events(sim, { skip })));
  expect(pages.map((page) => [page.rows.length, page.hasMore])).toEqual([
    [1000, true],
    [1000, true],
    [500, false],
    [0, false],
  ]);
  expect(pages.flatMap((page) => page.ids)).toEqual([...sim.issuedEvents(1)].map((event) => event.id));
});

test.each([
  ['exclusive', '3 4', '1'],
  ['inclusive', '2 3 4', '1 2'],
] as const)('createdAfter and createdBefore can be %s', async (boundary, after, before) => {
  const switches = { createdAfter: boundary, createdBefore: boundary };
  const sim = await withEvents(['01.000001', '01.000002', '01.000003', '02'], switches);
  expect(await idsOf(sim, { createdAfter: `${T}01.000002Z` })).toBe(after);
  expect(await idsOf(sim, { createdBefore: `${T}01.000002Z` })).toBe(before);
  expect(await idsOf(sim, { createdAfter: '2026-01-01T01:00:01.000002+01:00' })).toBe(after);
});

test('a date in a query can be cut to seconds or milliseconds', async () => {
  const sim = await withEvents(['01.100001', '01.100900', '01.900000']);
  sim.set({ parameterPrecision: 'second' });
  expect(await idsOf(sim, { createdAfter: `${T}01.500000Z` })).toBe('1 2 3');
  sim.set({ parameterPrecision: 'millisecond' });
  expect(await idsOf(sim, { createdAfter: `${T}01.100950Z` })).toBe('1 2 3');
  sim.set({ parameterPrecision: 'microsecond' });
  expect(await idsOf(sim, { createdAfter: `${T}01.100950Z` })).toBe('3');
});

test('the time of an event can be cut to seconds or milliseconds', async () => {
  const sim = await withEvents(['01.100001', '01.100900', '01.900000', '02.000001']);
  sim.set({ recordPrecision: 'second' });
  expect(await idsOf(sim, { createdAfter: `${T}01Z` })).toBe('4');
  sim.set({ recordPrecision: 'second', createdAfter: 'inclusive' });
  expect(await idsOf(sim, { createdAfter: `${T}01Z` })).toBe('1 2 3 4');
  sim.set({ recordPrecision: 'millisecond', createdAfter: 'exclusive' });
  expect(await idsOf(sim, { createdAfter: `${T}01.1Z` })).toBe('3 4');
});

test('sort can be honoured, refused, refused altogether, ignored or turned round', async () => {
  const sim = await withEvents(['03', '01', '02']);
  const sorted = async (sort: string): Promise<string> => {
    const answer = await ask(sim, `/events/no_total${sort === '' ? '' : `?sort=${sort}`}`);
    if (answer.status !== 200) return String(answer.status);
    return (JSON.parse(answer.text) as { data: { id: number }[] }).data.map((event) => event.id).join(' ');
  };
  const all = async (): Promise<string[]> => [
    await sorted('created'),
    await sorted('-created'),
    await sorted('id'),
    await sorted('-id'),
    await sorted(''),
  ];
  expect(await all()).toEqual(['2 3 1', '1 3 2', '1 2 3', '3 2 1', '1 2 3']);
  sim.set({ sort: 'refused' });
  expect(await all()).toEqual(['400', '400', '1 2 3', '3 2 1', '1 2 3']);
  sim.set({ sort: 'refusedAll' });
  expect(await all()).toEqual(['400', '400', '400', '400', '1 2 3']);
  sim.set({ sort: 'ignored' });
  expect(await all()).toEqual(['1 2 3', '1 2 3', '1 2 3', '1 2 3', '1 2 3']);
  sim.set({ sort: 'descending' });
  expect(await all()).toEqual(['1 3 2', '1 3 2', '3 2 1', '3 2 1', '1 2 3']);
  sim.set({ sort: 'honoured', defaultOrder: '-created' });
  expect(await sorted('')).toBe('1 3 2');
  expect(await sorted('name')).toBe('400');
});

test('pages by id stay consistent when events came out of order', async () => {
  const sim = await withEvents(['05', '01', '04', '02', '03'], { sort: 'ignored' });
  expect(await idsOf(sim, { pageSize: 2, createdAfter: `${T}01Z` })).toBe('1 3');
  expect(await idsOf(sim, { pageSize: 2, skip: 2, createdAfter: `${T}01Z` })).toBe('4 5');
});

test('equal timestamps can come in another order than by id, the same one or a new one each time', async () => {
  const sim = await withEvents(['01', ...Array<string>(30).fill('02'), '03']);
  const inOrder = Array.from({ length: 32 }, (_, index) => String(index + 1));
  sim.set({ ties: 'shuffled' });
  const whole = (await events(sim)).ids;
  expect(whole).not.toEqual(inOrder);
  expect([...whole].sort((a, b) => Number(a) - Number(b))).toEqual(inOrder);
  expect([whole[0], whole[31]]).toEqual(['1', '32']);
  const pages = await Promise.all([0, 10, 20, 30].map((skip) => events(sim, { pageSize: 10, skip })));
  expect(pages.flatMap((page) => page.ids)).toEqual(whole);
  expect((await events(sim, { sort: '-created' })).ids).toEqual([...whole].reverse());
  sim.set({ ties: 'unstable' });
  expect((await events(sim)).ids).not.toEqual((await events(sim)).ids);
});

test('the envelope can lack hasMore, or be the old one at the old path only', async () => {
  const sim = await withEvents(['01', '02', '03']);
  expect((await ask(sim, '/events?pageSize=2')).status).toBe(404);
  sim.set({ envelope: 'missing' });
  expect((await ask(sim, '/events/no_total?pageSize=2')).text).toMatch(/^\{"data":\[/);
  expect((await list(sim, '/sessions')).hasMore).toBeUndefined();
  sim.set({ envelope: 'old' });
  expect((await ask(sim, '/events/no_total?pageSize=2')).status).toBe(404);
  const old = await list(sim, `/events?pageSize=2&createdAfter=${T}01Z&sort=created`);
  expect(old).toMatchObject({ totalResultSize: 2, hasMore: undefined, ids: ['2', '3'] });
  expect((await ask(sim, '/events?effectType=setDiscount')).status).toBe(400);
});

test('a full last page can claim that more follows', async () => {
  const sim = await withEvents(['01', '02', '03', '04']);
  expect((await events(sim, { pageSize: 4 })).hasMore).toBe(false);
  sim.set({ fullPageHasMore: 'always' });
  expect((await events(sim, { pageSize: 4 })).hasMore).toBe(true);
  expect(await events(sim, { pageSize: 4, skip: 4 })).toMatchObject({ hasMore: false, ids: [] });
});

test('an empty page with hasMore can stand at an offset, the rows follow after it', async () => {
  const sim = await withEvents(['01', '02', '03', '04', '05'], { emptyPagesAtSkip: [2] });
  const pages = await Promise.all([0, 2, 4, 6].map((skip) => events(sim, { pageSize: 2, skip })));
  expect(pages.map((page) => page.ids.join(' '))).toEqual(['1 2', '', '3 4', '5']);
  expect(pages.map((page) => page.hasMore)).toEqual([true, true, true, false]);
});

test('pages can hold silently fewer rows than asked for, and a pageSize over 1000 can be clamped', async () => {
  const sim = await start({ history: { events: 1500 }, switches: { silentPageLimit: 100 } });
  expect(await events(sim, { pageSize: 1000 })).toMatchObject({ hasMore: true, ids: { length: 100 } });
  sim.set({ silentPageLimit: 0, pageSizeAboveMaximum: 'clamp' });
  expect((await events(sim, { pageSize: 5000 })).rows).toHaveLength(1000);
});

test('pages can shift while they are read', async () => {
  const sim = await withEvents(['01', '02', '03', '04', '05', '06']);
  sim.set({ shiftingRemove: 1 });
  expect(await idsOf(sim, { pageSize: 2 })).toBe('1 2');
  expect(await idsOf(sim, { pageSize: 2, skip: 2 })).toBe('4 5');
  sim.set({ shiftingRemove: 0, shiftingInsert: 1 });
  // Another event came before the offset: number 3 is seen once more, the new one is not.
  expect(await idsOf(sim, { pageSize: 2, skip: 2 })).toBe('3 4');
  expect(sim.issuedCount(1)).toBe(7);
  expect((await events(sim)).rows).toHaveLength(6);
});

test('a listener can change what the next page shows', async () => {
  const sim = await withEvents(['01', '02', '03', '04']);
  const stop = sim.onRequest((request) => {
    if (request.query.includes('skip=2')) sim.addEvent(1, { id: 100, created: `${T}00Z` });
  });
  expect(await idsOf(sim, { pageSize: 2, skip: 2 })).toBe('2 3');
  stop();
});

test('events older than the retention vanish, and archived sessions leave the export', async () => {
  const sim = await start({ history: { events: 200, days: 10 } });
  sim.set({ retentionDays: 5 });
  const kept = (await events(sim)).rows.length;
  expect(kept).toBeGreaterThan(60);
  expect(kept).toBeLessThan(140);
  const exported = (await ask(sim, '/export_customer_sessions')).text.trim().split('\n').length - 1;
  expect(exported).toBeLessThan((await list(sim, '/sessions')).rows.length);
});

test('the other filters of events work', async () => {
  const sim = await start({ history: { events: 400 } });
  const all = (await events(sim)).rows;
  const closed = await events(sim, { type: 'talon_session_closed,talon_session_cancelled' });
  expect(new Set(closed.rows.map((row) => row.type))).toEqual(
    new Set(['talon_session_closed', 'talon_session_cancelled']),
  );
  const effects = await events(sim, { effectType: 'setDiscount' });
  expect(effects.rows).toHaveLength(
    all.filter((row) => JSON.stringify(row).includes('"setDiscount"')).length,
  );
  const { attributes, sessionId } = closed.rows[0] as {
    attributes: { integrationId: string };
    sessionId: number;
  };
  const ofSession = await events(sim, { session: attributes.integrationId });
  expect(new Set(ofSession.rows.map((row) => row.sessionId))).toEqual(new Set([sessionId]));
  expect(await events(sim, { pageSize: 1, skip: 1, type: 'talon_session_closed' })).toMatchObject({
    hasMore: true,
  });
  for (const query of [
    { customerName: 'ada' },
    { campaignQuery: 'Campaign 204' },
    { ruleQuery: 'Welcome coupon' },
  ]) {
    const found = (await events(sim, query as Record<string, string>)).rows.length;
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(400);
  }
});

test('switches can differ between Applications, those of the server cannot', async () => {
  const sim = await start({ applications: 2, history: { events: 5 } });
  sim.set({ envelope: 'old' }, 2);
  expect((await ask(sim, '/events/no_total')).status).toBe(200);
  expect((await ask(sim, '/v1/applications/2/events/no_total')).status).toBe(404);
  expect(() => sim.set({ requestsPerSecond: 1 }, 2)).toThrow('requestsPerSecond cannot differ');
  expect(() => sim.set({ sort: 'upside' } as unknown as SwitchSettings)).toThrow();
});
