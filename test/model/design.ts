import { LATENESS, SECOND } from './timeline.js';

/** How the daemon of the model works. The defects are those that each rule of the product is there to prevent. */
export interface Design {
  /** Seconds. */
  readonly lookback: number;
  /** Events on a page, without the one that it repeats from the page before. */
  readonly pageSize: number;
  /** Events are stored while snapshots are under way: more than the product does, and the writers allow it. */
  readonly snapshotsBesideEvents: boolean;
  /** Defect: the cursor moves in a transaction before the one that inserts the events. */
  readonly cursorBeforeInsert: boolean;
  /** Defect: what has to be fetched is remembered by the process alone. */
  readonly owedInMemory: boolean;
  /** Defect: a replica writes whoever holds the lease. */
  readonly fenceUnchecked: boolean;
  /** Defect: a fetch settles its item although newer events have touched it. */
  readonly settlesAlways: boolean;
  /** Defect: the cursor and complete_through follow the last page of a reading, however long ago its first one was read. */
  readonly lookbackFromLastPage: boolean;
  /** Defect: events that come again are inserted again. */
  readonly insertsAgain: boolean;
}

export const sound: Design = {
  lookback: LATENESS,
  pageSize: 1,
  snapshotsBesideEvents: false,
  cursorBeforeInsert: false,
  owedInMemory: false,
  fenceUnchecked: false,
  settlesAlways: false,
  lookbackFromLastPage: false,
  insertsAgain: false,
};

/** Where a cycle begins to read, as startOfWindow in src/sync/events.ts. */
export function startOfReading(lastSync: number, { lookback }: Design): number {
  return lastSync - Math.max(lookback, SECOND);
}
