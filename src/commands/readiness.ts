import { messageOf } from '../errors.js';
import type { HealthReport } from '../health/health-server.js';
import { ApiError } from '../talon-one/api-error.js';
import { type ApplicationStatus, readStatuses } from '../warehouse/statuses.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { sharedReading } from './shared-reading.js';

/** Less than what a probe waits for (deploy/kubernetes.yaml). */
const DEADLINE_MS = 3_000;

/** Why the daemon is or is not ready: from its own start, from Postgres, and from what the cycles noted there. */
export class Readiness {
  /** Set once the schema is up to date. */
  warehouse: Warehouse | undefined;
  private applicationIds: readonly string[] | undefined;
  private readonly statuses = sharedReading(
    async (): Promise<ApplicationStatus[]> =>
      this.warehouse ? readStatuses(this.warehouse, this.applicationIds ?? []) : [],
    { freshMs: 0, deadlineMs: DEADLINE_MS },
  );
  private listing = 'the Applications have not been listed yet';

  applicationsFound(ids: readonly string[]): void {
    this.applicationIds = ids;
  }

  applicationsUnknown(error: unknown): void {
    this.listing = `the Applications could not be listed: ${error instanceof ApiError ? error.message : 'unexpected error'}`;
  }

  async report(): Promise<HealthReport> {
    if (!this.warehouse) return { isReady: false, reasons: ['Postgres is not prepared yet'] };
    const reasons = this.applicationIds === undefined ? [this.listing] : [];
    try {
      for (const row of await this.statuses()) {
        if (row.status === 'unauthorised')
          reasons.push(`Application ${row.applicationId}: the API refuses the key`);
      }
    } catch (error) {
      reasons.push(`Postgres does not answer: ${messageOf(error)}`);
    }
    return { isReady: reasons.length === 0, reasons };
  }
}
