import { describe, expect, test } from 'vitest';
import { formatInstant } from '../src/instant.js';
import { ProfileSync } from '../src/sync/profiles.js';
import { SessionSync } from '../src/sync/sessions.js';
import { Warehouse } from '../src/warehouse/warehouse.js';
import type { LoggedRequest } from './simulator/request-log.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { expectEverythingStored } from './support/stored.js';
import { contextOf, startSync, TestSync } from './support/sync.js';
import { moment, useWarehouse } from './support/warehouse.js';

// Several requests of one cycle under way at a time: what becomes of them when it ends in the middle, and that nothing
// is asked for that is not paid for.

const db = useWarehouse();

const PAGE_SIZE = 50;
const EVENTS = 1500;
const skipOf = ({ query }: LoggedRequest) => Number(new URLSearchParams(query).get('skip') ?? 0);
const isEvents = ({ template }: LoggedRequest) => template?.endsWith('/events/no_total') === true;
const isLists = ({ template }: LoggedRequest) => template?.endsWith('/sessions') === true;
const isSearch = ({ template }: LoggedRequest) => template?.endsWith('/customer_search') === true;

/** Ends when so many requests that `is` wants have reached the server. */
function arrivals(sim: Simulator, is: (request: LoggedRequest) => boolean, count: number): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    const stop = sim.onRequest((request) => {
      if (is(request)) seen += 1;
      if (seen < count) return;
      stop();
      resolve();
    });
  });
}

/** Stands still, so that every answer seems slow. */
const now = () => 0;

async function behind(): Promise<TestSync> {
  return startSync(db(), {
    events: EVENTS,
    sessions: 5,
    profiles: 5,
    now,
    environment: { PAGE_SIZE: `${PAGE_SIZE}` },
  });
}

/** Events up to the cursor that are not stored. */
async function passedOver({ sim, number, applicationId }: TestSync): Promise<string[]> {
  const [cursor] = await db().rows<{ last_sync: string }>(
    `select to_char(last_sync at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as last_sync from talon_one_sync_cursor where application_id = $1`,
    applicationId,
  );
  const stored = await db().rows<{ id: string }>(
    'select event_id::text as id from talon_one_event where application_id = $1',
    applicationId,
  );
  const known = new Set(stored.map(({ id }) => id));
  const lastSync = moment(cursor?.last_sync ?? '');
  return [...sim.issuedEvents(number)]
    .filter(({ created, id }) => moment(created) <= lastSync && !known.has(id ?? ''))
    .map(({ id, created }) => `${id} of ${created}, before ${formatInstant(lastSync)}`);
}

describe('pages of events read ahead', () => {
  test('while the first of three is on its way the other two are asked for, and all is stored in the end', async () => {
    const sync = await behind();
    const hold = sync.sim.holdNext(
      (request) => isEvents(request) && request.number > 8 && skipOf(request) === 0,
    );
    const cycle = sync.cycle();
    const first = await hold.held;
    const later = () => sync.sim.requests.filter(({ number }) => number > first.number).map(skipOf);
    while (later().length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(later()).toEqual([PAGE_SIZE - 5, 2 * (PAGE_SIZE - 5)]);
    hold.release();
    expect(await cycle).toMatchObject({ outcome: 'caught-up', error: undefined });
    await expectEverythingStored(db(), sync.sim, sync.applicationId);
  });

  test.each([1, 2, 3, 4, 5, 6, 7])(
    'a crash (after page %i and some) loses nothing: the cursor is not ahead of what is stored',
    async (pages) => {
      const sync = await behind();
      let writes = 0;
      // From some moment on nothing of this process reaches Postgres.
      const dying = new (class extends Warehouse {
        override transaction: Warehouse['transaction'] = async (work, limits) => {
          if (writes > 8 + pages) throw new Error('gone');
          return super.transaction(async (client) => {
            const result = await work(client);
            writes += 1;
            return result;
          }, limits);
        };
      })({ pool: sync.warehouse.pool, schema: 'public', idleInTransactionMs: 30_000 });
      const first = new TestSync(sync.sim, db(), sync.applicationId, {
        warehouse: dying,
        now,
        environment: { PAGE_SIZE: `${PAGE_SIZE}` },
      });
      expect((await first.cycle()).outcome).toBe('failed');
      expect(sync.sim.requests.some((request) => isEvents(request) && skipOf(request) > 0)).toBe(true);
      expect(await passedOver(sync)).toEqual([]);
      await db().rows(
        'update talon_one_sync_cursor set lease_expires_at = clock_timestamp() where application_id = $1',
        sync.applicationId,
      );
      expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up', error: undefined });
      await expectEverythingStored(db(), sync.sim, sync.applicationId);
    },
  );

  test('a stop gives up all requests under way at once', async () => {
    const sync = await behind();
    const hold = sync.sim.holdNext((request) => isEvents(request) && skipOf(request) > 0);
    const controller = new AbortController();
    const cycle = sync.cycle({ signal: controller.signal });
    await hold.held;
    controller.abort();
    expect((await cycle).outcome).toBe('stopped');
    expect(await passedOver(sync)).toEqual([]);
    expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
    await expectEverythingStored(db(), sync.sim, sync.applicationId);
  });
});

describe('snapshots', () => {
  test('three searches for profiles are under way at a time, and each profile is asked for once', async () => {
    const sync = await startSync(db(), { events: 400, sessions: 10, profiles: 90 });
    const context = await sync.events();
    const hold = sync.sim.holdNext(isSearch);
    const three = arrivals(sync.sim, isSearch, 3);
    const options = { warehouse: sync.warehouse, client: sync.client, batchSize: 10, parallel: 3 };
    const run = new ProfileSync(options).run(context, () => false);
    await three;
    await hold.held;
    hold.release();
    expect(await run).toBe('nothing');
    const asked = sync.sim.requests.filter(isSearch).flatMap(({ body }) => JSON.parse(body).profileIDs);
    expect(asked.length).toBe(new Set(asked).size);
    const owed = `select count(*) from talon_one_owed_snapshot where application_id = $1 and kind = 'profile'`;
    expect(await db().value(owed, sync.applicationId)).toBe('0');
  });

  test('one that fails leaves what the other searches brought', async () => {
    const sync = await startSync(db(), { events: 400, sessions: 10, profiles: 90 });
    const context = await sync.events();
    sync.sim.addFault({ path: /customer_search/, times: 5, action: { type: 'status', status: 400 } });
    const options = { warehouse: sync.warehouse, client: sync.client, batchSize: 10, parallel: 3 };
    expect(await new ProfileSync(options).run(context, () => false)).toBe('nothing');
    const found = 'select count(*) from talon_one_profile_snapshot where application_id = $1 and found';
    expect(Number(await db().value(found, sync.applicationId))).toBe(90);
  });

  test('while nothing is known of the sessions one list is under way, then three pages of one', async () => {
    const sync = await startSync(db(), { events: 3000, sessions: 900, days: 3 });
    const context = await sync.events();
    let underWay = 0;
    const most: number[] = [];
    const client = Object.create(sync.client) as typeof sync.client;
    client.sessions = async (...request) => {
      underWay += 1;
      most.push(underWay);
      // All that are begun together have begun before one of them is sent.
      await new Promise((resolve) => setImmediate(resolve));
      try {
        return await sync.client.sessions(...request);
      } finally {
        underWay -= 1;
      }
    };
    const parts = { warehouse: sync.warehouse, client, pageSize: 50, parallel: 3, pagesAtOnce: 3 };
    expect(await new SessionSync({ ...parts, mode: 'auto' }).run(context, () => false)).toBe('nothing');
    expect(most[0]).toBe(1);
    expect(Math.max(...most)).toBe(3);
    const stored = await db().rows<{ rows: number; sessions: number }>(
      `select count(*)::int as rows, count(distinct session_id)::int as sessions
       from talon_one_session_snapshot where application_id = $1`,
      sync.applicationId,
    );
    expect(stored).toEqual([{ rows: 900, sessions: 900 }]);
    // 18 pages, and what guesses cost.
    expect(sync.sim.requests.filter(isLists).length).toBeLessThanOrEqual(26);
  });

  test('a failure of one page is the failure of the lane, once all requests have ended', async () => {
    const sync = await startSync(db(), { events: 3000, sessions: 900, days: 3 });
    const { lease } = await sync.events();
    sync.sim.addFault({
      path: /\/sessions\?/,
      after: 3,
      times: Infinity,
      action: { type: 'status', status: 500 },
    });
    const parts = {
      warehouse: sync.warehouse,
      client: sync.client,
      pageSize: 50,
      parallel: 3,
      pagesAtOnce: 3,
    };
    const run = new SessionSync({ ...parts, mode: 'list' }).run(contextOf(lease), () => false);
    await expect(run).rejects.toMatchObject({ status: 500 });
  });
});
