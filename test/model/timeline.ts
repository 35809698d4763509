// What happens on the server of the model: three events, one of which becomes visible late, and a clock that jumps.
// Small enough that every order of all steps can be tried, large enough that a reading has several pages, that an event
// can come in behind a reading, and that a snapshot is called for again after it was fetched.

/**
 * All times of the model are whole seconds: the finest it knows, as microseconds are in the product, where a cursor
 * stands a microsecond below an event.
 */
export const SECOND = 1;

export interface ModelEvent {
  readonly name: string;
  readonly created: number;
}

/** All of one profile: profiles and sessions follow the same rules, so one of them stands for both. */
export const EVENTS: readonly ModelEvent[] = [
  { name: 'late', created: 20 * SECOND },
  { name: 'first', created: 30 * SECOND },
  { name: 'new', created: 50 * SECOND },
];

export const LATE = 0;
/** Times that the server's clock shows, one after the other. */
export const CLOCK: readonly number[] = [40 * SECOND, 50 * SECOND, 80 * SECOND];
/** An event is visible this long after `created` at the latest (and a late one just before that). */
export const LATENESS = 30 * SECOND;
export const START = 10 * SECOND;

/** A set of events: bit n stands for EVENTS[n]. */
export type EventSet = number;

export const ALL_EVENTS: EventSet = 2 ** EVENTS.length - 1;

export function members(set: EventSet): number[] {
  return EVENTS.flatMap((_, index) => ((set >> index) & 1 ? [index] : []));
}

export function toSet(indexes: readonly number[]): EventSet {
  return indexes.reduce((set, index) => set | (1 << index), 0);
}

export function createdOf(index: number): number {
  return EVENTS[index]?.created ?? 0;
}

export function namesOf(set: EventSet): string {
  return members(set)
    .map((index) => EVENTS[index]?.name)
    .join(', ');
}
