import { advanceJob, type JobLease, type JobState } from './job.js';
import type { Client } from './pool.js';
import { NO_APPLICATION } from './quarantine.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import type { Warehouse } from './warehouse.js';

export interface TransactionPageWrite {
  readonly lease: JobLease;
  readonly programId: string;
  readonly page: RecordPage;
  /** What the job has reached together with these transactions. */
  readonly state: JobState;
  /** Every transaction created up to here is stored then; RFC 3339. */
  readonly completeThrough?: string | undefined;
}

export interface TransactionCounts extends StoreCounts {
  /** Stored transactions that say something else than before: activated points, another expiry date. */
  readonly changed: number;
}

/**
 * Stores a page of loyalty transactions together with what the job has reached: all or nothing, and nothing without the
 * lease. A transaction that is stored already is written again only when it says something else; the newest text stays.
 * @throws LeaseLostError when another replica has taken over
 */
export async function writeTransactionPage(
  warehouse: Warehouse,
  write: TransactionPageWrite,
): Promise<TransactionCounts> {
  let changed = 0;
  const counts = await storePage(warehouse, write.page, {
    kind: 'loyalty-transaction',
    applicationId: NO_APPLICATION,
    fence: (client) => advanceJob(client, write.lease, write.state),
    prepare: async (client) => {
      changed = 0;
      await moveCompleteThrough(client, write);
    },
    insert: async (client, text) => {
      const { rows } = await client.query<{ inserted: number; changed: number }>(STORE_TRANSACTIONS, [
        write.programId,
        text,
      ]);
      changed += rows[0]?.changed ?? 0;
      return rows[0]?.inserted ?? 0;
    },
  });
  return { ...counts, changed };
}

async function moveCompleteThrough(
  client: Client,
  { programId, completeThrough }: TransactionPageWrite,
): Promise<void> {
  if (completeThrough === undefined) return;
  await client.query(
    `update talon_one_loyalty_program set complete_through = greatest(complete_through, $2) where program_id = $1`,
    [programId, completeThrough],
  );
}

// $1 program, $2 the page as it was sent. A transaction may stand on a page twice when pages shift: the last one counts.
const STORE_TRANSACTIONS = `
  with sent as (
    select distinct on (uuid) uuid, sent
    from (
      select coalesce(nullif(sent ->> 'transactionUUID', ''), 'id:' || (sent ->> 'id')) as uuid, sent, position
      from jsonb_array_elements($2::jsonb -> 'data') with ordinality as page (sent, position)
    ) as page
    order by uuid, position desc
  ), stored as (
    insert into talon_one_loyalty_transaction as t
      (program_id, transaction_uuid, transaction_id, created, type, amount, name, start_date, starts_at, expiry_date,
       expires_at, profile_integration_id, card_identifier, subledger_id, session_integration_id, campaign_id,
       ruleset_id, rule_name, import_id, user_id, user_email, creates_negative_balance, validity_duration, payload)
    select $1, uuid, talon_one_bigint(sent -> 'id'), talon_one_instant(sent ->> 'created'), sent ->> 'type',
      talon_one_numeric(sent -> 'amount'), sent ->> 'name',
      sent ->> 'startDate', talon_one_timestamp(sent ->> 'startDate'),
      sent ->> 'expiryDate', talon_one_timestamp(sent ->> 'expiryDate'),
      nullif(sent ->> 'customerProfileId', ''), nullif(sent ->> 'cardIdentifier', ''),
      coalesce(sent ->> 'subledgerId', ''), nullif(sent ->> 'customerSessionId', ''),
      talon_one_bigint(sent -> 'campaignId'), talon_one_bigint(sent -> 'rulesetId'), sent ->> 'ruleName',
      talon_one_bigint(sent -> 'importId'), talon_one_bigint(sent -> 'userId'), sent ->> 'userEmail',
      case when jsonb_typeof(sent -> 'flags' -> 'createsNegativeBalance') = 'boolean'
        then (sent -> 'flags' -> 'createsNegativeBalance')::boolean end,
      sent ->> 'validityDuration', sent
    from sent
    on conflict (program_id, transaction_uuid) do update
      set transaction_id = excluded.transaction_id, created = excluded.created, type = excluded.type,
          amount = excluded.amount, name = excluded.name, start_date = excluded.start_date,
          starts_at = excluded.starts_at, expiry_date = excluded.expiry_date, expires_at = excluded.expires_at,
          profile_integration_id = excluded.profile_integration_id, card_identifier = excluded.card_identifier,
          subledger_id = excluded.subledger_id, session_integration_id = excluded.session_integration_id,
          campaign_id = excluded.campaign_id, ruleset_id = excluded.ruleset_id, rule_name = excluded.rule_name,
          import_id = excluded.import_id, user_id = excluded.user_id, user_email = excluded.user_email,
          creates_negative_balance = excluded.creates_negative_balance,
          validity_duration = excluded.validity_duration, payload = excluded.payload, synced_at = clock_timestamp()
      where t.payload is distinct from excluded.payload
    returning xmax = 0 as is_new
  )
  select count(*) filter (where is_new)::integer as inserted, count(*) filter (where not is_new)::integer as changed
  from stored`;
