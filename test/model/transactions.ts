import type { Design } from './design.js';
import type { Fetch, OwedRow, Page, Tables } from './state.js';
import { createdOf, type EventSet, members, SECOND } from './timeline.js';

// What each transaction of the product does to the tables. test/model.pg.test.ts holds them against src/warehouse.

/** advanceCursor alone: a renewal of the lease. */
export function renewed(tables: Tables): Tables {
  return { ...tables, isLeased: true };
}

export function withCursor(tables: Tables, page: Page): Tables {
  return { ...tables, lastSync: Math.max(tables.lastSync, page.reach), isLeased: true };
}

/** writeEventPage without the cursor. */
export function withEvents(tables: Tables, events: EventSet, design: Design): Tables {
  const inserted = events & ~tables.stored;
  const isTouched = inserted !== 0 && !design.owedInMemory;
  const owed = isTouched ? touched(tables.owed, Math.min(...members(inserted).map(createdOf))) : tables.owed;
  return { ...tables, stored: tables.stored | events, owed };
}

function touched(row: OwedRow | null, created: number): OwedRow {
  if (row === null) return { version: 1, firstCreated: created };
  return { version: row.version + 1, firstCreated: Math.min(row.firstCreated, created) };
}

/** writeSnapshots. */
export function withSnapshot(tables: Tables, fetch: Fetch, design: Design): Tables {
  const isSettled = design.settlesAlways || tables.owed?.version === fetch.version;
  return {
    ...tables,
    isLeased: true,
    covered: tables.covered | (fetch.covered ?? 0),
    owed: isSettled ? null : tables.owed,
  };
}

/** endCycle, with what the cycle may say of complete_through; null: the events were not read to their end. */
export function ended(tables: Tables, settledAt: number | null, { lookback }: Design): Tables {
  if (settledAt === null) return { ...tables, isLeased: false };
  const through = Math.min(settledAt - lookback, (tables.owed?.firstCreated ?? Infinity) - SECOND);
  return {
    ...tables,
    isLeased: false,
    completeThrough: Math.max(tables.completeThrough ?? through, through),
  };
}
