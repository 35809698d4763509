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
comment on column talon_one_loyalty_balance_projection.balance_at is 'End of the day: the moment that was asked for';
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
