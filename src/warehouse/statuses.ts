import type { Warehouse } from './warehouse.js';

export interface ApplicationStatus {
  readonly applicationId: string;
  readonly status: string;
}

const LIMITS = { statementMs: 2_000, lockMs: 1_000 };

/** What the last cycles noted about these Applications; quick to fail, for readiness. */
export async function readStatuses(
  warehouse: Warehouse,
  applicationIds: readonly string[],
): Promise<ApplicationStatus[]> {
  const { rows } = await warehouse.transaction(
    (client) =>
      client.query<{ application_id: string; status: string }>(
        'select application_id, status from talon_one_sync_cursor where application_id = any($1::bigint[]) order by 1',
        [applicationIds],
      ),
    LIMITS,
  );
  return rows.map((row) => ({ applicationId: row.application_id, status: row.status }));
}
