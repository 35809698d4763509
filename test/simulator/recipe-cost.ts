import type { SimulatedApplication } from './application.js';
import type { Micros } from './timestamp.js';
import { SECOND } from './timestamp.js';

export interface RecipeCost {
  cycles: number;
  pages: number;
  profiles: number;
  sessions: number;
  total: number;
}

/**
 * What the published recipe, read literally, would have spent on the events issued so far. It lists events in pages of
 * 1000, at least one page a cycle, and then fetches each profile and each session that they name with one request:
 *
 *   cost of a cycle = max(1, ceil(events / 1000)) + distinct profiles + distinct sessions
 *
 * The history is one cycle, however long. Live events fall into cycles of `cycleSeconds` by when they became visible.
 */
export function recipeCost(
  application: SimulatedApplication,
  cycleSeconds: number,
  startedAt: Micros,
): RecipeCost {
  const { events } = application;
  const elapsed = Math.max(0, application.now() - startedAt);
  const cycles = 1 + Math.ceil(elapsed / (cycleSeconds * SECOND));
  const perCycle = new Map<number, number>();
  const profiles = new DistinctPerCycle();
  const sessions = new DistinctPerCycle();
  for (let position = 0; position < events.byId.length; position += 1) {
    const row = events.byId.at(position);
    const cycle = row < application.historyEvents ? 0 : cycleOf(application, row, cycleSeconds, startedAt);
    perCycle.set(cycle, (perCycle.get(cycle) ?? 0) + 1);
    profiles.add(cycle, events.profile.get(row));
    sessions.add(cycle, events.session.get(row));
  }
  const idle = Math.max(0, cycles - perCycle.size);
  const pages = idle + [...perCycle.values()].reduce((sum, count) => sum + Math.ceil(count / 1000), 0);
  const total = pages + profiles.total + sessions.total;
  return { cycles, pages, profiles: profiles.total, sessions: sessions.total, total };
}

function cycleOf(
  application: SimulatedApplication,
  row: number,
  cycleSeconds: number,
  startedAt: Micros,
): number {
  const visibleAt = application.events.visibleAt.get(row) ?? application.events.created.get(row);
  return 1 + Math.max(0, Math.floor((visibleAt - startedAt) / (cycleSeconds * SECOND)));
}

class DistinctPerCycle {
  total = 0;
  private readonly seen = new Map<number, Set<number>>();

  add(cycle: number, row: number): void {
    if (row < 0) return;
    let rows = this.seen.get(cycle);
    if (rows === undefined) {
      rows = new Set();
      this.seen.set(cycle, rows);
    }
    if (rows.has(row)) return;
    rows.add(row);
    this.total += 1;
  }
}

export function addCosts(costs: readonly RecipeCost[]): RecipeCost {
  const sum = (part: (cost: RecipeCost) => number): number =>
    costs.reduce((total, cost) => total + part(cost), 0);
  return {
    cycles: Math.max(0, ...costs.map((cost) => cost.cycles)),
    pages: sum((cost) => cost.pages),
    profiles: sum((cost) => cost.profiles),
    sessions: sum((cost) => cost.sessions),
    total: sum((cost) => cost.total),
  };
}
