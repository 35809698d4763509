import { describe, expect, test } from 'vitest';
import type { CycleContext } from '../src/sync/cycle-context.js';
import type { Leftover } from '../src/sync/leftover.js';
import { SessionSync, type SessionSyncOptions } from '../src/sync/sessions.js';
import type { FaultAction } from './simulator/fault-rules.js';
import type { HistoryOptions } from './simulator/options.js';
import { clientFor } from './support/management-client.js';
import { type SyncOptions, startSync, type TestSync, testLog } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

const LIST = /GET .*\/sessions$/;
const EXPORT = /export_customer_sessions$/;
const BY_ID = /GET .*\/sessions\/\{sessionId\}$/;

type Mode = SessionSyncOptions['mode'];

interface Prepared {
  readonly sync: TestSync;
  readonly context: CycleContext;
  run(mode: Mode, options?: Partial<SessionSyncOptions>): Promise<Leftover>;
}

/** Events are stored, their sessions owed. */
async function prepare(options: HistoryOptions & SyncOptions): Promise<Prepared> {
  const sync = await startSync(db(), options);
  const context = await sync.events();
  const run = (mode: Mode, given: Partial<SessionSyncOptions> = {}) => {
    const parts = { warehouse: db().warehouse, client: sync.client, pageSize: 1000, parallel: 3, ...given };
    return new SessionSync({ ...parts, mode }).run(context, () => false);
  };
  return { sync, context, run };
}

async function owedIds(sync: TestSync): Promise<string[]> {
  const rows = await db().rows<{ id: string }>(
    `select id::text from talon_one_owed_snapshot where application_id = $1 and kind = 'session' order by id`,
    sync.applicationId,
  );
  return rows.map((row) => row.id);
}

interface StoredSession extends Record<string, unknown> {
  id: string;
  found: boolean;
  source: string;
  payload: string | null;
  total_discounts: string | null;
}

async function stored(sync: TestSync): Promise<StoredSession[]> {
  return db().rows<StoredSession>(
    `select session_id::text as id, found, source, payload::text, total_discounts::text
     from talon_one_session_snapshot where application_id = $1 order by session_id, fetched_at`,
    sync.applicationId,
  );
}

test('by ID: one request each, payload and columns as the API holds them, the true total of discounts', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  const owed = await owedIds(sync);
  expect(await run('by-id')).toBe('nothing');
  expect([sync.requests(BY_ID), sync.requests(LIST)]).toEqual([25, 0]);
  const sessions = await stored(sync);
  expect(sessions.map((session) => session.id)).toEqual(owed);
  for (const session of sessions) {
    const text = sync.sim.sessionText(sync.number, session.id);
    expect(await db().value('$1::jsonb = $2::jsonb', session.payload, text)).toBe('true');
    expect(await db().value(`$1::jsonb ->> 'totalDiscounts'`, text)).toBe(session.total_discounts);
  }
  expect(sessions.some((session) => Number(session.total_discounts) > 0)).toBe(true);
  const [columns] = await db().rows(
    `select bool_and(total::text = payload ->> 'total') as total, bool_and(state = payload ->> 'state') as state,
       bool_and(integration_id = payload ->> 'integrationId') as integration_id,
       bool_and(session_created = (payload ->> 'created')::timestamptz) as created,
       bool_and(coalesce(profile_id, 0) = coalesce((payload ->> 'profileId')::bigint, 0)) as profile
     from talon_one_session_snapshot where application_id = $1`,
    sync.applicationId,
  );
  expect(columns).toEqual({ total: true, state: true, integration_id: true, created: true, profile: true });
  expect(await owedIds(sync)).toEqual([]);
});

test('by list: a page serves many, and its total of discounts, always 0 there, is NULL in the column', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  expect(await run('list')).toBe('nothing');
  expect([sync.requests(BY_ID), sync.requests(LIST)]).toEqual([0, 1]);
  const sessions = await stored(sync);
  expect(sessions).toHaveLength(25);
  for (const session of sessions) {
    expect(session).toMatchObject({ source: 'list', total_discounts: null, found: true });
    expect(JSON.parse(session.payload ?? '')).toMatchObject({ totalDiscounts: 0 });
  }
  expect(await owedIds(sync)).toEqual([]);
});

test('by list: pages follow each other to the end of the window', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  expect(await run('list', { pageSize: 10 })).toBe('nothing');
  expect([sync.requests(BY_ID), sync.requests(LIST)]).toEqual([0, 3]);
  expect(await stored(sync)).toHaveLength(25);
});

test('by export: one file serves all, as exact as the other lanes; what it does not hold is asked for by ID', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  const [gone = '', ...owed] = await owedIds(sync);
  sync.sim.removeSession(sync.number, gone);
  expect(await run('export')).toBe('nothing');
  expect([sync.requests(EXPORT), sync.requests(BY_ID), sync.requests(LIST)]).toEqual([1, 1, 0]);
  const sessions = await stored(sync);
  expect(sessions[0]).toMatchObject({ id: gone, found: false, source: 'by-id' });
  expect(sessions.slice(1).map((session) => session.id)).toEqual(owed);
  for (const session of sessions.slice(1)) {
    expect(session).toMatchObject({ found: true, source: 'export', total_discounts: null });
    const text = sync.sim.sessionText(sync.number, session.id);
    for (const field of ['attributes', 'cartItems', 'total', 'state', 'integrationId']) {
      expect(await db().value('($1::jsonb -> $3) = ($2::jsonb -> $3)', session.payload, text, field)).toBe(
        'true',
      );
    }
  }
  expect(await owedIds(sync)).toEqual([]);
});

test.each<Mode>(['list', 'auto'])('what a list (%s) does not bring is asked for by ID', async (mode) => {
  const sync = await startSync(db());
  // Sessions that began long before their first stored event: no list of these days holds them.
  for (let id = 1; id <= 12; id += 1) {
    const old = id % 4 === 0 ? '2020-01-01T00:00:00Z' : undefined;
    if (old) sync.sim.addEvent(sync.number, { id: 900 + id, sessionId: id, created: old, visibleInMs: 0 });
    sync.sim.addEvent(sync.number, { sessionId: id });
  }
  for (const id of [904, 908, 912]) sync.sim.removeEvent(sync.number, id);
  const context = await sync.events();
  const parts = { warehouse: db().warehouse, client: sync.client, pageSize: 1000, parallel: 3 };
  expect(await new SessionSync({ ...parts, mode }).run(context, () => false)).toBe('nothing');
  const bySource = (source: string) =>
    stored(sync).then((rows) => rows.filter((row) => row.source === source));
  expect((await bySource('by-id')).map((row) => row.id)).toEqual(['4', '8', '12']);
  expect(await bySource('list')).toHaveLength(9);
  expect((await stored(sync)).every((row) => row.found)).toBe(true);
});

test('at equal cost a session is asked for by its ID, the only lane with the true total of discounts', async () => {
  const { sync, run } = await prepare({ events: 3, sessions: 1 });
  expect(await run('auto')).toBe('nothing');
  const [session] = await stored(sync);
  expect(session).toMatchObject({ source: 'by-id', total_discounts: expect.any(String) });
});

describe('auto never spends more requests than one for each session', () => {
  test.each([
    ['dense', { events: 300, sessions: 100, days: 0.01 }],
    ['spread over a month', { events: 300, sessions: 100, days: 30 }],
    ['spread over a year', { events: 60, sessions: 20, days: 365 }],
    ['few', { events: 4, sessions: 2, days: 1 }],
  ])('%s', async (_name, history) => {
    for (const pageSize of [1000, 10]) {
      const { sync, run } = await prepare(history);
      expect(await run('auto', { pageSize })).toBe('nothing');
      expect(await stored(sync)).toHaveLength(history.sessions);
      expect(sync.requests(BY_ID) + sync.requests(LIST)).toBeLessThanOrEqual(history.sessions);
    }
  });

  test('also when only a few of many sessions are owed', async () => {
    const { sync, context } = await prepare({ events: 900, sessions: 400, days: 2 });
    const parts = { warehouse: db().warehouse, client: sync.client, pageSize: 50, parallel: 3 };
    const sessions = new SessionSync({ ...parts, mode: 'auto' });
    // The first lists show how many sessions there are in a stretch of time.
    expect(await sessions.run(context, () => false)).toBe('nothing');
    sync.sim.resetStatistics();
    sync.sim.emit(sync.number, 6);
    await sync.events();
    const owed = await owedIds(sync);
    expect(await sessions.run(context, () => false)).toBe('nothing');
    expect(await owedIds(sync)).toEqual([]);
    expect(sync.requests(BY_ID) + sync.requests(LIST)).toBeLessThanOrEqual(owed.length);
  });

  test('also after a start: the stored sessions tell how many there are', async () => {
    const { sync, run } = await prepare({ events: 900, sessions: 400, days: 2 });
    expect(await run('list')).toBe('nothing');
    const thirtieth = `insert into talon_one_owed_snapshot (kind, application_id, id, event_id, first_created)
      select 'session', $1, id, 1, created from (
        select session_id as id, session_created as created, row_number() over (order by session_id) as place
        from talon_one_session_snapshot where application_id = $1
      ) as known where place % 30 = 0`;
    await db().rows(thirtieth, sync.applicationId);
    sync.sim.resetStatistics();
    expect(await run('auto', { pageSize: 20 })).toBe('nothing');
    expect([sync.requests(LIST), sync.requests(BY_ID)]).toEqual([0, 13]);
  });

  test('and at most one more when nothing is known yet of how many sessions there are', async () => {
    const { sync, run } = await prepare({ events: 900, sessions: 400, days: 2 });
    expect(await run('auto', { pageSize: 50 })).toBe('nothing');
    sync.sim.resetStatistics();
    sync.sim.emit(sync.number, 6);
    await sync.events();
    const owed = await owedIds(sync);
    expect(await run('auto', { pageSize: 50 })).toBe('nothing');
    expect(sync.requests(BY_ID) + sync.requests(LIST)).toBeLessThanOrEqual(owed.length + 1);
  });
});

test.each<Mode>(['by-id', 'list', 'auto', 'export'])(
  'a session that the API does not know (%s) is stored as not found and settled',
  async (mode) => {
    const { sync, run } = await prepare({ events: 30, sessions: 12 });
    const [first = '', second = ''] = await owedIds(sync);
    for (const id of [first, second]) sync.sim.removeSession(sync.number, id);
    expect(await run(mode)).toBe('nothing');
    const sessions = await stored(sync);
    expect(sessions).toHaveLength(12);
    const missing = sessions.filter((session) => !session.found);
    expect(missing.map(({ id, payload, source }) => [id, payload, source])).toEqual([
      [first, null, 'by-id'],
      [second, null, 'by-id'],
    ]);
    expect(await owedIds(sync)).toEqual([]);
  },
);

test('a session that always fails does not hold up the others and stays owed', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  const owed = await owedIds(sync);
  const bad = owed[7] ?? '';
  const fault = sync.sim.addFault({
    path: `/v1/applications/${sync.number}/sessions/${bad}`,
    times: Infinity,
    action: { type: 'status', status: 500 },
  });
  expect(await run('by-id', { parallel: 1 })).toBe('failed');
  expect((await stored(sync)).map((session) => session.id)).toEqual(owed.filter((id) => id !== bad));
  expect(await owedIds(sync)).toEqual([bad]);
  fault.remove();
  expect(await run('by-id')).toBe('nothing');
  expect(await owedIds(sync)).toEqual([]);
});

test('sessions that fail are asked for last the next time: they cannot keep the others from their turn', async () => {
  const { sync, context } = await prepare({ events: 60, sessions: 25 });
  const oldest = await db().rows<{ id: string }>(
    `select id::text from talon_one_owed_snapshot where application_id = $1 and kind = 'session' order by first_created limit 3`,
    sync.applicationId,
  );
  const bad = oldest.map((row) => row.id);
  for (const id of bad) {
    const path = `/v1/applications/${sync.number}/sessions/${id}`;
    sync.sim.addFault({ path, times: Infinity, action: { type: 'status', status: 500 } });
  }
  const parts = { warehouse: db().warehouse, client: sync.client, pageSize: 1000, parallel: 1 };
  const sessions = new SessionSync({ ...parts, mode: 'by-id' });
  await expect(sessions.run(context, () => false)).rejects.toMatchObject({ status: 500 });
  await expect(sessions.run(context, () => false)).rejects.toMatchObject({ status: 500 });
  expect(await stored(sync)).toHaveLength(22);
  expect(new Set(await owedIds(sync))).toEqual(new Set(bad));
});

test('a session that the API refuses for good goes to the quarantine while others are answered', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  const [bad = ''] = await owedIds(sync);
  const path = `/v1/applications/${sync.number}/sessions/${bad}`;
  sync.sim.addFault({ path, times: Infinity, action: { type: 'status', status: 410 } });
  expect(await run('by-id')).toBe('nothing');
  expect(await owedIds(sync)).toEqual([]);
  expect((await stored(sync)).find((session) => session.id === bad)).toMatchObject({
    found: true,
    payload: null,
  });
  const refused = await db().rows(
    'select kind, raw, reason from talon_one_quarantine where application_id = $1',
    sync.applicationId,
  );
  expect(refused).toEqual([
    { kind: 'session', raw: `{"id":${bad}}`, reason: expect.stringContaining('410') },
  ]);
});

test('when the API refuses every session, none goes to the quarantine', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  sync.sim.addFault({ path: /\/sessions\/\d+/, times: Infinity, action: { type: 'status', status: 410 } });
  await expect(run('by-id')).rejects.toMatchObject({ status: 410 });
  expect(await owedIds(sync)).toHaveLength(25);
  const refused = 'select count(*) from talon_one_quarantine where application_id = $1';
  expect(await db().value(refused, sync.applicationId)).toBe('0');
});

test('when every session fails, the trouble is not theirs: the lane gives up soon and all stay owed', async () => {
  const { sync, run } = await prepare({ events: 60, sessions: 25 });
  sync.sim.addFault({ path: /\/sessions\/\d+/, times: Infinity, action: { type: 'status', status: 500 } });
  await expect(run('by-id', { parallel: 1 })).rejects.toMatchObject({ status: 500 });
  // Three sessions with all their attempts.
  expect(sync.requests(BY_ID)).toBe(15);
  expect(await owedIds(sync)).toHaveLength(25);
});

test('a refused key ends the fetching at once and everything stays owed', async () => {
  const path = '/v1/applications/{applicationId}/sessions/{sessionId}';
  const { sync, run } = await prepare({
    events: 60,
    sessions: 25,
    simulator: { switches: { forbidden: { [path]: 401 } } },
  });
  await expect(run('by-id', { parallel: 1 })).rejects.toMatchObject({ status: 401 });
  expect(sync.requests(BY_ID)).toBe(1);
  expect(await owedIds(sync)).toHaveLength(25);
});

test('an answer about another session is put aside, not stored under the ID that was asked for', async () => {
  const { sync, run } = await prepare({ events: 9, sessions: 3 });
  const [first = '', second = ''] = await owedIds(sync);
  sync.sim.setSessionPayload(sync.number, first, sync.sim.sessionText(sync.number, second) ?? '');
  expect(await run('by-id')).toBe('nothing');
  const row = (await stored(sync)).find((session) => session.id === first);
  expect(row).toMatchObject({ found: true, payload: null });
  const reason = 'select reason from talon_one_quarantine where application_id = $1';
  expect(await db().value(reason, sync.applicationId)).toBe(`id: is not ${first}, which was asked for`);
});

describe('a session list that fails', () => {
  const FAILURES = [
    ['504', { type: 'status', status: 504 } as const],
    ['larger than can be read', { type: 'hugeBody' } as const],
    ['500', { type: 'status', status: 500 } as const],
    ['no JSON', { type: 'html200' } as const],
  ] as const;
  const LISTS = '/v1/applications/{applicationId}/sessions';

  async function prepareFailing(action: FaultAction, above = 0) {
    const prepared = await prepare({ events: 60, sessions: 25 });
    const { sync } = prepared;
    sync.sim.addFault({ path: LISTS, above, times: Infinity, action });
    const client = clientFor(sync.sim, { maxBodyBytes: 1_000_000 });
    return { ...prepared, client };
  }

  test.each(FAILURES)(
    'does not stop the sessions (auto, %s): they are asked for by ID',
    async (_, action) => {
      const { sync, run, client } = await prepareFailing(action);
      expect(await run('auto', { client })).toBe('nothing');
      expect((await stored(sync)).map(({ source }) => source)).toEqual(Array(25).fill('by-id'));
      expect(await owedIds(sync)).toEqual([]);
      // Twice where less of it might have passed, else all attempts of one request.
      expect(sync.requests(LIST)).toBeLessThanOrEqual(5);
    },
  );

  test('is not begun again by the runs that follow, until many sessions have come by ID', async () => {
    const { sync, client, context } = await prepareFailing({ type: 'status', status: 504 });
    const parts = { warehouse: db().warehouse, client, pageSize: 1000, parallel: 3 };
    const sessions = new SessionSync({ ...parts, mode: 'auto' });
    expect(await sessions.run(context, () => false)).toBe('nothing');
    expect(sync.requests(LIST)).toBe(2);
    sync.sim.clearFaults();
    sync.sim.emit(sync.number, 40);
    await sync.events();
    expect(await sessions.run(context, () => false)).toBe('nothing');
    expect(sync.requests(LIST)).toBe(2);
  });

  test.each<Mode>(['list', 'auto'])('above a number of rows is read in smaller pages (%s)', async (mode) => {
    const { sync, run, client } = await prepareFailing({ type: 'status', status: 504 }, 20);
    expect(await run(mode, { client, pageSize: 40 })).toBe('nothing');
    expect((await stored(sync)).map(({ source }) => source)).toEqual(Array(25).fill('list'));
    expect(sync.requests(LIST)).toBe(3);
  });

  test.each(FAILURES.slice(0, 3))('fails the run where only lists are allowed (%s)', async (name, action) => {
    const { sync, run, client } = await prepareFailing(action);
    const error = await run('list', { client }).catch((reason: unknown) => reason);
    expect(error, name).toMatchObject({ endpoint: `GET ${LISTS}` });
    expect(await owedIds(sync)).toHaveLength(25);
  });

  test('for the key alone fails the run: nobody may take it for a slow server', async () => {
    const switches = { forbidden: { [LISTS]: 403 as const } };
    const { sync, run } = await prepare({ events: 60, sessions: 25, simulator: { switches } });
    await expect(run('auto')).rejects.toMatchObject({ status: 403 });
    expect(sync.requests(LIST)).toBe(1);
  });
});

test('that sessions cannot be listed is said once, as long as lists are not tried again', async () => {
  const { log, lines } = testLog();
  const { sync, run } = await prepare({ events: 60, sessions: 25, log });
  const path = '/v1/applications/{applicationId}/sessions';
  sync.sim.addFault({ path, times: Infinity, action: { type: 'status', status: 504 } });
  await run('auto');
  const msg = 'sessions cannot be listed, they are asked for by ID';
  expect(lines.filter((line) => line.msg === msg)).toMatchObject([{ level: 'info', err: { status: 504 } }]);
});
