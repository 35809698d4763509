import type { Begin } from './history-writer.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import type { Warehouse } from './warehouse.js';

export type CodeKind = 'coupon' | 'referral';

/**
 * Stores a batch of exported coupons or referrals. A row that is stored already is replaced if it differs: its counters
 * have moved since.
 * @returns rows that were new or differed
 */
export function writeCodes(
  warehouse: Warehouse,
  kind: CodeKind,
  applicationId: string,
  batch: RecordPage,
  begin: Begin,
): Promise<StoreCounts> {
  return storePage(warehouse, batch, {
    kind,
    applicationId,
    fence: begin,
    insert: async (client, text) => (await client.query(UPSERT[kind], [applicationId, text])).rowCount ?? 0,
  });
}

// $1 Application, $2 the batch. `distinct on`: a file may have a row twice.
const UPSERT: Record<CodeKind, string> = {
  coupon: `
    insert into talon_one_coupon as c
      (application_id, coupon_id, created, campaign_id, value, start_date, expiry_date, usage_limit, usage_counter,
       discount_limit, discount_counter, reservation_limit, reservation_counter, recipient_integration_id, referral_id,
       batch_id, payload)
    select distinct on (id) $1::bigint, (cell ->> 'id')::bigint as id, talon_one_timestamp(cell ->> 'created'),
      talon_one_whole_number(cell ->> 'campaignid'), cell ->> 'value', talon_one_timestamp(cell ->> 'startdate'),
      talon_one_timestamp(cell ->> 'expirydate'), talon_one_whole_number(cell ->> 'limitval'),
      talon_one_whole_number(cell ->> 'counter'), talon_one_decimal(cell ->> 'discount_limitval'),
      talon_one_decimal(cell ->> 'discount_counter'), talon_one_whole_number(cell ->> 'reservation_limitval'),
      talon_one_whole_number(cell ->> 'reservation_counter'), nullif(cell ->> 'recipientintegrationid', ''),
      nullif(talon_one_whole_number(cell ->> 'referralid'), 0), nullif(cell ->> 'batchid', ''), cell
    from jsonb_array_elements($2::jsonb -> 'data') as row (cell)
    order by id
    on conflict (application_id, coupon_id) do update
      set (created, campaign_id, value, start_date, expiry_date, usage_limit, usage_counter, discount_limit,
           discount_counter, reservation_limit, reservation_counter, recipient_integration_id, referral_id, batch_id,
           payload, synced_at)
        = row(excluded.created, excluded.campaign_id, excluded.value, excluded.start_date, excluded.expiry_date,
           excluded.usage_limit, excluded.usage_counter, excluded.discount_limit, excluded.discount_counter,
           excluded.reservation_limit, excluded.reservation_counter, excluded.recipient_integration_id,
           excluded.referral_id, excluded.batch_id, excluded.payload, excluded.synced_at)
      where c.payload is distinct from excluded.payload`,
  referral: `
    insert into talon_one_referral as r
      (application_id, referral_id, created, campaign_id, code, advocate_integration_id, friend_integration_id,
       start_date, expiry_date, usage_limit, usage_counter, batch_id, payload)
    select distinct on (id) $1::bigint, (cell ->> 'id')::bigint as id, talon_one_timestamp(cell ->> 'created'),
      talon_one_whole_number(cell ->> 'campaignid'), cell ->> 'code',
      nullif(cell ->> 'advocateprofileintegrationid', ''), nullif(cell ->> 'friendprofileintegrationid', ''),
      talon_one_timestamp(cell ->> 'startdate'), talon_one_timestamp(cell ->> 'expirydate'),
      talon_one_whole_number(cell ->> 'limitval'), talon_one_whole_number(cell ->> 'counter'),
      nullif(cell ->> 'batchid', ''), cell
    from jsonb_array_elements($2::jsonb -> 'data') as row (cell)
    order by id
    on conflict (application_id, referral_id) do update
      set (created, campaign_id, code, advocate_integration_id, friend_integration_id, start_date, expiry_date,
           usage_limit, usage_counter, batch_id, payload, synced_at)
        = row(excluded.created, excluded.campaign_id, excluded.code, excluded.advocate_integration_id,
           excluded.friend_integration_id, excluded.start_date, excluded.expiry_date, excluded.usage_limit,
           excluded.usage_counter, excluded.batch_id, excluded.payload, excluded.synced_at)
      where r.payload is distinct from excluded.payload`,
};
