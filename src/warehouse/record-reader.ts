import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

/** Some hundred kilobytes of JSON, as a rule. */
const FETCH = 'fetch 200 from records';
const STATEMENT_MS = 600_000;

export interface RecordSelection {
  /** `undefined`: all Applications. */
  readonly applicationId?: string | undefined;
  /** RFC 3339; events created from here on. */
  readonly from?: string | undefined;
  /** RFC 3339; events created before. */
  readonly to?: string | undefined;
}

/** What can be read, and in which order. The parameters are those of RecordSelection. */
const DECLARE = {
  event: `declare records no scroll cursor for
    select payload::text as payload from talon_one_event
    where ($1::bigint is null or application_id = $1)
      and ($2::timestamptz is null or created >= $2) and ($3::timestamptz is null or created < $3)
    order by application_id, created, event_id`,
  profile: `declare records no scroll cursor for
    select payload::text as payload from talon_one_profile
    where payload is not null and ($1::bigint is null or application_id = $1)
      and ($2::timestamptz is null or profile_created >= $2) and ($3::timestamptz is null or profile_created < $3)
    order by profile_id`,
} as const;

export type StoredRecord = keyof typeof DECLARE;

/**
 * Hands the payloads of stored records over in batches, numbers digit for digit. A cursor in one transaction: all batches
 * show the same moment, and only one is in memory.
 */
export async function readPayloads(
  warehouse: Warehouse,
  kind: StoredRecord,
  { applicationId, from, to }: RecordSelection,
  onBatch: (payloads: readonly string[]) => Promise<void>,
): Promise<void> {
  let isRepeated = false;
  await warehouse.transaction(
    async (client) => {
      // What was handed over cannot be taken back.
      if (isRepeated) throw new Error('Postgres ended the reading in the middle: run the export again');
      isRepeated = true;
      await client.query(DECLARE[kind], [applicationId, from, to]);
      for (let batch = await fetchBatch(client); batch.length > 0; batch = await fetchBatch(client))
        await onBatch(batch);
    },
    { statementMs: STATEMENT_MS },
  );
}

async function fetchBatch(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ payload: string }>(FETCH);
  return rows.map((row) => row.payload);
}
