import { monotonicMs } from '../clock.js';
import { packageVersion } from '../package-info.js';
import { forgetReplica, noteReplica, pruneReplicas } from '../warehouse/replicas.js';
import type { Warehouse } from '../warehouse/warehouse.js';

export interface FairShareOptions {
  readonly warehouse: Warehouse;
  /** Names this process. */
  readonly owner: string;
  /** A process that is silent for so long is taken for dead, in milliseconds. */
  readonly leaseMs: number;
}

/** Looks again so many times within the time after which a silent process is taken for dead. */
const LOOKS_PER_LEASE = 4;

/**
 * How many of the Applications are this process's own to keep, going by how many processes take part. Only where an
 * Application goes next depends on it, never who may write it: that is the lease's matter.
 */
export class FairShare {
  private replicas = 1;
  private lookAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: FairShareOptions) {}

  /** Says that this process takes part, and looks how many do. To be called often: it does so now and then. */
  async say(): Promise<void> {
    const { warehouse, owner, leaseMs } = this.options;
    if (monotonicMs() < this.lookAtMs) return;
    this.lookAtMs = monotonicMs() + leaseMs / LOOKS_PER_LEASE;
    this.replicas = await noteReplica(warehouse, { owner, version: packageVersion(), aliveMs: leaseMs });
  }

  /** @param applications how many there are altogether */
  of(applications: number): number {
    return Math.ceil(applications / this.replicas);
  }

  /** Takes part no longer. */
  leave(): Promise<void> {
    return forgetReplica(this.options.warehouse, this.options.owner);
  }

  prune(): Promise<void> {
    return pruneReplicas(this.options.warehouse);
  }
}
