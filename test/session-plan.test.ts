import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseInstant, SECOND, seconds } from '../src/instant.js';
import { type PlanOptions, planSessions, type SessionPlan } from '../src/sync/session-plan.js';
import type { OwedSession } from '../src/warehouse/owed.js';

const NOON = parseInstant('2026-03-01T12:00:00Z') ?? 0n;
const auto: PlanOptions = { mode: 'auto', pageSize: 1000, density: undefined };

function session(id: number, secondsAfterNoon: number): OwedSession {
  const created = NOON + seconds(secondsAfterNoon);
  return { id: String(id), version: '1', eventId: '1', created, touched: created };
}

function idsOf(plan: SessionPlan): string[] {
  const listed = plan.windows.flatMap((window) => window.sessions);
  return [...listed, ...plan.byId].map((one) => one.id).sort();
}

function requestsOf(plan: SessionPlan): number {
  return plan.byId.length + plan.windows.reduce((sum, window) => sum + window.pages, 0);
}

describe('planSessions', () => {
  test('nothing owed costs nothing', () => {
    expect(planSessions([], auto)).toEqual({ windows: [], byId: [] });
  });

  test('sessions created close together are listed in one window that contains them all', () => {
    const owed = Array.from({ length: 500 }, (_, index) => session(index, index));
    const plan = planSessions(owed, auto);
    expect(plan.byId).toEqual([]);
    expect(plan.windows).toHaveLength(1);
    expect(plan.windows[0]).toMatchObject({ pages: 1 });
  });

  test('a session that stands alone is asked for by its ID, and does not widen the window of the others', () => {
    const crowd = Array.from({ length: 300 }, (_, index) => session(index, index));
    const plan = planSessions([session(9999, -90 * 86_400), ...crowd], auto);
    expect(plan.byId.map((one) => one.id)).toEqual(['9999']);
    expect(plan.windows).toHaveLength(1);
    expect(plan.windows[0]?.after).toBeGreaterThan(NOON - 10n * SECOND);
  });

  test('where lists have shown many other sessions, a few owed ones are cheaper by ID', () => {
    const owed = [session(1, 0), session(2, 3600), session(3, 7200)];
    const plan = planSessions(owed, { ...auto, density: 10 });
    expect(plan.windows).toEqual([]);
    expect(plan.byId).toHaveLength(3);
  });

  test('the demanded lane is used whatever it costs', () => {
    const owed = [session(1, 0), session(2, 86_400 * 30)];
    expect(planSessions(owed, { ...auto, mode: 'by-id' })).toEqual({ windows: [], byId: owed });
    expect(planSessions(owed, { ...auto, mode: 'list' }).byId).toEqual([]);
  });

  const owedSessions = fc
    .uniqueArray(fc.record({ id: fc.nat(1_000_000), at: fc.integer({ min: 0, max: 30_000_000 }) }), {
      selector: (one) => one.id,
      maxLength: 200,
    })
    .map((all) => all.map(({ id, at }) => session(id, at / 10)));
  const options = fc.record({
    mode: fc.constantFrom('auto' as const, 'list' as const, 'by-id' as const),
    pageSize: fc.integer({ min: 1, max: 1000 }),
    density: fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: undefined }),
  });

  test('every owed session is in the plan, once', () => {
    fc.assert(
      fc.property(owedSessions, options, (owed, chosen) => {
        expect(idsOf(planSessions(owed, chosen))).toEqual(owed.map((one) => one.id).sort());
      }),
    );
  });

  test('a plan never costs more than asking for each session by its ID', () => {
    fc.assert(
      fc.property(owedSessions, options, (owed, chosen) => {
        expect(requestsOf(planSessions(owed, { ...chosen, mode: 'auto' }))).toBeLessThanOrEqual(owed.length);
      }),
    );
  });

  test('the sessions of a window lie more than a second inside its bounds, whether those are inclusive or not', () => {
    fc.assert(
      fc.property(owedSessions, options, (owed, chosen) => {
        for (const { after, before, sessions } of planSessions(owed, chosen).windows) {
          for (const { created } of sessions) {
            expect(created - after).toBeGreaterThan(SECOND);
            expect(before - created).toBeGreaterThan(SECOND);
          }
        }
      }),
    );
  });
});
