import type { Replica } from '../replica.js';
import { LEASE_SECONDS, type Stage } from '../stage.js';
import type { End, FaultScripts } from './fault.js';

const HOUR_MS = 3_600_000;

/** What happens to the processes. `of` picks the replica it happens to. */
export function replicaFaults(of: (stage: Stage) => Replica): FaultScripts {
  return {
    'kill -9': {
      least: 0.5,
      most: 8,
      begin: async (stage) => {
        await of(stage).kill();
        return restart(of(stage));
      },
    },
    'kill -9 again and again': {
      least: 4,
      most: 12,
      begin: async (stage, dice) => {
        const replica = of(stage);
        return repeatedly(
          async () => {
            await replica.kill();
            replica.start();
          },
          () => 300 + dice.below(2_000),
        );
      },
    },
    SIGTERM: {
      least: 1,
      most: 6,
      begin: async (stage) => {
        await of(stage).stop();
        return restart(of(stage));
      },
    },
    // Longer than the lease: another replica takes over, and this one wakes up in the middle of what it was doing.
    SIGSTOP: {
      least: LEASE_SECONDS * 1.3,
      most: LEASE_SECONDS * 4,
      begin: async (stage) => {
        const replica = of(stage);
        replica.pause();
        return async () => replica.resume();
      },
    },
    'clock an hour off': {
      least: 6,
      most: 25,
      begin: async (stage, dice) => {
        const replica = of(stage);
        await replica.stop();
        replica.start(dice.chance(0.5) ? HOUR_MS : -HOUR_MS);
        return async () => {
          await replica.stop();
          replica.start();
        };
      },
    },
  };
}

function restart(replica: Replica): End {
  return async () => replica.start();
}

/** Does something at irregular intervals until its end. */
export function repeatedly(step: () => Promise<void>, pauseMs: () => number): End {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let isOver = false;
  const next = () => {
    timer = setTimeout(() => {
      running = step().then(() => {
        if (!isOver) next();
      });
      // Told at the end; until then nobody listens.
      running.catch(() => {});
    }, pauseMs());
  };
  next();
  return async () => {
    isOver = true;
    clearTimeout(timer);
    await running;
  };
}
