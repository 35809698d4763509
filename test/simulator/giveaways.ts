import { hash32 } from './dice.js';
import { DAY, type Micros } from './timestamp.js';
import type { World } from './world.js';

/** The pool that effects name. */
export const GIVEAWAY_POOL = 7;
const GIVEAWAYS = 40;

export interface Giveaway {
  id: number;
  code: string;
  created: Micros;
  /** 0: not set. */
  endsAt: Micros;
  /** Row of the live profile that has it, -1 for nobody. */
  profile: number;
}

export function* giveaways(world: World): Generator<Giveaway> {
  const { count } = world.live;
  const created = Math.min(...[...world.applications.values()].map((application) => application.created));
  for (let index = 0; index < GIVEAWAYS; index += 1) {
    const h = hash32(world.style.seed, index, 97);
    yield {
      id: index + 1,
      code: `GIFT-${index}-${h % 9973}`,
      created,
      endsAt: h % 3 === 0 ? 0 : created + 365 * DAY,
      profile: h % 2 === 0 && count > 0 ? h % count : -1,
    };
  }
}
