import type { Simulator } from '../simulator/simulator-handle.js';
import type { TestDatabase } from './postgres.js';

/** What is missing, changed or too much in the stored ledgers, compared with what the API shows. None: all is well. */
export async function findLedgerDifferences(
  simulator: Simulator,
  database: Pick<TestDatabase, 'query'>,
  programIds: readonly number[] = simulator.loyaltyProgramIds,
): Promise<string[]> {
  const [table] = await database.query<{ present: boolean }>(
    `select to_regclass('talon_one_loyalty_transaction') is not null as present`,
  );
  if (!table?.present) return ['there are no tables yet'];
  const findings: string[] = [];
  for (const id of programIds) {
    const issued = [...simulator.issuedLoyalty(id)].map((each) => each.text);
    const rows = await database.query<{ finding: string }>(DIFFERENCES, [id, `[${issued.join(',')}]`]);
    findings.push(...rows.map((row) => `program ${id}: ${row.finding}`));
  }
  return findings;
}

// $1 program, $2 the issued transactions.
const DIFFERENCES = `
  with issued as (select value ->> 'transactionUUID' as uuid, value as payload from jsonb_array_elements($2::jsonb)),
    stored as (select transaction_uuid as uuid, payload from talon_one_loyalty_transaction where program_id = $1)
  select case when stored.uuid is null then 'not stored: ' when issued.uuid is null then 'never issued: '
      else 'not stored as sent: ' end || uuid as finding
  from issued full join stored using (uuid)
  where issued.payload::text is distinct from stored.payload::text
  order by finding limit 5`;
