import { Dice, hash32 } from '../simulator/dice.js';

// When what breaks. A pure function of the seed, so that a campaign can be run again, as a whole or fault by fault.

/** Faults of one lane follow each other; those of different lanes overlap as chance has it. */
export const LANES = ['replica 1', 'replica 2', 'api', 'postgres'] as const;
export type Lane = (typeof LANES)[number];

export interface PlannedFault {
  /** Counts from 1, in the order of time: names the fault for `--only`. */
  readonly number: number;
  readonly lane: Lane;
  readonly kind: string;
  /** From the start of the campaign, in milliseconds. */
  readonly atMs: number;
  readonly forMs: number;
  /** What chance decides within the fault follows from it. */
  readonly seed: number;
}

/** How long a kind of fault lasts, in seconds. */
export interface Duration {
  readonly least: number;
  readonly most: number;
}

/** The kinds of each lane. */
export type Catalogue = Readonly<Record<Lane, Readonly<Record<string, Duration>>>>;

/** Quiet between two faults of a lane, in milliseconds. */
const LEAST_GAP_MS = 1_000;
const MOST_GAP_MS = 9_000;
/** No fault is longer than this share of the campaign, nor shorter than this. */
const LONGEST_SHARE = 1 / 4;
const SHORTEST_MS = 500;

/**
 * Every lane goes through its kinds in an order of its own, all of them before one comes again: a short campaign still
 * meets many, a long one meets them all, at other moments and beside other ones.
 */
export function planFaults(seed: number, totalMs: number, catalogue: Catalogue): PlannedFault[] {
  const faults = LANES.flatMap((lane, index) =>
    planLane(lane, hash32(seed, index), totalMs, catalogue[lane]),
  );
  faults.sort((a, b) => a.atMs - b.atMs || LANES.indexOf(a.lane) - LANES.indexOf(b.lane));
  return faults.map((fault, index) => ({ ...fault, number: index + 1 }));
}

function planLane(
  lane: Lane,
  seed: number,
  totalMs: number,
  kinds: Readonly<Record<string, Duration>>,
): Omit<PlannedFault, 'number'>[] {
  const dice = new Dice(seed);
  const faults: Omit<PlannedFault, 'number'>[] = [];
  let waiting: string[] = [];
  let atMs = gap(dice, totalMs);
  while (Object.keys(kinds).length > 0) {
    if (waiting.length === 0) waiting = shuffled(Object.keys(kinds), dice);
    const kind = waiting.pop() ?? '';
    const { least, most } = kinds[kind] ?? { least: 1, most: 1 };
    const drawn = (least + dice.fraction() * (most - least)) * 1000;
    const forMs = Math.round(Math.max(SHORTEST_MS, Math.min(drawn, totalMs * LONGEST_SHARE)));
    if (atMs + forMs > totalMs) break;
    faults.push({ lane, kind, atMs, forMs, seed: dice.next() });
    atMs += forMs + gap(dice, totalMs);
  }
  return faults;
}

function gap(dice: Dice, totalMs: number): number {
  const most = Math.min(MOST_GAP_MS, totalMs / 12);
  const least = Math.min(LEAST_GAP_MS, most / 2);
  return Math.round(least + dice.fraction() * (most - least));
}

function shuffled<T>(list: readonly T[], dice: Dice): T[] {
  const rest = [...list];
  return list.map(() => rest.splice(dice.below(rest.length), 1)[0] as T);
}
