import { Dice, hash32 } from '../simulator/dice.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import type { Habits } from './habits.js';

const TICK_MS = 100;
/** Chances per second of what is out of the ordinary. */
const BURST_CHANCE = 0.02;
const ODD_CHANCE = 0.15;
const TIE_EVENTS = 130;
const BURST_EVENTS = 400;
/** Text that jsonb cannot hold: NUL and half of a surrogate pair. */
const ODD_TEXT = 'NUL \u0000 and half a face \ud83d';

/** Events that never stop: a steady stream, and now and then a tie, an import, a text that Postgres refuses. */
export class Traffic {
  private readonly dice: Dice;
  private timer: NodeJS.Timeout | undefined;
  private odd = 0;

  constructor(
    private readonly simulator: Simulator,
    private readonly habits: Habits,
  ) {
    this.dice = new Dice(hash32(habits.seed, 2_002));
  }

  start(): void {
    let last = performance.now();
    let due = 0;
    this.timer = setInterval(() => {
      const now = performance.now();
      due += ((now - last) / 1000) * this.habits.eventsPerSecond;
      last = now;
      for (; due >= 1; due -= 1) this.simulator.emit(this.someApplication(), 1);
      this.surprise();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private surprise(): void {
    const perTick = TICK_MS / 1000;
    if (this.dice.chance(this.habits.tieChance * perTick))
      this.simulator.addTie(this.someApplication(), TIE_EVENTS);
    if (this.dice.chance(BURST_CHANCE * perTick)) this.simulator.emit(this.someApplication(), BURST_EVENTS);
    if (this.dice.chance(ODD_CHANCE * perTick)) this.addOddEvent();
  }

  private addOddEvent(): void {
    this.odd += 1;
    const profileId = 9_000_000 + this.odd;
    this.simulator.addEvent(this.someApplication(), { profileId, fields: { note: ODD_TEXT } });
  }

  private someApplication(): number {
    return this.dice.pick(this.simulator.applicationIds);
  }
}
