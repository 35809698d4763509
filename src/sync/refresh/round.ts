import { formatInstant, type Instant, parseInstant, secondsBetween } from '../../instant.js';
import type { JobState } from '../../warehouse/job.js';

// A round is one walk through all records from the highest ID down. Where it should be by now follows from the IDs: after
// a quarter of the period, a quarter of the way from the highest to the lowest. Nothing has to be counted for that; where
// IDs lie close together the walk falls behind, and catches up with what the budget spares.

/** A walk as the job's row keeps it. */
export interface Round {
  /** On the clock of Postgres. */
  readonly startedAt: Instant;
  readonly highest: bigint;
  readonly lowest: bigint;
  /** Everything from here on is done; `undefined`: everything is. */
  readonly below: bigint | undefined;
}

export function beginRound(startedAt: Instant, range: { lowest: string; highest: string }): Round {
  const highest = BigInt(range.highest);
  return { startedAt, highest, lowest: BigInt(range.lowest), below: highest + 1n };
}

/** When the walk is due to go on, or after its end the next one to begin. */
export function dueAt({ startedAt, highest, lowest, below }: Round, period: Instant): Instant {
  if (below === undefined) return startedAt + period;
  return startedAt + (period * (highest + 1n - below)) / (highest + 1n - lowest);
}

/** Milliseconds until then; 0 when it is past. */
export function untilDueMs(round: Round, period: Instant, now: Instant): number {
  return Math.max(0, Math.ceil(secondsBetween(now, dueAt(round, period)) * 1000));
}

export function roundState({ startedAt, highest, lowest, below }: Round): JobState {
  return {
    roundStartedAt: formatInstant(startedAt),
    highest: String(highest),
    lowest: String(lowest),
    below: below === undefined ? null : String(below),
  };
}

/** `undefined`: none has begun yet. */
export function roundOf(state: JobState): Round | undefined {
  const startedAt = parseInstant(String(state.roundStartedAt));
  const [highest, lowest, below] = [state.highest, state.lowest, state.below].map(wholeNumber);
  return startedAt === undefined || highest === undefined || lowest === undefined
    ? undefined
    : { startedAt, highest, lowest, below };
}

function wholeNumber(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : undefined;
}
