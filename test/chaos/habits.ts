import { Dice, hash32 } from '../simulator/dice.js';
import type { SwitchSettings } from '../simulator/switches.js';

// What differs from seed to seed besides the faults: how the API behaves where its documentation is silent, how the
// daemons are set, how much happens.

export interface Habits {
  readonly seed: number;
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly pageSize: number;
  readonly sessionSource: 'auto' | 'by-id' | 'list';
  readonly isThroughBouncer: boolean;
  /** How late an event becomes visible at most, in milliseconds. */
  readonly latestMs: number;
  /** How likely a tie is within a second: many events of one microsecond. */
  readonly tieChance: number;
  /** Events of each Application before the war begins. */
  readonly historyEvents: number;
  /** One entry for each Application. */
  readonly applications: readonly SwitchSettings[];
}

// More traffic than a lane of sessions can follow at its limit would be no test of anything.
const PACES = [
  { requestsPerSecond: 3, eventsPerSecond: 15, sessionSource: 'auto', pageSize: 1000 },
  { requestsPerSecond: 10, eventsPerSecond: 50, sessionSource: 'auto', pageSize: 100 },
  { requestsPerSecond: 25, eventsPerSecond: 12, sessionSource: 'by-id', pageSize: 50 },
  { requestsPerSecond: 10, eventsPerSecond: 30, sessionSource: 'list', pageSize: 200 },
] as const;

const APPLICATIONS = 3;

export function habitsOf(seed: number): Habits {
  const dice = new Dice(hash32(seed, 1_001));
  return {
    seed,
    ...dice.pick(PACES),
    isThroughBouncer: seed % 2 === 0,
    historyEvents: 600,
    latestMs: LATEST_MS,
    tieChance: 0.04,
    applications: Array.from({ length: APPLICATIONS }, () => ({
      createdAfter: dice.pick(['exclusive', 'inclusive'] as const),
      createdBefore: dice.pick(['exclusive', 'inclusive'] as const),
      parameterPrecision: dice.pick(['microsecond', 'microsecond', 'millisecond', 'second'] as const),
      sort: dice.pick(['honoured', 'honoured', 'honoured', 'refused', 'ignored'] as const),
      ties: dice.pick(['id', 'shuffled', 'unstable'] as const),
      envelope: dice.pick(['hasMore', 'hasMore', 'missing'] as const),
      fullPageHasMore: dice.pick(['exact', 'always'] as const),
      searchOrder: dice.pick(['id', 'requested', 'shuffled'] as const),
      unknownProfileIds: dice.pick(['skip', '404'] as const),
      lateShare: 0.03,
      lateMs: LATEST_MS,
    })),
  };
}

/** How late an event becomes visible at most. The look-back must be longer: what is later is not promised. */
export const LATEST_MS = 6_000;
export const LOOKBACK_SECONDS = 7;
