import { describe, expect, test } from 'vitest';
import { findDifferences, findHalfStored } from './support/copy-audit.js';
import type { Daemon } from './support/daemon.js';
import { deploy } from './support/deployment.js';
import { openTransaction, waitUntilBlocked } from './support/open-transaction.js';
import type { TestDatabase } from './support/postgres.js';
import { waitFor, waitUntilNothingWrong } from './support/wait.js';

const API = '/v1/applications/{applicationId}';
const EVENTS = `${API}/events/no_total`;
const LEASE_SECONDS = 2;

describe('a replica that was stopped (SIGSTOP) beyond its lease', () => {
  test('writes not one row of the page it holds, and carries on properly afterwards', async (context) => {
    const { simulator, database, start } = await deploy(context);
    const isPage = ({ template }: { template: string | null }) => template === EVENTS;
    const firstPage = simulator.holdNext(isPage);
    const sleeper = start(['run']);
    await firstPage.held;
    sleeper.send('SIGSTOP');
    const old = await readCursor(database);
    // The other one takes over and gets no further than to its own first page.
    const otherPage = simulator.holdNext(isPage);
    const other = start(['run']);
    await otherPage.held;
    const now = await readCursor(database);
    expect(now.fence).toBeGreaterThan(old.fence);
    expect(now.owner).not.toBe(old.owner);

    // Woken with an answer that nobody else has stored.
    firstPage.release();
    sleeper.send('SIGCONT');
    const lost = await sleeper.waitForLine('lease lost to another replica');
    expect(lost).toMatchObject({ eventsNew: 0, fence: String(old.fence) });
    expect(await countRows(database)).toEqual({ events: 0, effects: 0, owed: 0 });

    otherPage.release();
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    await other.end('SIGKILL');
    simulator.emit(1, 25);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    expect(await sleeper.waitForLine('cycle finished', ({ eventsNew }) => eventsNew === 25)).toBeDefined();
  });

  test('in the middle of a transaction: Postgres rolls it back and another one takes over', async (context) => {
    const { simulator, database, start } = await deploy(context);
    const hold = simulator.holdNext(({ template }) => template === EVENTS);
    const sleeper = start(['run']);
    await hold.held;
    // The page has locked the cursor row, and its rows are written while the daemon is stopped.
    const lock = await openTransaction(context, database, 'lock table talon_one_owed_snapshot');
    hold.release();
    await waitUntilBlocked(database, 'insert into talon_one_event');
    sleeper.send('SIGSTOP');
    const old = await readCursor(database);
    await lock.release();

    start(['run']);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    expect((await readCursor(database)).fence).toBeGreaterThan(old.fence);
    sleeper.send('SIGCONT');
    await waitFor('the end of the old cycle', () =>
      sleeper.lines.some(({ msg }) => msg === 'cycle failed' || msg === 'lease lost to another replica'),
    );
    expect(await findHalfStored(simulator, database)).toEqual([]);
    simulator.emit(1, 25);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
  });
});

describe('two replicas on three Applications', () => {
  test('each Application is written by one at a time, and all are complete', async (context) => {
    // Slow answers and small pages make the first cycles longer than the courtesy between replicas.
    const { simulator, database, start } = await deploy(context, {
      applications: 3,
      switches: { responseDelayMs: 200 },
    });
    const common = { PAGE_SIZE: '20' };
    // Each has one Application for itself, and they compete for the third.
    const replicas = ['1,2', '2,3'].map((ids) =>
      start(['run'], { env: { ...common, TALON_ONE_APPLICATION_IDS: ids } }),
    );
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    simulator.set({ responseDelayMs: 0 });
    for (let round = 1; round <= 3; round += 1) {
      for (const id of simulator.applicationIds) simulator.emit(id, 10);
      await waitUntilNothingWrong(() => findDifferences(simulator, database));
    }
    const cycles = await readCycles(database);
    expect(overlapping(cycles)).toEqual([]);
    expect(new Set(cycles.map(({ outcome }) => outcome))).toEqual(new Set(['caught-up']));
    for (const replica of replicas) expect(replica.linesOf('cycle finished').length).toBeGreaterThan(0);
  });

  test('after kill -9 of one the other has its Applications within two lease times', async (context) => {
    const { simulator, database, start } = await deploy(context, { applications: 3 });
    const leaseSeconds = 3;
    const env = { LEASE_SECONDS: String(leaseSeconds) };
    const replicas = [start(['run'], { env }), start(['run'], { env })];
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    // It dies with a cycle under way, so its lease has to run out.
    const { applicationId } = await simulator.holdNext(({ template }) => template === EVENTS).held;
    const { owner } = await readCursor(database, applicationId ?? 0);
    const names = await Promise.all(replicas.map(nameOf));
    const victim = replicas[names.indexOf(owner)];
    const heir = names.find((name) => name !== owner);
    await victim?.end('SIGKILL');
    const killedAt = await databaseClock(database);
    for (const id of simulator.applicationIds) simulator.emit(id, 10);
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    const cycles = await readCycles(database);
    for (const id of simulator.applicationIds) {
      const next = cycles.find((cycle) => cycle.applicationId === id && cycle.startedAt > killedAt);
      expect(next?.owner).toBe(heir);
      expect(next?.startedAt).toBeLessThanOrEqual(killedAt + 2 * leaseSeconds);
    }
    expect(overlapping(cycles)).toEqual([]);
  });
});

describe('two daemons with the same key', () => {
  test('together never send more requests in any second than are allowed, whatever the network does', async (context) => {
    const { simulator, database, start } = await deploy(context, {
      applications: 2,
      history: { events: 120, sessions: 12 },
      switches: { requestsPerSecond: 3, requestJitterMs: 300, responseJitterMs: 300 },
    });
    const daemons = simulator.applicationIds.map((id) =>
      start(['run'], {
        env: { REQUESTS_PER_SECOND: '3', PAGE_SIZE: '20', TALON_ONE_APPLICATION_IDS: String(id) },
      }),
    );
    await waitUntilNothingWrong(() => findDifferences(simulator, database));
    for (const daemon of daemons) {
      await daemon.waitForLine('cycle finished', ({ eventsNew }) => eventsNew === 120);
    }
    expect(simulator.tooManyRequests).toBe(0);
    const { templates } = simulator.maxInAnySecond();
    expect(Object.entries(templates).filter(([, peak]) => peak > 3)).toEqual([]);
  });
});

describe('two daemons and an export with the same key', () => {
  test('share what is allowed: the export goes on to its end, and new events are stored all the while', async (context) => {
    const OLD_EVENTS = 120;
    const { simulator, database, start } = await deploy(context, {
      applications: 2,
      history: { events: OLD_EVENTS },
      switches: { requestsPerSecond: 3 },
    });
    // What is older is for the export alone.
    const env = { REQUESTS_PER_SECOND: '3', SYNC_START: simulator.now() };
    const daemons = [start(['run'], { env }), start(['run'], { env })];
    let emitted = 0;
    const storeNewest = async (): Promise<number> => {
      const emittedAt = performance.now();
      for (const id of simulator.applicationIds) emitted += simulator.emit(id, 1).length;
      await waitFor('the new events to be stored', async () => {
        const [row] = await database.query<{ count: number }>(
          'select count(*)::int as count from talon_one_event',
        );
        return row?.count === emitted;
      });
      return performance.now() - emittedAt;
    };
    await storeNewest();
    for (const daemon of daemons) await daemon.waitForLine('cycle finished');
    const options = ['--application', '1', '--source', 'api', '--format', 'ndjson', '--output', '-'];
    const run = start(['export', 'events', ...options], { env: { ...env, PAGE_SIZE: '40' } });
    let isOver = false;
    void run.ended.then(() => {
      isOver = true;
    });
    const stalenessMs: number[] = [];
    while (!isOver) stalenessMs.push(await storeNewest());

    expect(await run.ended, run.describe()).toEqual({ code: 0, signal: null });
    expect(run.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(OLD_EVENTS);
    expect(stalenessMs.length).toBeGreaterThan(1);
    // Some hundred milliseconds as a rule; in the queue of a back-fill it would be as long as the export takes.
    expect(Math.max(...stalenessMs)).toBeLessThan(20_000);
    expect(simulator.tooManyRequests).toBe(0);
    const { templates } = simulator.maxInAnySecond();
    expect(Object.entries(templates).filter(([, peak]) => peak > 3)).toEqual([]);
  });
});

describe('daemons whose clocks are an hour off', () => {
  test.for([
    [1, -1],
    [-1, 1],
  ] as const)(
    'leases exclude all the same (holder %i h, other %i h), and the copy is right',
    async ([holderHours, otherHours], context) => {
      const { simulator, database, start } = await deploy(context, { applications: 2 });
      const hold = simulator.holdNext(({ template }) => template === EVENTS);
      start(['run'], { preload: [shiftClock(holderHours)], env: { TALON_ONE_APPLICATION_IDS: '1' } });
      await hold.held;
      const held = await readCursor(database, 1);
      const other = start(['run'], { preload: [shiftClock(otherHours)] });
      await other.waitForLine('cycle finished', ({ applicationId }) => applicationId === 2);
      await waitFor('a lease that has been renewed for longer than it lasts', async () => {
        const { expiresAt } = await readCursor(database, 1);
        return expiresAt > held.expiresAt + LEASE_SECONDS;
      });
      expect(await readCursor(database, 1)).toMatchObject({ fence: held.fence, owner: held.owner });

      hold.release();
      await waitUntilNothingWrong(() => findDifferences(simulator, database));
      for (const id of simulator.applicationIds) simulator.emit(id, 10);
      await waitUntilNothingWrong(() => findDifferences(simulator, database));
      expect(overlapping(await readCycles(database))).toEqual([]);
      const [row] = await database.query(
        `select bool_and(complete_through <= $1) as not_ahead, bool_and(complete_through > $1::timestamptz - interval '30 min') as not_behind
       from talon_one_sync_cursor`,
        [simulator.now()],
      );
      expect(row).toEqual({ not_ahead: true, not_behind: true });
    },
  );
});

function shiftClock(hours: number): URL {
  return new URL(`./support/clock-shift.mjs?ms=${hours * 3_600_000}`, import.meta.url);
}

/** What the cursor rows call this process. */
async function nameOf(daemon: Daemon): Promise<string> {
  return String((await daemon.waitForLine('starting')).owner);
}

interface Cursor {
  fence: number;
  owner: string;
  /** Seconds since 1970, as all times here. */
  expiresAt: number;
}

async function readCursor(database: TestDatabase, applicationId = 1): Promise<Cursor> {
  const [row] = await database.query<{ fence: number; owner: string; expiresAt: number }>(
    `select fence::int, lease_owner as owner, extract(epoch from lease_expires_at)::float8 as "expiresAt"
     from talon_one_sync_cursor where application_id = $1`,
    [applicationId],
  );
  if (!row) throw new Error(`Application ${applicationId} has no cursor`);
  return row;
}

interface Cycle {
  applicationId: number;
  fence: number;
  owner: string;
  outcome: string;
  startedAt: number;
  finishedAt: number;
}

/** All cycles so far, those of each Application in the order in which they were given the right to write. */
async function readCycles(database: TestDatabase): Promise<Cycle[]> {
  return database.query<Cycle & { [column: string]: unknown }>(
    `select application_id::int as "applicationId", fence::int, owner, outcome,
       extract(epoch from started_at)::float8 as "startedAt", extract(epoch from finished_at)::float8 as "finishedAt"
     from talon_one_sync_cycle order by application_id, fence`,
  );
}

/** Pairs of cycles of the same Application that ran at the same time. */
function overlapping(cycles: readonly Cycle[]): [Cycle, Cycle][] {
  return cycles.flatMap((cycle, index): [Cycle, Cycle][] => {
    const next = cycles[index + 1];
    const isOverlap = next?.applicationId === cycle.applicationId && next.startedAt < cycle.finishedAt;
    return isOverlap ? [[cycle, next]] : [];
  });
}

async function databaseClock(database: TestDatabase): Promise<number> {
  const [row] = await database.query<{ now: number }>(
    'select extract(epoch from clock_timestamp())::float8 as now',
  );
  return row?.now ?? 0;
}

async function countRows(database: TestDatabase): Promise<unknown> {
  const [row] = await database.query(`select
    (select count(*)::int from talon_one_event) as events, (select count(*)::int from talon_one_effect) as effects,
    (select count(*)::int from talon_one_owed_snapshot) as owed`);
  return row;
}
