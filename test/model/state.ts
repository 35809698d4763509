import { CLOCK, type EventSet, START } from './timeline.js';

// Everything that a step of the model can change. What the product keeps in Postgres is `tables`; what it keeps in the
// memory of a process is `cycles`.

/** A row of talon_one_owed_snapshot. */
export interface OwedRow {
  readonly version: number;
  readonly firstCreated: number;
}

export interface Tables {
  readonly lastSync: number;
  readonly completeThrough: number | null;
  /** The lease has not expired. Whose it is, its fence says: see Cycle.isHolder. */
  readonly isLeased: boolean;
  readonly stored: EventSet;
  readonly owed: OwedRow | null;
  /** The events that were stored when the newest snapshot was asked for. */
  readonly covered: EventSet;
}

/** A page that was fetched and is not stored yet. */
export interface Page {
  readonly events: EventSet;
  /** How far the cursor may move with it. */
  readonly reach: number;
  /** Given with the last page: all that was visible late by less than a look-back at this time is read, or read again. */
  readonly settledAt: number | null;
  /** Only with the defect `cursorBeforeInsert`. */
  readonly isCursorMoved?: boolean;
}

/** The snapshot on its way: found owed, then asked for. */
export interface Fetch {
  readonly version: number;
  /** The events that were stored when it was asked for; null: it has not been asked for yet. */
  readonly covered: EventSet | null;
}

/** What a replica knows of the cycle it runs; all of it is lost in a crash. */
export interface Cycle {
  /** Its fence is the one of the cursor row. */
  readonly isHolder: boolean;
  /** createdAfter of the next page; null: the list has been read to its end. */
  readonly after: number | null;
  readonly pages: readonly Page[];
  /** The server's clock when a page first came within a look-back of it. */
  readonly closeAt: number | null;
  /** Page.settledAt of the last page, once it is stored. */
  readonly settledAt: number | null;
  readonly fetch: Fetch | null;
  /** Only with the defect `owedInMemory`. */
  readonly isOwed: boolean;
}

export interface State {
  readonly clock: number;
  readonly isLateVisible: boolean;
  readonly tables: Tables;
  /** By replica; null: it waits. */
  readonly cycles: readonly (Cycle | null)[];
  readonly crashesLeft: number;
  readonly pausesLeft: number;
  /** What has gone wrong in the past and cannot be seen in the tables. */
  readonly broken: 'stored twice' | 'written under an outdated fence' | null;
}

export const initialState: State = {
  clock: CLOCK[0] ?? 0,
  isLateVisible: false,
  tables: {
    lastSync: START,
    completeThrough: null,
    isLeased: false,
    stored: 0,
    owed: null,
    covered: 0,
  },
  cycles: [null, null],
  crashesLeft: 1,
  pausesLeft: 1,
  broken: null,
};

/** Equal for states that behave alike: the two replicas may change places. */
export function keyOf(state: State): string {
  const { clock, isLateVisible, tables, cycles, crashesLeft, pausesLeft, broken } = state;
  const [a = '', b = ''] = cycles.map((cycle) => (cycle === null ? '' : keyOfCycle(cycle)));
  const replicas = a < b ? `${a} ${b}` : `${b} ${a}`;
  return `${keyOfTables(tables)} ${clock} ${Number(isLateVisible)}${crashesLeft}${pausesLeft}${broken ?? ''} ${replicas}`;
}

export function keyOfTables({ lastSync, completeThrough, isLeased, stored, owed, covered }: Tables): string {
  const row = owed === null ? '' : `${owed.version}-${owed.firstCreated}`;
  return `${lastSync} ${completeThrough} ${Number(isLeased)}${stored} ${row} ${covered}`;
}

function keyOfCycle(cycle: Cycle): string {
  const { isHolder, after, pages, closeAt, settledAt, fetch, isOwed } = cycle;
  let key = `${Number(isHolder)}${Number(isOwed)}${after} ${closeAt} ${settledAt}`;
  for (const page of pages)
    key += ` ${page.events}-${page.reach}-${page.settledAt}${page.isCursorMoved ? '!' : ''}`;
  return fetch === null ? key : `${key} ${fetch.version}:${fetch.covered}`;
}

export function replaced<T>(list: readonly T[], index: number, item: T): T[] {
  return list.map((one, at) => (at === index ? item : one));
}
