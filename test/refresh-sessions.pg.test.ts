import { expect, test } from 'vitest';
import { BY_ID, changeSession, copied, idOf, LIST, sessionRows, walk } from './support/refreshing.js';
import { startSync, TestSync } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

test('open ones are read again by lists where that is cheaper, closed ones are not', async () => {
  const sync = await copied(db(), 30);
  sync.sim.addEvents(
    sync.number,
    [1, 2].map((number) => ({ type: 'talon_session_closed', sessionId: idOf(sync, number) })),
  );
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const before = await sessionRows(sync);
  changeSession(sync, 1, /"coupon":"[^"]*"/, '"coupon":"NEW"');
  changeSession(sync, 9, /"coupon":"[^"]*"/, '"coupon":"NEW"');
  sync.sim.resetStatistics();
  expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 28, changed: 1, gone: 0, failed: [] });
  expect((await sessionRows(sync)).slice(before.length)).toMatchObject([
    { id: String(idOf(sync, 9)), found: true, event_id: null },
  ]);
  expect(sync.requests(LIST)).toBe(1);
  expect(sync.requests(/./)).toBe(1);
});

test.each([
  ['by-id', 'list'],
  ['list', 'by-id'],
  ['export', 'list'],
  ['export', 'by-id'],
] as const)(
  'stored by %s, read again by %s: what the lanes send differently is no change',
  async (stored, again) => {
    const sync = await startSync(db(), {
      events: 60,
      sessions: 40,
      environment: { SESSION_SNAPSHOT_SOURCE: stored },
    });
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    const before = await sessionRows(sync);
    const open = before.filter(({ payload }) => payload?.includes('"state": "open"'));
    expect(new Set(open.map(({ source }) => source))).toEqual(new Set([stored]));
    const environment = { SESSION_SNAPSHOT_SOURCE: again };
    const other = new TestSync(sync.sim, db(), sync.applicationId, { environment });
    sync.sim.resetStatistics();
    const newest = Number(
      await db().value(
        `select count(*) from talon_one_session where application_id = $1 and state = 'open'`,
        sync.applicationId,
      ),
    );
    expect(newest).toBeGreaterThan(5);
    expect(await walk(other, 'sessions')).toMatchObject({
      refreshed: newest,
      changed: 0,
      gone: 0,
      failed: [],
    });
    expect(sync.requests(again === 'list' ? LIST : BY_ID)).toBeGreaterThan(0);
    expect(await sessionRows(sync)).toEqual(before);
    // A state that an event would have told, had it not been lost.
    const id = await db().value(
      `select max(session_id) from talon_one_session where application_id = $1 and state = 'open'`,
      sync.applicationId,
    );
    const text =
      sync.sim.sessionText(sync.number, id ?? '')?.replace('"state":"open"', '"state":"closed"') ?? '';
    sync.sim.setSessionPayload(sync.number, id ?? '', text);
    expect(await walk(other, 'sessions')).toMatchObject({ changed: 1 });
    expect(await walk(other, 'sessions')).toMatchObject({ refreshed: newest - 1, changed: 0 });
  },
);

test('one that the API does not know any more becomes one snapshot, and is not asked for again', async () => {
  const sync = await copied(db(), 4);
  const before = await sessionRows(sync);
  sync.sim.removeSession(sync.number, idOf(sync, 3));
  expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 4, changed: 0, gone: 1 });
  expect((await sessionRows(sync)).slice(before.length)).toMatchObject([
    { id: String(idOf(sync, 3)), found: false, payload: null, event_id: null },
  ]);
  expect(await walk(sync, 'sessions')).toMatchObject({ refreshed: 3, gone: 0 });
});
