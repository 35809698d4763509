/** What Talon.One reports of all customers of a loyalty program (docs/api-facts.md, CSV exports). */
export const SNAPSHOT_KINDS = ['balances', 'tiers', 'join-dates', 'projection'] as const;
export type SnapshotKind = (typeof SNAPSHOT_KINDS)[number];

// $1 program, $2 fetched at, $3 rows of the CSV as {"data": [{column: text}]} with the columns in lower case. Columns are
// spelled differently from export to export; those that have no column here are kept together.

const rowsWith = (known: readonly string[]) => `
  select coalesce(nullif(sent ->> 'profileintegrationid', ''), nullif(sent ->> 'customerprofileid', ''),
      nullif(sent ->> 'cardidentifier', '')) as holder,
    coalesce(sent ->> 'loyaltysubledger', sent ->> 'subledgerid', '') as subledger_id,
    nullif(sent - '{${columnList(known)}}'::text[], '{}') as other, sent
  from jsonb_array_elements($3::jsonb -> 'data') as page (sent)`;

const columnList = (known: readonly string[]) => [...HOLDERS, ...known].join(',');
const HOLDERS = [
  'loyaltyprogramid',
  'programid',
  'loyaltysubledger',
  'subledgerid',
  'profileintegrationid',
  'customerprofileid',
  'cardidentifier',
];
const BALANCES = [
  'currentbalance',
  'pendingbalance',
  'expiredbalance',
  'spentbalance',
  'negativebalance',
  'currenttier',
  'cardstate',
];

const BALANCE_ROWS = rowsWith(BALANCES);
const TIER_ROWS = rowsWith(['tiername', 'startdate', 'expirydate']);
const JOIN_DATE_ROWS = rowsWith(['joindate']);

export const STORE_ROWS: Record<SnapshotKind, string> = {
  balances: `
    insert into talon_one_loyalty_balance_snapshot
      (program_id, fetched_at, holder, subledger_id, active, pending, expired, spent, negative, current_tier, card_state,
       other)
    select $1, $2, holder, subledger_id, talon_one_decimal(sent ->> 'currentbalance'),
      talon_one_decimal(sent ->> 'pendingbalance'), talon_one_decimal(sent ->> 'expiredbalance'),
      talon_one_decimal(sent ->> 'spentbalance'), talon_one_decimal(sent ->> 'negativebalance'),
      nullif(sent ->> 'currenttier', ''), nullif(sent ->> 'cardstate', ''), other
    from (${BALANCE_ROWS}) as page
    on conflict do nothing`,
  tiers: `
    insert into talon_one_loyalty_tier_snapshot
      (program_id, fetched_at, holder, subledger_id, tier_name, start_date, starts_at, expiry_date, expires_at, other)
    select $1, $2, holder, subledger_id, sent ->> 'tiername',
      sent ->> 'startdate', talon_one_timestamp(sent ->> 'startdate'),
      sent ->> 'expirydate', talon_one_timestamp(sent ->> 'expirydate'), other
    from (${TIER_ROWS}) as page
    on conflict do nothing`,
  'join-dates': `
    insert into talon_one_loyalty_join_date as j (program_id, holder, join_date, joined_at, other, fetched_at)
    select distinct on (holder) $1::bigint, holder, sent ->> 'joindate', talon_one_timestamp(sent ->> 'joindate'), other,
      $2::timestamptz
    from (${JOIN_DATE_ROWS}) as page
    order by holder
    on conflict (program_id, holder) do update
      set join_date = excluded.join_date, joined_at = excluded.joined_at, other = excluded.other,
          fetched_at = excluded.fetched_at
      where (j.join_date, j.other) is distinct from (excluded.join_date, excluded.other)`,
  // $4 day, $5 its last second.
  projection: `
    insert into talon_one_loyalty_balance_projection
      (program_id, fetched_at, holder, subledger_id, active, pending, expired, spent, day, balance_at)
    select $1, $2, holder, subledger_id, talon_one_decimal(sent ->> 'currentbalance'),
      talon_one_decimal(sent ->> 'pendingbalance'), talon_one_decimal(sent ->> 'expiredbalance'),
      talon_one_decimal(sent ->> 'spentbalance'), $4::date, $5::timestamptz
    from (${BALANCE_ROWS}) as page
    on conflict do nothing`,
};

// What readings that broke off have left behind. $1 program, $2 kind, $3 most rows to remove.
const removeRows = (table: string) => `
  delete from ${table} where ctid = any(array(
    select left_behind.ctid from ${table} as left_behind
    join talon_one_loyalty_snapshot using (program_id, fetched_at)
    where program_id = $1 and kind = $2 and finished_at is null limit $3))`;

/** Join dates are kept: they are what is known, not a reading. */
export const REMOVE_ROWS: Readonly<Partial<Record<SnapshotKind, string>>> = {
  balances: removeRows('talon_one_loyalty_balance_snapshot'),
  tiers: removeRows('talon_one_loyalty_tier_snapshot'),
  projection: removeRows('talon_one_loyalty_balance_projection'),
};
