import { monotonicMs, sleep } from '../../clock.js';
import { type Lease, returnLease, takeLease } from '../../warehouse/cursor.js';
import type { Warehouse } from '../../warehouse/warehouse.js';

// Writing beside the cycles: the lease of the Application is taken between two of them, for one page, and given back.
// The cycles go on as if nothing had been; a daemon and a command never write at once.

const POLL_MS = 200;

export interface ShortLeaseOptions {
  readonly warehouse: Warehouse;
  readonly owner: string;
  readonly leaseMs: number;
  /** How long to wait for a cycle to end; default: as long as it takes. */
  readonly patienceMs?: number;
}

/** A cycle has held the Application for longer than there was patience. */
export class ApplicationBusyError extends Error {
  override name = 'ApplicationBusyError';
}

/**
 * Runs `write` under the lease of the Application.
 * @param write says whether the next cycle has something to do now
 * @throws ApplicationBusyError
 */
export async function withShortLease(
  applicationId: string,
  options: ShortLeaseOptions,
  signal: AbortSignal,
  write: (lease: Lease) => Promise<boolean>,
): Promise<void> {
  const { warehouse, owner, leaseMs, patienceMs = Number.POSITIVE_INFINITY } = options;
  const wanted = { applicationIds: [applicationId], owner, leaseMs, courtesyMs: 0, evenIfNotDue: true };
  const endMs = monotonicMs() + patienceMs;
  let leased = await takeLease(warehouse, wanted);
  while (!leased) {
    if (monotonicMs() >= endMs)
      throw new ApplicationBusyError(`Application ${applicationId} is being synced`);
    await sleep(POLL_MS, signal);
    leased = await takeLease(warehouse, wanted);
  }
  let isDueNow = false;
  try {
    isDueNow = await write(leased.lease);
  } finally {
    // Without it the lease ends by itself.
    await returnLease(warehouse, leased.lease, isDueNow).catch(() => {});
  }
}
