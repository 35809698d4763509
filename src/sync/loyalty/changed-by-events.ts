import {
  earlierOf,
  formatInstant,
  type Instant,
  laterOf,
  parseInstant,
  secondsBetween,
} from '../../instant.js';
import { advanceJob } from '../../warehouse/job.js';
import { changedByEffects, type EventMarks, eventMarks, momentAgo } from '../../warehouse/loyalty-rereads.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import type { JobContext } from '../job.js';

/** In one statement: a second's work of Postgres, also when each event has many effects. */
const MOST_EVENTS = 10_000;
/** Postgres and Talon.One need not agree about the time. */
const CLOCK_MARGIN_S = 3600;

/** Which events a run looks at. */
export interface EventRange {
  /** How far earlier runs have looked. */
  readonly marks: EventMarks;
  /** Nothing created before has changed what the ledger says: its first reading began later. */
  readonly eventsFrom: string;
  /** Where the events stood before this run's reading of the ledger. */
  readonly now: EventMarks;
  readonly lookback: Instant;
}

/** To be called before the ledger is read, so that no change after it is missed. */
export async function eventRange(
  warehouse: Warehouse,
  { lease, state }: JobContext,
  lookback: Instant,
): Promise<EventRange> {
  const now = await eventMarks(warehouse);
  const { eventMarks: marks, eventsFrom } = state;
  if (typeof marks === 'object' && marks !== null && typeof eventsFrom === 'string')
    return { marks: marks as EventMarks, eventsFrom, now, lookback };
  const first = {
    eventMarks: now,
    eventsFrom: await momentAgo(warehouse, secondsBetween(0n, lookback) + CLOCK_MARGIN_S),
  };
  await warehouse.transaction((client) => advanceJob(client, lease, first));
  return { marks: now, eventsFrom: first.eventsFrom, now, lookback };
}

/** Transactions to be read again, and what to note when they are stored. */
export interface ChangedSlice {
  readonly uuids: readonly string[];
  readonly marks: EventMarks;
}

/**
 * UUIDs of transactions that effects have changed, slice by slice: a back-fill may have stored any number of events, and
 * a run that breaks off goes on where it was.
 */
export async function* changedByEvents(
  warehouse: Warehouse,
  programId: string,
  { marks, eventsFrom, now, lookback }: EventRange,
): AsyncGenerator<ChangedSlice, void> {
  const markOf = (id: string) => instantOf(marks[id] ?? eventsFrom);
  let after = mapMarks(now, (_, id) => laterOf(markOf(id) - lookback, instantOf(eventsFrom)));
  let reached = marks;
  while (Object.keys(after).length > 0) {
    const { uuids, ends } = await changedByEffects(warehouse, programId, after, MOST_EVENTS);
    // Never past the cursor, behind which events may still be missing, and never back.
    const noted = (end: string, id: string) =>
      laterOf(markOf(id), earlierOf(instantOf(end), instantOf(now[id] ?? end)));
    const isLast = Object.keys(ends).length === 0;
    reached = isLast ? now : { ...reached, ...mapMarks(ends, noted) };
    yield { uuids, marks: reached };
    after = ends;
  }
}

function mapMarks(marks: EventMarks, change: (moment: string, id: string) => Instant): EventMarks {
  return Object.fromEntries(
    Object.entries(marks).map(([id, moment]) => [id, formatInstant(change(moment, id))]),
  );
}

function instantOf(moment: string): Instant {
  return parseInstant(moment) ?? 0n;
}
