import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Instant, SECOND, seconds } from '../src/instant.js';
import { type PlanOptions, planSessions, type SessionPlan } from '../src/sync/session-plan.js';
import { LearnedSpread, type ListedSession, type Spread } from '../src/sync/session-spread.js';
import type { OwedSession } from '../src/warehouse/owed.js';
import { instant, START } from './support/event-reading.js';

function sessionsAt(...offsets: number[]): OwedSession[] {
  return offsets.map((offset, index) => session(index, instant(START) + seconds(offset)));
}

const unknown: Spread = { rowsPerId: undefined, rowsPerSecond: undefined, idsFollowTime: undefined };
/** Only the times count. */
const byTime: Spread = { ...unknown, idsFollowTime: false };

function session(index: number, created: Instant): OwedSession {
  return { id: String(index), eventId: '1', version: '1', created, isDated: false, touched: created };
}

function plan(owed: readonly OwedSession[], options: Partial<PlanOptions> = {}): SessionPlan {
  return planSessions(owed, { mode: 'auto', pageSize: 1000, spread: byTime, ...options });
}

function range(count: number, step: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + index * step);
}

function requests({ windows, byId }: SessionPlan): number {
  return windows.reduce((sum, window) => sum + window.pages, byId.length);
}

const anySessions = fc
  .array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 200 })
  .map((offsets) => sessionsAt(...offsets));
const anyOptions = fc.record({
  pageSize: fc.integer({ min: 1, max: 1000 }),
  spread: fc.record({
    rowsPerId: fc.option(fc.double({ min: 0.001, max: 1, noNaN: true }), { nil: undefined }),
    rowsPerSecond: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
    idsFollowTime: fc.option(fc.boolean(), { nil: undefined }),
  }),
});

describe('whatever is owed', () => {
  test('each session is fetched in exactly one lane', () => {
    const modes = fc.constantFrom('auto' as const, 'by-id' as const, 'list' as const);
    fc.assert(
      fc.property(anySessions, anyOptions, modes, fc.boolean(), (owed, options, mode, mayLeave) => {
        const { windows, byId, left } = plan(owed, { ...options, mode, mayLeave });
        const planned = [...windows.flatMap((window) => window.sessions), ...byId, ...left].map(
          ({ id }) => id,
        );
        expect(planned.sort()).toEqual(owed.map(({ id }) => id).sort());
      }),
    );
  });

  test('a window holds its sessions with a second to spare at both ends, whatever its bounds mean', () => {
    fc.assert(
      fc.property(anySessions, anyOptions, (owed, options) => {
        const spread = { ...options.spread, idsFollowTime: false };
        for (const { after, before, sessions } of plan(owed, { ...options, spread, mode: 'list' }).windows) {
          for (const { created } of sessions) {
            expect(created - after >= SECOND && before - created >= SECOND).toBe(true);
          }
        }
      }),
    );
  });

  test('the plan never expects to spend more requests than one for each session', () => {
    fc.assert(
      fc.property(anySessions, anyOptions, (owed, options) => {
        expect(requests(plan(owed, options))).toBeLessThanOrEqual(owed.length);
      }),
    );
  });

  test('the order in which it is owed does not matter', () => {
    fc.assert(
      fc.property(anySessions, anyOptions, (owed, options) => {
        const windows = (sessions: readonly OwedSession[]) =>
          plan(sessions, options).windows.map(({ after, before, pages }) => [after, before, pages]);
        expect(windows([...owed].reverse())).toEqual(windows(owed));
      }),
    );
  });
});

describe('the lanes', () => {
  test('nothing owed costs nothing', () => {
    expect(plan([], { mode: 'list' })).toEqual({ windows: [], byId: [], left: [] });
  });

  test('by-id lists nothing, list asks for nothing by ID', () => {
    const owed = sessionsAt(...range(100, 1), 90_000);
    expect(plan(owed, { mode: 'by-id' })).toEqual({ windows: [], byId: owed, left: [] });
    expect(plan(owed, { mode: 'list' }).byId).toEqual([]);
  });

  test('sessions that lie close together are listed', () => {
    const { windows, byId } = plan(sessionsAt(...range(3000, 0.5)));
    expect(byId).toEqual([]);
    expect(windows).toHaveLength(1);
    expect(windows[0]?.pages).toBeLessThanOrEqual(5);
  });

  test('a session that stands alone is asked for by its ID', () => {
    const { windows, byId } = plan(sessionsAt(5));
    expect(windows).toEqual([]);
    expect(byId).toHaveLength(1);
  });

  test('of a busy stretch and sessions far from it, each goes the cheaper way', () => {
    const owed = sessionsAt(...range(500, 1), 1e6, 2e6, 3e6);
    const { windows, byId } = plan(owed);
    expect(windows.map((window) => window.sessions.length)).toEqual([500]);
    expect(byId.map(({ id }) => id)).toEqual(['500', '501', '502']);
  });

  test('two busy stretches far apart are not listed across the gap', () => {
    const { windows } = plan(sessionsAt(...range(500, 1), ...range(500, 1, 1e6)));
    expect(windows).toHaveLength(2);
  });

  test('where few of many sessions are owed, a list would bring mostly others: by ID', () => {
    // Ten a second are created, one in a thousand seconds is owed.
    const { windows, byId } = plan(sessionsAt(...range(50, 1000)), {
      spread: { ...byTime, rowsPerSecond: 10 },
    });
    expect(windows).toEqual([]);
    expect(byId).toHaveLength(50);
  });

  test('all at the same moment are one window', () => {
    const { windows } = plan(sessionsAt(...range(2500, 0)));
    expect(windows).toHaveLength(1);
    expect(windows[0]?.pages).toBe(3);
  });
});

describe('what the IDs tell', () => {
  const steps = (count: number, step: number, secondsApart: number) =>
    range(count, 1).map((index) =>
      session(1_000_000 + index * step, instant(START) + seconds(index * secondsApart)),
    );

  test('an event of today about a session of months ago does not pass for a new session', () => {
    const old = session(17, instant(START) + seconds(250));
    const { windows, byId } = plan([...steps(500, 1, 1), old], { spread: unknown });
    expect(byId).toEqual([old]);
    expect(windows.map((window) => [window.sessions.length, window.pages])).toEqual([[500, 1]]);
  });

  test('there are at most as many sessions between two of them as numbers, however long the time', () => {
    const later = range(500, 1).map((index) =>
      session(1_000_500 + index, instant(START) + seconds(1e6 + index)),
    );
    expect(plan([...steps(500, 1, 1), ...later], { spread: unknown }).windows).toMatchObject([{ pages: 2 }]);
  });

  test('where others use most of the sequence, that does not keep the first list from being tried', () => {
    expect(plan(steps(50, 2000, 1), { spread: unknown }).windows).toMatchObject([{ pages: 1 }]);
    // It has shown that all those numbers are sessions.
    const spread = { ...unknown, idsFollowTime: true, rowsPerId: 1 };
    expect(plan(steps(50, 2000, 1), { spread }).windows).toEqual([]);
  });

  test('IDs that do not grow with time tell nothing', () => {
    const owed = range(50, 1).map((index) =>
      session(((index * 37) % 50) * 2000, instant(START) + seconds(index)),
    );
    expect(plan(owed, { spread: unknown }).windows).toMatchObject([{ pages: 1 }]);
  });

  test('pages are filled: what would begin another one waits for the sessions after it', () => {
    const { windows, left } = plan(steps(2750, 1, 1), { spread: unknown, mayLeave: true });
    expect(windows).toMatchObject([{ pages: 2 }]);
    expect(left.length).toBeGreaterThanOrEqual(750);
    expect(plan(steps(2750, 1, 1), { spread: unknown }).left).toEqual([]);
  });

  test('neighbouring pages are one window when that costs no more', () => {
    const { windows } = plan([...steps(1800, 1, 1)], { spread: unknown });
    expect(windows).toMatchObject([{ pages: 2 }]);
  });
});

describe('sessions of months ago, touched again today', () => {
  const spread: Spread = { rowsPerId: 1, rowsPerSecond: 0.01, idsFollowTime: true };
  /** One every hundred seconds, long ago; today's have far higher IDs. */
  const createdOf = (id: number) => instant(START) + seconds(id * 100);
  const landmark = (id: number) => ({ id, created: createdOf(id) });
  const newest = { id: 10_000_000, created: instant(START) + seconds(2e9) };
  const touched = (...ids: number[]) =>
    ids.map((id, index) => session(id, newest.created + seconds(60 + index)));

  test('are listed between their neighbours, with the pages that hold several', () => {
    const landmarks = [100, 200, 5000, 5100, 9800, 9900].map(landmark);
    const owed = touched(5010, 5020, 9000, 150);
    const { windows, byId } = plan(owed, { spread, landmarks: [...landmarks, newest] });
    expect(windows.map(({ sessions }) => sessions.map(({ id }) => id))).toEqual([['5010', '5020']]);
    const [window] = windows;
    expect((window?.after ?? 0n) <= createdOf(5010) && (window?.before ?? 0n) >= createdOf(5020)).toBe(true);
    expect(byId.map(({ id }) => id).sort()).toEqual(['150', '9000']);
  });

  test('a page is not full of what lies in doubt: where neighbours are far, each is asked for by its ID', () => {
    // Between these two anything may have happened.
    const landmarks = [landmark(100), landmark(9000), newest];
    const { windows, byId } = plan(touched(4000, 4010), { spread, landmarks });
    expect([windows, byId.length]).toEqual([[], 2]);
  });

  test('pass for new ones neither when nothing else is owed: a stored session with a higher ID tells', () => {
    expect(plan(touched(4000, 4010), { spread, landmarks: [newest] })).toMatchObject({ windows: [] });
    expect(plan(touched(4000, 4010), { spread }).windows).toHaveLength(1);
  });

  test('when there are many, a few are asked for first, from the lowest ID to the highest', () => {
    const { windows, byId, left } = plan(touched(...range(100, 70, 1000)), { spread, landmarks: [newest] });
    expect([windows, byId.length, left.length]).toEqual([[], 10, 90]);
    expect([byId[0]?.id, byId.at(-1)?.id]).toEqual(['1000', '7930']);
  });

  test('those few place the others', () => {
    const owed = touched(...range(100, 70, 1000));
    const asked = plan(owed, { spread, landmarks: [newest] }).byId.map(({ id }) => Number(id));
    const rest = owed.filter(({ id }) => !asked.includes(Number(id)));
    const next = plan(rest, { spread, landmarks: [...asked.map(landmark), newest] });
    expect([next.byId, next.left]).toEqual([[], []]);
    expect(requests(next)).toBeLessThan(10);
  });

  test('IDs that do not follow time place nothing', () => {
    const landmarks = [100, 200, 5000, 5100].map(landmark);
    const byTimes = plan(touched(5010, 5020), { spread: byTime, landmarks: [...landmarks, newest] });
    expect(byTimes.windows[0]?.after).toBeGreaterThan(newest.created);
  });
});

describe('what a page of a list teaches', () => {
  const page = (count: number, idStep: number) =>
    range(count, 1).map((index) => ({
      id: 5 + index * idStep,
      created: instant(START) + seconds(index * 2),
    }));
  const learned = (rows: readonly ListedSession[]) => {
    const spread = new LearnedSpread();
    spread.learn(rows);
    return spread;
  };

  test.each([
    ['oldest first', page(100, 4)],
    ['newest first', page(100, 4).reverse()],
  ])('how many sessions there are for each number and each second (%s)', (_order, rows) => {
    const spread = learned(rows);
    expect(spread.idsFollowTime).toBe(true);
    expect(spread.rowsPerId).toBeCloseTo(0.25, 2);
    expect(spread.rowsPerSecond).toBeCloseTo(0.5, 1);
  });

  test('nothing, when the page is no stretch of the list but picked from it', () => {
    const rows = page(101, 4).map((_, index, all) => all[(index * 37) % 101] as ListedSession);
    expect(learned(rows)).toMatchObject({ idsFollowTime: true, rowsPerId: undefined });
  });

  test('that IDs do not follow time', () => {
    const rows = page(100, 4).map((row, index) => ({ ...row, id: (index * 37) % 100 }));
    expect(learned(rows)).toMatchObject({ idsFollowTime: false, rowsPerId: undefined });
  });

  test('nothing, when it holds but a few sessions', () => {
    expect(learned(page(5, 1)).idsFollowTime).toBeUndefined();
  });
});
