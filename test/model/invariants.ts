import { type Design, startOfReading } from './design.js';
import type { State } from './state.js';
import { ALL_EVENTS, EVENTS, namesOf, toSet } from './timeline.js';

// What must hold in every state (docs/reliability.md).

export type Invariant = (state: State, design: Design) => string | undefined;

/** I1: whatever has happened and is not stored lies where the next cycle reads. */
export const nothingIsPassedOver: Invariant = ({ clock, tables }, design) => {
  const from = startOfReading(tables.lastSync, design);
  const passed = EVENTS.flatMap(({ created }, index) => (created <= Math.min(clock, from) ? [index] : []));
  const lost = namesOf(toSet(passed) & ~tables.stored);
  return lost === '' ? undefined : `not stored, and will not be read any more: ${lost}`;
};

/** I1 and I5, which the tables alone do not show. */
export const nothingIsBroken: Invariant = ({ broken }) =>
  broken === null ? undefined : `something was ${broken}`;

/** I2: the profile of each stored event is owed, or has a snapshot that was asked for afterwards. */
export const everythingIsFresh: Invariant = ({ tables: { owed, stored, covered } }) => {
  const stale = namesOf(stored & ~covered);
  return owed === null && stale !== '' ? `neither owed nor fetched since it was stored: ${stale}` : undefined;
};

/** complete_through: all events up to it, and the snapshots they call for, are stored. */
export const completeThroughIsTrue: Invariant = ({ tables: { completeThrough, stored, covered } }) => {
  const promised = EVENTS.flatMap(({ created }, index) => (created <= (completeThrough ?? 0) ? [index] : []));
  const absent = namesOf(toSet(promised) & ~(stored & covered));
  return absent === ''
    ? undefined
    : `complete_through has passed what is not stored with its profile: ${absent}`;
};

export const allInvariants: readonly Invariant[] = [
  nothingIsPassedOver,
  nothingIsBroken,
  everythingIsFresh,
  completeThroughIsTrue,
];

/** Everything is stored and fetched, and complete_through says so. */
export function isFinished({ tables }: State): boolean {
  const newest = EVENTS.at(-1)?.created ?? 0;
  return tables.stored === ALL_EVENTS && tables.owed === null && (tables.completeThrough ?? 0) >= newest;
}
