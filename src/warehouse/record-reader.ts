import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

/** Some hundred kilobytes of JSON, as a rule. */
const FETCH = 'fetch 200 from records';
const STATEMENT_MS = 600_000;

type Text = string | undefined;

/** What can be read; times are RFC 3339, an absent filter lets everything through. */
export type RecordSelection =
  /** Created from `from` on and before `to`. */
  | {
      readonly kind: 'event' | 'profile';
      readonly applicationId: Text;
      readonly from: Text;
      readonly to: Text;
    }
  | {
      readonly kind: 'loyalty-transaction';
      readonly programId: string;
      /** Integration ID of a profile, or identifier of a card. */
      readonly holder: string;
      readonly subledgerId: Text;
      readonly from: Text;
      readonly to: Text;
    }
  | {
      readonly kind: 'loyalty-balance';
      readonly programId: string;
      readonly holder: string;
      readonly subledgerId: Text;
      /** Absent: now. */
      readonly at: Text;
    };

const DECLARE: Record<RecordSelection['kind'], string> = {
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
  'loyalty-transaction': `declare records no scroll cursor for
    select payload::text as payload from talon_one_loyalty_transaction
    where program_id = $1 and holder = $2 and ($3::text is null or subledger_id = $3)
      and ($4::timestamptz is null or created >= $4) and ($5::timestamptz is null or created < $5)
    order by created, transaction_uuid`,
  // As the API names them.
  'loyalty-balance': `declare records no scroll cursor for
    select json_build_object('subledger', subledger_id, 'activePoints', active, 'pendingPoints', pending,
      'spentPoints', spent, 'expiredPoints', expired, 'negativePoints', negative)::text as payload
    from talon_one_loyalty_balances_at(coalesce($4::timestamptz, clock_timestamp()), $1, $2)
    where $3::text is null or subledger_id = $3
    order by subledger_id`,
};

/**
 * Hands stored records over in batches, as JSON whose numbers are digit for digit. A cursor in one transaction: all
 * batches show the same moment, and only one is in memory.
 */
export async function readRecords(
  warehouse: Warehouse,
  selection: RecordSelection,
  onBatch: (payloads: readonly string[]) => Promise<void>,
): Promise<void> {
  let isRepeated = false;
  await warehouse.transaction(
    async (client) => {
      // What was handed over cannot be taken back.
      if (isRepeated) throw new Error('Postgres ended the reading in the middle: run the export again');
      isRepeated = true;
      await client.query(DECLARE[selection.kind], parametersOf(selection));
      for (let batch = await fetchBatch(client); batch.length > 0; batch = await fetchBatch(client))
        await onBatch(batch);
    },
    { statementMs: STATEMENT_MS },
  );
}

function parametersOf(selection: RecordSelection): Text[] {
  switch (selection.kind) {
    case 'loyalty-transaction': {
      const { programId, holder, subledgerId, from, to } = selection;
      return [programId, holder, subledgerId, from, to];
    }
    case 'loyalty-balance':
      return [selection.programId, selection.holder, selection.subledgerId, selection.at];
    default:
      return [selection.applicationId, selection.from, selection.to];
  }
}

async function fetchBatch(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ payload: string }>(FETCH);
  return rows.map((row) => row.payload);
}

/** How much of an Application is stored: `part` until its events have been read to their end for the first time. */
export type StoredExtent = 'nothing' | 'part' | 'whole';

/** @param applicationId absent: all Applications together */
export async function storedExtent(
  warehouse: Warehouse,
  applicationId: string | undefined,
): Promise<StoredExtent> {
  return warehouse.transaction(async (client) => {
    const { rows } = await client.query<{ whole: boolean; some: boolean }>(
      `select coalesce((select bool_and(complete_through is not null) from talon_one_sync_cursor
           where $1::bigint is null or application_id = $1), false) as whole,
         exists (select from talon_one_sync_cursor
           where ($1::bigint is null or application_id = $1) and complete_through is not null)
         or exists (select from talon_one_event where $1::bigint is null or application_id = $1) as some`,
      [applicationId],
    );
    const [stored] = rows;
    if (stored?.whole) return 'whole';
    return stored?.some ? 'part' : 'nothing';
  });
}

/** Whether the transactions of a loyalty program have been read to their end at least once. */
export async function isProgramStored(warehouse: Warehouse, programId: string): Promise<boolean> {
  return warehouse.transaction(async (client) => {
    const { rowCount } = await client.query(
      'select from talon_one_loyalty_program where program_id = $1 and complete_through is not null',
      [programId],
    );
    return rowCount === 1;
  });
}
