import { setMaxListeners } from 'node:events';
import { LeaseLostError } from '../errors.js';
import { type Lease, renewCursors } from '../warehouse/cursor.js';
import { type JobLease, renewJobs } from '../warehouse/job.js';
import type { HeldLease } from '../warehouse/lease.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { Upkeep } from './upkeep.js';

/** Renewals per lease time: one may fail without the lease being lost. */
const RENEWALS = 3;

/** The keeper of the Applications that a process works on. */
export function applicationKeeper(warehouse: Warehouse): LeaseKeeper<Lease> {
  const renew = (leases: readonly Lease[]) => renewCursors(warehouse, leases);
  return new LeaseKeeper(renew, ({ applicationId }) => `Application ${applicationId}`);
}

/** The keeper of the jobs that a process runs. */
export function jobKeeper(warehouse: Warehouse): LeaseKeeper<JobLease> {
  return new LeaseKeeper(
    (leases) => renewJobs(warehouse, leases),
    ({ job }) => `the job ${job}`,
  );
}

/**
 * Keeps the leases of a process while the work under them waits for the API or for a connection. All of them in one
 * statement: one for each would queue up for connections where many run side by side, until the first have run out.
 */
export class LeaseKeeper<L extends HeldLease> {
  private readonly held = new Map<L, (error: LeaseLostError) => void>();
  private readonly upkeep = new Upkeep(
    () => this.held.size > 0,
    () => this.renewAll(),
  );

  /**
   * @param renew renews leases and returns those that somebody else has
   * @param nameOf what a lease is about, for messages
   */
  constructor(
    private readonly renew: (leases: readonly L[]) => Promise<readonly L[]>,
    private readonly nameOf: (lease: L) => string,
  ) {}

  /**
   * Runs `work` with a signal that aborts with `signal`, or with a LeaseLostError as soon as a renewal finds that another
   * replica has taken over. Each page that is written renews the lease as well.
   */
  async whileLeased<T>(lease: L, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    // Every request listens.
    setMaxListeners(0, controller.signal);
    const stop = () => controller.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    this.hold(lease, (error) => controller.abort(error));
    try {
      return await work(controller.signal);
    } catch (error) {
      // Whatever the abort made of the work at hand, the lost lease is the reason.
      throw controller.signal.reason instanceof LeaseLostError ? controller.signal.reason : error;
    } finally {
      signal.removeEventListener('abort', stop);
      await this.letGo(lease);
    }
  }

  private hold(lease: L, onLost: (error: LeaseLostError) => void): void {
    this.held.set(lease, onLost);
    this.upkeep.begin(lease.durationMs / RENEWALS);
  }

  /** No renewal may come after the lease was given back: it would keep everybody from the row. */
  private async letGo(lease: L): Promise<void> {
    this.held.delete(lease);
    await this.upkeep.end();
  }

  private async renewAll(): Promise<void> {
    try {
      const lost = await this.renew([...this.held.keys()]);
      for (const lease of lost) this.held.get(lease)?.(new LeaseLostError(this.nameOf(lease)));
    } catch {
      // Postgres is away: the next renewal comes soon, and every write checks anyway.
    }
  }
}
