import { setMaxListeners } from 'node:events';
import { monotonicMs, sleep } from '../clock.js';
import { isAbortError, LeaseLostError } from '../errors.js';
import { advanceCursor, type Lease } from '../warehouse/cursor.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** Renewals per lease time: one may fail without the lease being lost. */
const RENEWALS = 3;

/**
 * Runs `work` with a signal that aborts with `signal`, or with a LeaseLostError as soon as a renewal finds that another
 * replica has taken over. Needed while the work waits for the API; each page that is written renews the lease as well.
 */
export async function whileLeased<T>(
  warehouse: Warehouse,
  lease: Lease,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  // Every request of the cycle listens.
  setMaxListeners(0, controller.signal);
  const stop = () => controller.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const done = new AbortController();
  const renewing = renew(warehouse, lease, done.signal, (error) => controller.abort(error));
  try {
    return await work(controller.signal);
  } catch (error) {
    // Whatever the abort made of the work at hand, the lost lease is the reason.
    throw controller.signal.reason instanceof LeaseLostError ? controller.signal.reason : error;
  } finally {
    signal.removeEventListener('abort', stop);
    done.abort();
    await renewing;
  }
}

async function renew(
  warehouse: Warehouse,
  lease: Lease,
  done: AbortSignal,
  onLost: (error: LeaseLostError) => void,
): Promise<void> {
  const intervalMs = lease.durationMs / RENEWALS;
  let next = monotonicMs() + intervalMs;
  while (!done.aborted) {
    try {
      await sleep(next - monotonicMs(), done);
      next = monotonicMs() + intervalMs;
      await warehouse.transaction((client) => advanceCursor(client, lease), {
        lockMs: Math.ceil(intervalMs),
      });
    } catch (error) {
      if (isAbortError(error)) return;
      if (error instanceof LeaseLostError) return onLost(error);
      // Postgres is away or the row is locked by our own page: the next renewal comes soon, and every write checks anyway.
    }
  }
}
