import type { Dice } from '../../simulator/dice.js';
import type { Duration } from '../schedule.js';
import type { Stage } from '../stage.js';

/** One kind of trouble. */
export interface FaultScript extends Duration {
  /** Begins it and returns how it ends; or says why this machine cannot do it. */
  readonly begin: (stage: Stage, dice: Dice) => Promise<End | Skipped>;
}

export type End = () => Promise<void>;

export interface Skipped {
  readonly skipped: string;
}

export type FaultScripts = Readonly<Record<string, FaultScript>>;
