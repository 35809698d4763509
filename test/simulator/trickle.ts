import type { SimulatedApplication } from './application.js';
import { monotonicMs } from './clock.js';
import { emitLoyalty } from './loyalty-control.js';
import type { World } from './world.js';

const TICK_MS = 50;
const EVENTS_PER_TRANSACTION = 3;

/** Live traffic: events over all Applications at a steady pace. Returns the end of it. */
export function startTrickle(world: World, eventsPerSecond: number): () => void {
  const startedAt = monotonicMs();
  let emitted = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((monotonicMs() - startedAt) / 1000) * eventsPerSecond) - emitted;
    const applications = [...world.applications.values()];
    for (let index = 0; index < due; index += 1) {
      const application = applications[(emitted + index) % applications.length];
      application?.emit(1);
      if (application !== undefined) emitPoints(world, application, emitted + index);
    }
    emitted += Math.max(0, due);
  }, TICK_MS);
  return () => clearInterval(timer);
}

/** Every third event moves points, in the programs that somebody looks at. */
function emitPoints(world: World, application: SimulatedApplication, number: number): void {
  if (number % EVENTS_PER_TRANSACTION > 0) return;
  for (const program of world.loyalty.of(application)) {
    if (program.isInUse) emitLoyalty(world, program, 1, {});
  }
}
