import type { Logger } from '../logger.js';

const SIGNALS = { SIGTERM: 15, SIGINT: 2 } as const;

/**
 * One signal for everything that waits: it aborts on SIGTERM or SIGINT. If the program has not ended by itself within
 * `timeoutMs`, it is ended with `exitCode`: what is not committed, Postgres rolls back. A second signal ends it at once.
 */
export function stopSignal(
  timeoutMs: number,
  log: Logger,
  exitCode = 0,
): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = (name: keyof typeof SIGNALS) => {
    if (controller.signal.aborted) process.exit(128 + SIGNALS[name]);
    log.info({ signal: name }, 'stopping');
    controller.abort();
    timer = setTimeout(() => {
      log.warn({ timeoutMs }, 'not everything stopped in time, ending anyway');
      process.exit(exitCode);
    }, timeoutMs);
    timer.unref();
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, stop);
  return {
    signal: controller.signal,
    dispose: () => {
      clearTimeout(timer);
      for (const name of Object.keys(SIGNALS)) process.off(name, stop);
    },
  };
}
