import { hash32 } from './dice.js';
import type { OrderedRows } from './ordered-rows.js';
import type { Switches } from './switches.js';
import { DAY, type Micros, truncateTo } from './timestamp.js';

/** Positions in an order by creation: from the first, up to but without the second. */
export interface Window {
  from: number;
  to: number;
}

export interface WindowBounds {
  after: Micros | undefined;
  before: Micros | undefined;
  oldest: Micros | undefined;
}

export function retentionBound(switches: Switches, now: Micros): Micros | undefined {
  return switches.retentionDays === 0 ? undefined : now - switches.retentionDays * DAY;
}

/** True when `at` lies within the bounds, as the switches say bounds are to be read. */
export function isWithin(
  at: Micros,
  after: Micros | undefined,
  before: Micros | undefined,
  switches: Switches,
): boolean {
  return !isTooEarly(at, after, switches) && !isTooLate(at, before, switches);
}

function isTooEarly(at: Micros, after: Micros | undefined, switches: Switches): boolean {
  if (after === undefined) return false;
  const record = truncateTo(switches.recordPrecision, at);
  const bound = truncateTo(switches.parameterPrecision, after);
  return switches.createdAfter === 'inclusive' ? record < bound : record <= bound;
}

function isTooLate(at: Micros, before: Micros | undefined, switches: Switches): boolean {
  if (before === undefined) return false;
  const record = truncateTo(switches.recordPrecision, at);
  const bound = truncateTo(switches.parameterPrecision, before);
  return switches.createdBefore === 'inclusive' ? record > bound : record >= bound;
}

/** Cutting times off keeps their order, so two binary searches find the window. */
export function createdWindow(
  order: OrderedRows,
  createdOf: (row: number) => Micros,
  bounds: WindowBounds,
  switches: Switches,
): Window {
  const { after, before, oldest } = bounds;
  const from = order.partition((row) => {
    const at = createdOf(row);
    return !isTooEarly(at, after, switches) && (oldest === undefined || at >= oldest);
  });
  const to = order.partition((row) => isTooLate(createdOf(row), before, switches));
  return { from, to: Math.max(from, to) };
}

/**
 * The rows at some positions, with equal timestamps in another order than by id. Whole groups of equals are reordered,
 * also where a page begins or ends within one.
 */
export function shuffledTies(
  order: OrderedRows,
  createdOf: (row: number) => Micros,
  from: number,
  to: number,
  salt: number,
): number[] {
  if (from >= to) return [];
  const [first, last] = [createdOf(order.at(from)), createdOf(order.at(to - 1))];
  const start = order.partition((row) => createdOf(row) >= first);
  const end = order.partition((row) => createdOf(row) > last);
  const rows = [...order.slice(start, end)].map((row) => ({
    row,
    created: createdOf(row),
    key: hash32(row, salt),
  }));
  rows.sort((a, b) => a.created - b.created || a.key - b.key);
  return rows.slice(from - start, to - start).map((entry) => entry.row);
}
