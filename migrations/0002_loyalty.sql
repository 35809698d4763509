-- Jobs: periodic work beside the events

create function talon_one_next_hour(hour integer) returns timestamptz language sql volatile parallel safe
return (
  select case when today > clock_timestamp() then today else today + interval '1 day' end
  from (select (date_trunc('day', clock_timestamp() at time zone 'UTC') + hour * interval '1 hour') at time zone 'UTC')
    as day (today)
);
comment on function talon_one_next_hour(integer) is 'The next moment at which it is this hour of the day, UTC; NULL for NULL';

create table talon_one_job (
  job text primary key,
  state jsonb not null default '{}',
  status text not null default 'new' check (status in ('new', 'behind', 'up-to-date', 'failing', 'unauthorised')),
  failures integer not null default 0,
  failing_since timestamptz,
  last_error text,
  last_finished_at timestamptz,
  next_run_at timestamptz not null default clock_timestamp(),
  fence bigint not null default 0,
  lease_owner text,
  lease_expires_at timestamptz,
  updated_at timestamptz not null default clock_timestamp()
);
comment on table talon_one_job is 'Periodic work beside the events, and how far each has come. The row is also the lease: its fence names the one run that may write';
comment on column talon_one_job.job is 'Kind of work, and after a colon what it is about: loyalty-transactions:139';
comment on column talon_one_job.state is 'What the job keeps from run to run, such as how far it has read';
comment on column talon_one_job.status is 'new, behind, up-to-date, failing or unauthorised (the API refuses the key)';
comment on column talon_one_job.failures is 'Failed runs in a row';
comment on column talon_one_job.failing_since is 'Start of the first of them';
comment on column talon_one_job.last_error is 'Message of the last failed run, kept when the job goes well again';
comment on column talon_one_job.last_finished_at is 'End of the last run that went well (clock of this database)';
comment on column talon_one_job.next_run_at is 'When the next run is due (clock of this database)';
comment on column talon_one_job.fence is 'Rises with every lease; a writer whose number is lower writes nothing more';
comment on column talon_one_job.lease_owner is 'Process that holds, or last held, the lease';
comment on column talon_one_job.lease_expires_at is 'Until when it holds it (clock of this database)';
comment on column talon_one_job.updated_at is 'Last change of the row';

-- Records of any kind may go to the quarantine or need their original text.

alter table talon_one_quarantine drop constraint if exists talon_one_quarantine_kind_check;
alter table talon_one_original_text drop constraint if exists talon_one_original_text_kind_check;
comment on column talon_one_quarantine.kind is 'What it is: event, profile, session, loyalty-transaction and so on';
comment on column talon_one_quarantine.application_id is 'Application it was read from; 0 for records that belong to none, such as loyalty transactions (source names the program)';
comment on column talon_one_quarantine.raw is 'The text as it was sent: JSON, or a row of a CSV file as JSON (a raw NUL, which text cannot hold, as \u0000)';
comment on column talon_one_original_text.kind is 'What it is: event, profile, session, loyalty-transaction and so on';
comment on column talon_one_original_text.application_id is 'Application it was read from; 0 for records that belong to none, such as loyalty transactions';
comment on column talon_one_original_text.id is 'ID of the record: of a loyalty transaction its transaction_id';

create function talon_one_decimal(value text) returns numeric language sql immutable parallel safe
return case when value ~ '^\s*[+-]?\d{1,100}(\.\d{0,100})?\s*$' then value::numeric end;
comment on function talon_one_decimal(text) is 'The text of a CSV cell as numeric with all its digits, NULL when it is no decimal number';

create function talon_one_time_zone(name text) returns text language plpgsql stable as $$
begin
  perform clock_timestamp() at time zone name;
  return name;
exception when invalid_parameter_value then
  return null;
end $$;
comment on function talon_one_time_zone(text) is 'The name when this database knows the time zone, else NULL';

-- Loyalty: programs

create table talon_one_loyalty_program (
  program_id bigint primary key,
  name text,
  title text,
  created timestamptz,
  time_zone text,
  card_based boolean,
  sandbox boolean,
  allow_subledger boolean,
  default_validity text,
  default_pending text,
  join_policy text,
  tiers_expiration_policy text,
  tiers_expire_in text,
  tiers_downgrade_policy text,
  return_policy text,
  payload jsonb,
  complete_through timestamptz,
  missing_since timestamptz,
  synced_at timestamptz not null default clock_timestamp()
);
comment on table talon_one_loyalty_program is 'Loyalty programs as they are now';
comment on column talon_one_loyalty_program.program_id is 'Talon.One''s ID of the program';
comment on column talon_one_loyalty_program.name is 'Internal name, never changed';
comment on column talon_one_loyalty_program.title is 'Title shown in the Campaign Manager';
comment on column talon_one_loyalty_program.created is 'When the program was created';
comment on column talon_one_loyalty_program.time_zone is 'IANA time zone of the program''s days; NULL when this database does not know it, UTC is used then';
comment on column talon_one_loyalty_program.card_based is 'true: points are held by cards, false: by customer profiles';
comment on column talon_one_loyalty_program.sandbox is 'true: sandbox, false: live';
comment on column talon_one_loyalty_program.allow_subledger is 'Whether points may be kept in subledgers';
comment on column talon_one_loyalty_program.default_validity is 'How long points last unless a rule says otherwise: unlimited, or a duration such as 30D';
comment on column talon_one_loyalty_program.default_pending is 'When points become active unless a rule says otherwise: immediate, on_action, or a duration';
comment on column talon_one_loyalty_program.join_policy is 'When customers join: not_join, points_activated or points_earned';
comment on column talon_one_loyalty_program.tiers_expiration_policy is 'From when tiers are counted: tier_start_date, program_join_date, customer_attribute or absolute_expiration';
comment on column talon_one_loyalty_program.tiers_expire_in is 'How long tiers last, such as 1Y';
comment on column talon_one_loyalty_program.tiers_downgrade_policy is 'one_down or balance_based';
comment on column talon_one_loyalty_program.return_policy is 'What returned items cost in points: only_pending, within_balance or unlimited';
comment on column talon_one_loyalty_program.payload is 'The whole program as sent; NULL when the key may not read it';
comment on column talon_one_loyalty_program.complete_through is 'Every transaction created up to here is stored; wait for it before transforming';
comment on column talon_one_loyalty_program.missing_since is 'When the API first left the program out of its list; its rows stay, nothing more is read';
comment on column talon_one_loyalty_program.synced_at is 'When the program was last read';

create table talon_one_loyalty_tier (
  program_id bigint not null,
  tier_id bigint not null,
  name text,
  min_points numeric,
  created timestamptz,
  payload jsonb not null,
  primary key (program_id, tier_id)
);
comment on table talon_one_loyalty_tier is 'The tiers that each loyalty program has now';
comment on column talon_one_loyalty_tier.program_id is 'Loyalty program';
comment on column talon_one_loyalty_tier.tier_id is 'Talon.One''s ID of the tier';
comment on column talon_one_loyalty_tier.name is 'Name of the tier';
comment on column talon_one_loyalty_tier.min_points is 'Points from which customers are in the tier';
comment on column talon_one_loyalty_tier.created is 'When the tier was created';
comment on column talon_one_loyalty_tier.payload is 'The whole tier as sent';

-- Loyalty: transactions

create table talon_one_loyalty_transaction (
  program_id bigint not null,
  transaction_uuid text not null,
  transaction_id bigint,
  created timestamptz not null,
  type text not null,
  amount numeric not null,
  name text,
  start_date text,
  starts_at timestamptz,
  expiry_date text,
  expires_at timestamptz,
  profile_integration_id text,
  card_identifier text,
  holder text generated always as (coalesce(card_identifier, profile_integration_id)) stored,
  subledger_id text not null,
  session_integration_id text,
  campaign_id bigint,
  ruleset_id bigint,
  rule_name text,
  import_id bigint,
  user_id bigint,
  user_email text,
  creates_negative_balance boolean,
  validity_duration text,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (program_id, transaction_uuid)
);
create index talon_one_loyalty_transaction_created on talon_one_loyalty_transaction (program_id, created);
create index talon_one_loyalty_transaction_holder on talon_one_loyalty_transaction (program_id, holder, subledger_id, created);
create index talon_one_loyalty_transaction_waiting on talon_one_loyalty_transaction (program_id, created) where start_date = 'on_action';
comment on table talon_one_loyalty_transaction is 'The ledger of each loyalty program: every addition and subtraction of points, once. Expiry makes no transaction: it follows from expires_at';
comment on column talon_one_loyalty_transaction.program_id is 'Loyalty program';
comment on column talon_one_loyalty_transaction.transaction_uuid is 'transactionUUID, which the effects addLoyaltyPoints and deductLoyaltyPoints name too; id: and the number when it was sent without one';
comment on column talon_one_loyalty_transaction.transaction_id is 'Talon.One''s internal ID of the transaction';
comment on column talon_one_loyalty_transaction.created is 'When the transaction was made';
comment on column talon_one_loyalty_transaction.type is 'addition or subtraction';
comment on column talon_one_loyalty_transaction.amount is 'Points, always positive: the sign is in type';
comment on column talon_one_loyalty_transaction.name is 'Name or reason';
comment on column talon_one_loyalty_transaction.start_date is 'When the points become active, as sent: immediate, on_action or a time';
comment on column talon_one_loyalty_transaction.starts_at is 'start_date as a time, NULL for words';
comment on column talon_one_loyalty_transaction.expiry_date is 'When the points expire, as sent: unlimited or a time';
comment on column talon_one_loyalty_transaction.expires_at is 'expiry_date as a time, NULL for words';
comment on column talon_one_loyalty_transaction.profile_integration_id is 'The company''s own ID of the customer, in profile-based programs';
comment on column talon_one_loyalty_transaction.card_identifier is 'The card, in card-based programs';
comment on column talon_one_loyalty_transaction.holder is 'Who holds the points: the card, else the customer';
comment on column talon_one_loyalty_transaction.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_transaction.session_integration_id is 'The company''s own ID of the customer session it came from';
comment on column talon_one_loyalty_transaction.campaign_id is 'Campaign whose rule made it';
comment on column talon_one_loyalty_transaction.ruleset_id is 'Ruleset of that rule';
comment on column talon_one_loyalty_transaction.rule_name is 'Name of that rule';
comment on column talon_one_loyalty_transaction.import_id is 'The import it came from';
comment on column talon_one_loyalty_transaction.user_id is 'Who made it by hand';
comment on column talon_one_loyalty_transaction.user_email is 'Address of the user who made it by hand';
comment on column talon_one_loyalty_transaction.creates_negative_balance is 'Whether it took more points than there were';
comment on column talon_one_loyalty_transaction.validity_duration is 'How long points last that wait for an action, such as 30D';
comment on column talon_one_loyalty_transaction.payload is 'The whole transaction as last sent, numbers digit for digit; activation and new expiry dates change it';
comment on column talon_one_loyalty_transaction.synced_at is 'When this row was last written, on the clock of this database';

-- Loyalty: what Talon.One itself says of all customers, daily

create table talon_one_loyalty_snapshot (
  program_id bigint not null,
  kind text not null check (kind in ('balances', 'tiers', 'join-dates', 'projection')),
  fetched_at timestamptz not null,
  finished_at timestamptz,
  row_count bigint not null default 0,
  primary key (program_id, kind, fetched_at)
);
comment on table talon_one_loyalty_snapshot is 'Each reading of an export of a loyalty program; only a finished one has all its rows';
comment on column talon_one_loyalty_snapshot.program_id is 'Loyalty program';
comment on column talon_one_loyalty_snapshot.kind is 'balances, tiers, join-dates or projection';
comment on column talon_one_loyalty_snapshot.fetched_at is 'The export was asked for after this moment (clock of this database)';
comment on column talon_one_loyalty_snapshot.finished_at is 'When its last row was stored; NULL while it is being read';
comment on column talon_one_loyalty_snapshot.row_count is 'Rows stored';

create table talon_one_loyalty_balance_snapshot (
  program_id bigint not null,
  fetched_at timestamptz not null,
  holder text not null,
  subledger_id text not null,
  active numeric,
  pending numeric,
  expired numeric,
  spent numeric,
  negative numeric,
  current_tier text,
  card_state text,
  other jsonb,
  primary key (program_id, fetched_at, holder, subledger_id)
);
comment on table talon_one_loyalty_balance_snapshot is 'Balances of all customers or cards as Talon.One reported them each day';
comment on column talon_one_loyalty_balance_snapshot.program_id is 'Loyalty program';
comment on column talon_one_loyalty_balance_snapshot.fetched_at is 'The reading it belongs to (talon_one_loyalty_snapshot)';
comment on column talon_one_loyalty_balance_snapshot.holder is 'Integration ID of the customer profile, in card-based programs the identifier of the card';
comment on column talon_one_loyalty_balance_snapshot.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_balance_snapshot.active is 'currentBalance: points that can be spent';
comment on column talon_one_loyalty_balance_snapshot.pending is 'pendingBalance: points that are not active yet';
comment on column talon_one_loyalty_balance_snapshot.expired is 'expiredBalance: points that expired unspent';
comment on column talon_one_loyalty_balance_snapshot.spent is 'spentBalance: points that were spent';
comment on column talon_one_loyalty_balance_snapshot.negative is 'negativeBalance; NULL when the export has no such column';
comment on column talon_one_loyalty_balance_snapshot.current_tier is 'Tier at the time of the export';
comment on column talon_one_loyalty_balance_snapshot.card_state is 'active or inactive, for cards';
comment on column talon_one_loyalty_balance_snapshot.other is 'Columns of the export that have none here, as texts; NULL when there are none';

create table talon_one_loyalty_tier_snapshot (
  program_id bigint not null,
  fetched_at timestamptz not null,
  holder text not null,
  subledger_id text not null,
  tier_name text,
  start_date text,
  starts_at timestamptz,
  expiry_date text,
  expires_at timestamptz,
  other jsonb,
  primary key (program_id, fetched_at, holder, subledger_id)
);
comment on table talon_one_loyalty_tier_snapshot is 'Tiers of all customers as Talon.One reported them each day';
comment on column talon_one_loyalty_tier_snapshot.program_id is 'Loyalty program';
comment on column talon_one_loyalty_tier_snapshot.fetched_at is 'The reading it belongs to (talon_one_loyalty_snapshot)';
comment on column talon_one_loyalty_tier_snapshot.holder is 'Integration ID of the customer profile';
comment on column talon_one_loyalty_tier_snapshot.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_tier_snapshot.tier_name is 'Name of the tier';
comment on column talon_one_loyalty_tier_snapshot.start_date is 'Since when, as sent (time zone of the program)';
comment on column talon_one_loyalty_tier_snapshot.starts_at is 'start_date as a time';
comment on column talon_one_loyalty_tier_snapshot.expiry_date is 'Until when, as sent; empty when the tier does not expire';
comment on column talon_one_loyalty_tier_snapshot.expires_at is 'expiry_date as a time';
comment on column talon_one_loyalty_tier_snapshot.other is 'Columns of the export that have none here, as texts; NULL when there are none';

create table talon_one_loyalty_join_date (
  program_id bigint not null,
  holder text not null,
  join_date text,
  joined_at timestamptz,
  other jsonb,
  fetched_at timestamptz not null,
  primary key (program_id, holder)
);
comment on table talon_one_loyalty_join_date is 'When each customer joined each loyalty program';
comment on column talon_one_loyalty_join_date.program_id is 'Loyalty program';
comment on column talon_one_loyalty_join_date.holder is 'Integration ID of the customer profile';
comment on column talon_one_loyalty_join_date.join_date is 'As sent (time zone of the program)';
comment on column talon_one_loyalty_join_date.joined_at is 'join_date as a time';
comment on column talon_one_loyalty_join_date.other is 'Columns of the export that have none here, as texts; NULL when there are none';
comment on column talon_one_loyalty_join_date.fetched_at is 'The reading that brought it, or changed it last (talon_one_loyalty_snapshot)';

create table talon_one_loyalty_balance_projection (
  program_id bigint not null,
  fetched_at timestamptz not null,
  day date not null,
  holder text not null,
  subledger_id text not null,
  balance_at timestamptz not null,
  active numeric,
  pending numeric,
  expired numeric,
  spent numeric,
  primary key (program_id, fetched_at, day, holder, subledger_id)
);
comment on table talon_one_loyalty_balance_projection is 'Balances at the end of coming days as Talon.One projects them (LOYALTY_PROJECTION_DAYS)';
comment on column talon_one_loyalty_balance_projection.program_id is 'Loyalty program';
comment on column talon_one_loyalty_balance_projection.fetched_at is 'The reading it belongs to (talon_one_loyalty_snapshot)';
comment on column talon_one_loyalty_balance_projection.day is 'The day, in the time zone of the program';
comment on column talon_one_loyalty_balance_projection.holder is 'Integration ID of the customer profile, in card-based programs the identifier of the card';
comment on column talon_one_loyalty_balance_projection.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_balance_projection.balance_at is 'Last second of the day: the moment that was asked for';
comment on column talon_one_loyalty_balance_projection.active is 'Points that can be spent then';
comment on column talon_one_loyalty_balance_projection.pending is 'Points that are not active yet then';
comment on column talon_one_loyalty_balance_projection.expired is 'Points that will have expired unspent';
comment on column talon_one_loyalty_balance_projection.spent is 'Points that will have been spent: those that are spent now';

create view talon_one_loyalty_reported_balance as
  select s.* from talon_one_loyalty_balance_snapshot s
  join (
    select program_id, max(fetched_at) as fetched_at from talon_one_loyalty_snapshot
    where kind = 'balances' and finished_at is not null group by program_id
  ) newest using (program_id, fetched_at);
comment on view talon_one_loyalty_reported_balance is 'The newest complete reading of the balances that Talon.One reports';

create view talon_one_loyalty_reported_tier as
  select s.* from talon_one_loyalty_tier_snapshot s
  join (
    select program_id, max(fetched_at) as fetched_at from talon_one_loyalty_snapshot
    where kind = 'tiers' and finished_at is not null group by program_id
  ) newest using (program_id, fetched_at);
comment on view talon_one_loyalty_reported_tier is 'The newest complete reading of the tiers that Talon.One reports';

-- Loyalty: balances and projections computed from the stored transactions. These functions are for readers, who may have
-- any search_path: they keep the one of this migration.

-- One pass over each account. An addition is a lot of points that is active from its start until its expiry. A
-- subtraction takes from the lots that are active then, those that expire first being taken first; what it cannot take is
-- a debt, the negative balance, which points that become active later pay off. The documents of the API say neither in
-- which order points are spent nor what happens in the very moment of a bound: here a start belongs to the active time
-- and an expiry does not.
create function talon_one_loyalty_accounts_at(moment timestamptz, only_program bigint default null, only_holder text default null)
returns table (program_id bigint, holder text, subledger_id text, spent numeric, negative numeric, points_left numeric[],
  active_from timestamptz[], active_until timestamptz[], transaction_uuids text[])
language plpgsql stable rows 100000 set search_path from current as $$
#variable_conflict use_column
declare
  account record;
  points numeric[];
  debt numeric;
  taken numeric;
  wanted numeric;
  part numeric;
  first_lot integer;
  lot integer;
begin
  for account in
    with entry as (
      select t.program_id, t.holder, t.subledger_id, t.transaction_uuid, t.amount, t.type = 'addition' as is_lot,
        case when t.type <> 'addition' or t.start_date is null then t.created
          when t.start_date = 'on_action' then 'infinity'
          else greatest(t.created, t.starts_at) end as since,
        coalesce(t.expires_at, 'infinity') as until
      from talon_one_loyalty_transaction t
      where t.created <= moment and t.holder is not null and t.type in ('addition', 'subtraction')
        and (only_program is null or t.program_id = only_program) and (only_holder is null or t.holder = only_holder)
    ), numbered as (
      select *, case when is_lot then row_number() over (
        partition by program_id, holder, subledger_id, is_lot order by until, since, transaction_uuid) else 0 end as number
      from entry
    )
    select e.program_id, e.holder, e.subledger_id,
      coalesce(array_agg(e.amount order by e.number) filter (where e.is_lot), '{}') as amounts,
      coalesce(array_agg(e.since order by e.number) filter (where e.is_lot), '{}') as froms,
      coalesce(array_agg(e.until order by e.number) filter (where e.is_lot), '{}') as untils,
      coalesce(array_agg(e.transaction_uuid order by e.number) filter (where e.is_lot), '{}') as uuids,
      -- In one moment, points come before they are spent.
      array_agg(e.number order by e.since, e.is_lot desc, e.number) filter (where e.since <= moment and e.since < 'infinity') as move_lots,
      array_agg(e.amount order by e.since, e.is_lot desc, e.number) filter (where e.since <= moment and e.since < 'infinity') as move_points,
      array_agg(e.since order by e.since, e.is_lot desc, e.number) filter (where e.since <= moment and e.since < 'infinity') as move_times
    from numbered e
    group by e.program_id, e.holder, e.subledger_id
  loop
    points := account.amounts;
    debt := 0;
    taken := 0;
    first_lot := 1;
    for step in 1 .. coalesce(cardinality(account.move_lots), 0) loop
      lot := account.move_lots[step];
      if lot > 0 then
        if debt > 0 and account.froms[lot] < account.untils[lot] then
          part := least(points[lot], debt);
          points[lot] := points[lot] - part;
          debt := debt - part;
        end if;
        continue;
      end if;
      wanted := account.move_points[step];
      taken := taken + wanted;
      while first_lot <= cardinality(points) and (account.untils[first_lot] <= account.move_times[step]
          or (points[first_lot] = 0 and account.froms[first_lot] <= account.move_times[step])) loop
        first_lot := first_lot + 1;
      end loop;
      for candidate in first_lot .. cardinality(points) loop
        exit when wanted = 0;
        if account.froms[candidate] <= account.move_times[step] then
          part := least(points[candidate], wanted);
          points[candidate] := points[candidate] - part;
          wanted := wanted - part;
        end if;
      end loop;
      debt := debt + wanted;
    end loop;
    program_id := account.program_id;
    holder := account.holder;
    subledger_id := account.subledger_id;
    spent := taken;
    negative := debt;
    points_left := points;
    active_from := account.froms;
    active_until := account.untils;
    transaction_uuids := account.uuids;
    return next;
  end loop;
end $$;
comment on function talon_one_loyalty_accounts_at(timestamptz, bigint, text) is
  'Each account (program, holder, subledger) at a moment, from the stored transactions: its additions with the points left of each and the time in which they are active, what was spent, and the negative balance';

create function talon_one_loyalty_balances_at(moment timestamptz, only_program bigint default null, only_holder text default null)
returns table (program_id bigint, holder text, subledger_id text, active numeric, pending numeric, expired numeric,
  spent numeric, negative numeric)
language sql stable set search_path from current as $$
  select account.program_id, account.holder, account.subledger_id,
    coalesce(sum(points) filter (where since <= moment and moment < until), 0),
    coalesce(sum(points) filter (where since > moment and moment < until), 0),
    coalesce(sum(points) filter (where until <= moment), 0),
    account.spent, account.negative
  from talon_one_loyalty_accounts_at(moment, only_program, only_holder) as account
  left join lateral unnest(points_left, active_from, active_until) as lot (points, since, until) on true
  group by account.program_id, account.holder, account.subledger_id, account.spent, account.negative
$$;
comment on function talon_one_loyalty_balances_at(timestamptz, bigint, text) is
  'Active, pending, expired, spent and negative points of each account at any moment, past or future, from the stored transactions; of one program or holder when they are given, which is quick';

create view talon_one_loyalty_balance as
  select * from talon_one_loyalty_balances_at(clock_timestamp());
comment on view talon_one_loyalty_balance is 'Balances of each account now, from the stored transactions';
comment on column talon_one_loyalty_balance.program_id is 'Loyalty program';
comment on column talon_one_loyalty_balance.holder is 'Integration ID of the customer profile, in card-based programs the identifier of the card';
comment on column talon_one_loyalty_balance.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_balance.active is 'Points that can be spent';
comment on column talon_one_loyalty_balance.pending is 'Points that are not active yet, also those that wait for an action';
comment on column talon_one_loyalty_balance.expired is 'Points that expired unspent';
comment on column talon_one_loyalty_balance.spent is 'Points that were spent';
comment on column talon_one_loyalty_balance.negative is 'Points that were spent without being there';

create view talon_one_loyalty_difference as
  with reading as (
    select program_id, max(fetched_at) as fetched_at from talon_one_loyalty_snapshot
    where kind = 'balances' and finished_at is not null group by program_id
  ), reported as (
    select snapshot.* from talon_one_loyalty_balance_snapshot as snapshot join reading using (program_id, fetched_at)
  ), ledger as (
    select reading.fetched_at, balance.* from reading
    cross join lateral talon_one_loyalty_balances_at(reading.fetched_at, reading.program_id) as balance
  )
  select program_id, fetched_at, holder, subledger_id,
    reported.active as reported_active, ledger.active as ledger_active,
    reported.pending as reported_pending, ledger.pending as ledger_pending,
    reported.expired as reported_expired, ledger.expired as ledger_expired,
    reported.spent as reported_spent, ledger.spent as ledger_spent
  from reported full join ledger using (program_id, fetched_at, holder, subledger_id)
  where (coalesce(reported.active, 0), coalesce(reported.pending, 0), coalesce(reported.expired, 0), coalesce(reported.spent, 0))
    is distinct from (coalesce(round(ledger.active, 2), 0), coalesce(round(ledger.pending, 2), 0),
      coalesce(round(ledger.expired, 2), 0), coalesce(round(ledger.spent, 2), 0));
comment on view talon_one_loyalty_difference is
  'Reconciliation: accounts whose balance in the newest reading is not what the stored transactions say of that moment; empty when all is well';
comment on column talon_one_loyalty_difference.program_id is 'Loyalty program';
comment on column talon_one_loyalty_difference.fetched_at is 'The reading, and the moment that is compared';
comment on column talon_one_loyalty_difference.holder is 'Integration ID of the customer profile, in card-based programs the identifier of the card';
comment on column talon_one_loyalty_difference.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_difference.reported_active is 'Active points as Talon.One reported them (two decimals); NULL when it reported no such account';
comment on column talon_one_loyalty_difference.ledger_active is 'Active points from the stored transactions; NULL when there are none for this account';
comment on column talon_one_loyalty_difference.reported_pending is 'The same for pending points';
comment on column talon_one_loyalty_difference.ledger_pending is 'The same for pending points';
comment on column talon_one_loyalty_difference.reported_expired is 'The same for expired points';
comment on column talon_one_loyalty_difference.ledger_expired is 'The same for expired points';
comment on column talon_one_loyalty_difference.reported_spent is 'The same for spent points';
comment on column talon_one_loyalty_difference.ledger_spent is 'The same for spent points';

-- The last second of a day of a program: points that expire at midnight still count on the day that ends then.
create function talon_one_loyalty_days(only_program bigint, days integer)
returns table (program_id bigint, day date, balance_at timestamptz)
language sql volatile set search_path from current as $$
  select program_id, (today + ahead * interval '1 day')::date,
    (today + (ahead + 1) * interval '1 day' - interval '1 second') at time zone zone
  from (
    select program_id, coalesce(time_zone, 'UTC') as zone,
      date_trunc('day', clock_timestamp() at time zone coalesce(time_zone, 'UTC')) as today
    from talon_one_loyalty_program where only_program is null or program_id = only_program
  ) as program, generate_series(0, days - 1) as ahead
$$;
comment on function talon_one_loyalty_days(bigint, integer) is
  'Today and the days after it, each with its last second, in the time zone of each loyalty program (UTC when it is not known)';

create function talon_one_loyalty_projected(days integer, only_program bigint default null, only_holder text default null)
returns table (program_id bigint, holder text, subledger_id text, day date, balance_at timestamptz, activating numeric,
  expiring numeric, projected_balance numeric)
language sql volatile set search_path from current as $$
  with start as materialized (
    select clock_timestamp() as moment
  ), day as materialized (
    select program_id, day, balance_at, lag(balance_at, 1, moment) over (partition by program_id order by day) as previous
    from talon_one_loyalty_days(only_program, days), start
  ), account as materialized (
    -- At infinity every subtraction is done and every debt paid by the points that are to come: nothing else moves.
    select * from talon_one_loyalty_accounts_at('infinity', only_program, only_holder)
  ), lot as materialized (
    select program_id, holder, subledger_id, points, since, until
    from account, unnest(points_left, active_from, active_until) as lot (points, since, until)
    where points > 0 and since < until
  ), change as (
    select program_id, holder, subledger_id, day, sum(activating) as activating, sum(expiring) as expiring
    from (
      select program_id, holder, subledger_id, day, points as activating, 0 as expiring
      from lot join day using (program_id) where since > previous and since <= balance_at
      union all
      select program_id, holder, subledger_id, day, 0, points
      from lot join day using (program_id) where until > previous and until <= balance_at
    ) as moved
    group by program_id, holder, subledger_id, day
  ), now_active as (
    select program_id, holder, subledger_id, sum(points) as points
    from lot, start where since <= moment and moment < until
    group by program_id, holder, subledger_id
  )
  select program_id, holder, subledger_id, day, day.balance_at, coalesce(change.activating, 0), coalesce(change.expiring, 0),
    coalesce(now_active.points, 0) + sum(coalesce(change.activating, 0) - coalesce(change.expiring, 0))
      over (partition by program_id, holder, subledger_id order by day)
  from account join day using (program_id)
  left join now_active using (program_id, holder, subledger_id)
  left join change using (program_id, holder, subledger_id, day)
$$;
comment on function talon_one_loyalty_projected(integer, bigint, text) is
  'For each account and each of the coming days: points that become active, points that expire, and the balance at the end of the day if nothing is earned or spent; of one program or holder when they are given, which is quick';

create view talon_one_loyalty_projection as
  select * from talon_one_loyalty_projected(31);
comment on view talon_one_loyalty_projection is 'Expiring and activating points and the projected balance of each account for 31 days, today first, from the stored transactions';
comment on column talon_one_loyalty_projection.program_id is 'Loyalty program';
comment on column talon_one_loyalty_projection.holder is 'Integration ID of the customer profile, in card-based programs the identifier of the card';
comment on column talon_one_loyalty_projection.subledger_id is 'Subledger, empty for the main ledger';
comment on column talon_one_loyalty_projection.day is 'The day, in the time zone of the program; the first row is what is left of today';
comment on column talon_one_loyalty_projection.balance_at is 'Last second of the day';
comment on column talon_one_loyalty_projection.activating is 'Points that become active on the day, less what pays off a negative balance';
comment on column talon_one_loyalty_projection.expiring is 'Active points that expire on the day';
comment on column talon_one_loyalty_projection.projected_balance is 'Active points at the end of the day if nothing is earned or spent until then';

-- Views say of their columns what the tables behind them say.
do $$
declare
  copied record;
begin
  for copied in
    select target, attname as name, col_description(attrelid, attnum) as comment
    from (values
      ('talon_one_loyalty_balance_snapshot', 'talon_one_loyalty_reported_balance'),
      ('talon_one_loyalty_tier_snapshot', 'talon_one_loyalty_reported_tier')
    ) as pair (source, target)
    join pg_attribute on attrelid = source::regclass and attnum > 0 and not attisdropped
  loop
    execute format('comment on column %I.%I is %L', copied.target, copied.name, copied.comment);
  end loop;
end $$;
