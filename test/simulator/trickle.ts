import { monotonicMs } from './clock.js';
import type { World } from './world.js';

const TICK_MS = 50;

/** Live traffic: events over all Applications at a steady pace. Returns the end of it. */
export function startTrickle(world: World, eventsPerSecond: number): () => void {
  const startedAt = monotonicMs();
  let emitted = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((monotonicMs() - startedAt) / 1000) * eventsPerSecond) - emitted;
    const applications = [...world.applications.values()];
    for (let index = 0; index < due; index += 1) {
      applications[(emitted + index) % applications.length]?.emit(1);
    }
    emitted += Math.max(0, due);
  }, TICK_MS);
  return () => clearInterval(timer);
}
