import type { State } from './state.js';
import { CLOCK, createdOf, EVENTS, LATE, LATENESS } from './timeline.js';

// The server of the model: a list in the order of `created`, whose createdAfter is exclusive. A full page promises more,
// which may have happened by the time it is asked for.

export interface ListedPage {
  readonly events: readonly number[];
  readonly isLast: boolean;
}

export function listEvents({ clock, isLateVisible }: State, after: number, pageSize: number): ListedPage {
  const found = EVENTS.flatMap(({ created }, index) => {
    const isVisible = created <= clock && (index !== LATE || isLateVisible);
    return isVisible && created > after ? [index] : [];
  });
  return { events: found.slice(0, pageSize), isLast: found.length < pageSize };
}

/** The next time of the server's clock; undefined at the end, and while the late event has to appear before. */
export function nextTime({ clock, isLateVisible }: State): number | undefined {
  const next = CLOCK[CLOCK.indexOf(clock) + 1];
  if (next === undefined || isLateVisible) return next;
  return next < createdOf(LATE) + LATENESS ? next : undefined;
}
