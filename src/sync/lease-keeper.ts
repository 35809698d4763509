import { setMaxListeners } from 'node:events';
import { monotonicMs, sleep } from '../clock.js';
import { isAbortError, LeaseLostError } from '../errors.js';
import type { HeldLease } from '../warehouse/lease.js';
import type { Client } from '../warehouse/pool.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** Renewals per lease time: one may fail without the lease being lost. */
const RENEWALS = 3;
/** A row that is locked longer belongs to a page of ours, which renews the lease itself. */
const LOCK_MS = 250;

/** A lease, and the statement that renews it or throws LeaseLostError. */
export interface Renewable {
  readonly lease: HeldLease;
  readonly renew: (client: Client) => Promise<void>;
}

/**
 * Runs `work` with a signal that aborts with `signal`, or with a LeaseLostError as soon as a renewal finds that another
 * replica has taken over. Needed while the work waits for the API; each page that is written renews the lease as well.
 */
export async function whileLeased<T>(
  warehouse: Warehouse,
  leased: Renewable,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  // Every request listens.
  setMaxListeners(0, controller.signal);
  const stop = () => controller.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const done = new AbortController();
  const renewing = keepRenewing(warehouse, leased, done.signal, (error) => controller.abort(error));
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

async function keepRenewing(
  warehouse: Warehouse,
  { lease, renew }: Renewable,
  done: AbortSignal,
  onLost: (error: LeaseLostError) => void,
): Promise<void> {
  const intervalMs = lease.durationMs / RENEWALS;
  let next = monotonicMs() + intervalMs;
  while (!done.aborted) {
    try {
      await sleep(next - monotonicMs(), done);
      next = monotonicMs() + intervalMs;
      await warehouse.transaction(renew, { lockMs: LOCK_MS, isUrgent: true });
    } catch (error) {
      if (isAbortError(error)) return;
      if (error instanceof LeaseLostError) return onLost(error);
      // Postgres is away or the row is locked by our own page: the next renewal comes soon, and every write checks anyway.
    }
  }
}
