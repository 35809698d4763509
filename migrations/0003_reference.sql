-- Reference data: the configuration that events and effects point to, with its history; coupons, referrals, audit log.

create function talon_one_boolean(value jsonb) returns boolean language sql immutable parallel safe
return case when jsonb_typeof(value) = 'boolean' then value::boolean end;
comment on function talon_one_boolean(jsonb) is 'The value as boolean, NULL when it is no JSON boolean';

create function talon_one_sorted(list jsonb) returns jsonb language sql immutable parallel safe
return case when jsonb_typeof(list) = 'array'
  then (select coalesce(jsonb_agg(element order by element), '[]') from jsonb_array_elements(list) as elements (element))
  else list end;
comment on function talon_one_sorted(jsonb) is 'The list with its elements in a fixed order; anything else as it is';

create function talon_one_content(record jsonb, passing text, sets text[]) returns jsonb language sql immutable parallel safe
return (
  select coalesce(jsonb_object_agg(key, case when key = any (sets) then talon_one_sorted(value) else value end), '{}')
  from jsonb_each(case when jsonb_typeof(record) = 'object' then record else '{}' end) as member (key, value)
  where passing is null or key !~ passing
);
comment on function talon_one_content(jsonb, text, text[]) is
  'What makes a version of a record: all members but those whose name matches "passing" (counters, times; NULL for none), with the lists named in "sets" in a fixed order';

-- Every history table has the same frame. The exclusion constraint keeps the versions of one ID apart; it is checked at
-- the end of a statement, because one statement closes a version and opens the next. int8range stands for "equal" there,
-- which GiST offers for ranges without an extension.

create table talon_one_application (
  application_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  name text,
  timezone text,
  currency text,
  sandbox boolean,
  created timestamptz,
  modified timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (application_id, valid_from),
  constraint talon_one_application_one_version exclude using gist
    (int8range(application_id, application_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_application is 'Applications, a row for each version';
comment on column talon_one_application.application_id is 'Talon.One''s ID of the Application';
comment on column talon_one_application.name is 'Name';
comment on column talon_one_application.timezone is 'IANA time zone';
comment on column talon_one_application.currency is 'Currency of its amounts';
comment on column talon_one_application.sandbox is 'true: sandbox, false: live';
comment on column talon_one_application.created is 'When it was created';
comment on column talon_one_application.modified is 'When it was last modified';

create table talon_one_campaign (
  campaign_id bigint not null,
  application_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  name text,
  state text,
  start_time timestamptz,
  end_time timestamptz,
  active_ruleset_id bigint,
  created timestamptz,
  updated timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (campaign_id, valid_from),
  constraint talon_one_campaign_one_version exclude using gist
    (int8range(campaign_id, campaign_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_campaign is 'Campaigns, a row for each version';
comment on column talon_one_campaign.campaign_id is 'Talon.One''s ID of the campaign, as in talon_one_effect';
comment on column talon_one_campaign.application_id is 'Application it belongs to';
comment on column talon_one_campaign.name is 'Name';
comment on column talon_one_campaign.state is 'enabled, disabled or archived; payload has the finer frontendState';
comment on column talon_one_campaign.start_time is 'When it becomes active, if that was set';
comment on column talon_one_campaign.end_time is 'When it becomes inactive, if that was set';
comment on column talon_one_campaign.active_ruleset_id is 'Ruleset that it applies';
comment on column talon_one_campaign.created is 'When it was created';
comment on column talon_one_campaign.updated is 'When its own properties were last updated';

create table talon_one_ruleset (
  ruleset_id bigint not null,
  application_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  campaign_id bigint,
  created timestamptz,
  activated_at timestamptz,
  payload jsonb not null,
  campaign_updated timestamptz,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (ruleset_id, valid_from),
  constraint talon_one_ruleset_one_version exclude using gist
    (int8range(ruleset_id, ruleset_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_ruleset is 'Rulesets (revisions of a campaign''s rules) that were active when the campaigns were read, a row for each version';
comment on column talon_one_ruleset.ruleset_id is 'Talon.One''s ID of the ruleset, as in talon_one_effect';
comment on column talon_one_ruleset.application_id is 'Application of the campaign';
comment on column talon_one_ruleset.campaign_id is 'Campaign it belongs to; which one was active when says active_ruleset_id of talon_one_campaign';
comment on column talon_one_ruleset.created is 'When it was created';
comment on column talon_one_ruleset.activated_at is 'When it was activated';
comment on column talon_one_ruleset.campaign_updated is 'updated of the campaign when the ruleset was last read; it is read again when that moves';

create table talon_one_loyalty_program_version (
  program_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
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
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (program_id, valid_from),
  constraint talon_one_loyalty_program_one_version exclude using gist
    (int8range(program_id, program_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_loyalty_program_version is 'Loyalty programs and their tiers (in payload), a row for each version; talon_one_loyalty_program has them as they are now';

create table talon_one_attribute (
  attribute_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  entity text,
  name text,
  title text,
  type text,
  created timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (attribute_id, valid_from),
  constraint talon_one_attribute_one_version exclude using gist
    (int8range(attribute_id, attribute_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_attribute is 'Custom attributes of the account, a row for each version';
comment on column talon_one_attribute.attribute_id is 'Talon.One''s ID of the attribute';
comment on column talon_one_attribute.entity is 'What it is an attribute of, such as CustomerProfile or CartItem';
comment on column talon_one_attribute.name is 'Name under which it stands in attributes';
comment on column talon_one_attribute.title is 'Name for people';
comment on column talon_one_attribute.type is 'Type of its values, such as string or (list number)';
comment on column talon_one_attribute.created is 'When it was created';

create table talon_one_audience (
  audience_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  name text,
  integration text,
  integration_id text,
  sandbox boolean,
  created timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (audience_id, valid_from),
  constraint talon_one_audience_one_version exclude using gist
    (int8range(audience_id, audience_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_audience is 'Audiences of the account, a row for each version; their members are not copied';
comment on column talon_one_audience.audience_id is 'Talon.One''s ID of the audience';
comment on column talon_one_audience.name is 'Name';
comment on column talon_one_audience.integration is 'Third-party platform it comes from';
comment on column talon_one_audience.integration_id is 'Its ID on that platform';
comment on column talon_one_audience.sandbox is 'true: sandbox, false: live';
comment on column talon_one_audience.created is 'When it was created';

create table talon_one_store (
  store_id bigint not null,
  application_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  integration_id text,
  name text,
  created timestamptz,
  updated timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (store_id, valid_from),
  constraint talon_one_store_one_version exclude using gist
    (int8range(store_id, store_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
create index talon_one_store_integration on talon_one_store (application_id, integration_id);
comment on table talon_one_store is 'Stores, a row for each version';
comment on column talon_one_store.store_id is 'Talon.One''s ID of the store';
comment on column talon_one_store.application_id is 'Application it belongs to';
comment on column talon_one_store.integration_id is 'The company''s own ID of the store, as store_integration_id of talon_one_event';
comment on column talon_one_store.name is 'Name';
comment on column talon_one_store.created is 'When it was created';
comment on column talon_one_store.updated is 'When it was last updated';

create table talon_one_achievement (
  achievement_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  campaign_id bigint,
  name text,
  title text,
  target numeric,
  created timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (achievement_id, valid_from),
  constraint talon_one_achievement_one_version exclude using gist
    (int8range(achievement_id, achievement_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_achievement is 'Achievements, a row for each version';
comment on column talon_one_achievement.achievement_id is 'Talon.One''s ID of the achievement';
comment on column talon_one_achievement.campaign_id is 'Campaign it belongs to, where achievements belong to campaigns (the older form)';
comment on column talon_one_achievement.name is 'Name in API requests';
comment on column talon_one_achievement.title is 'Name for people';
comment on column talon_one_achievement.target is 'Actions or amount that complete it';
comment on column talon_one_achievement.created is 'When it was created';

create table talon_one_event_type (
  event_type_id bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  name text,
  title text,
  created timestamptz,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (event_type_id, valid_from),
  constraint talon_one_event_type_one_version exclude using gist
    (int8range(event_type_id, event_type_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&) deferrable initially immediate
);
comment on table talon_one_event_type is 'Definitions of custom event types, a row for each version';
comment on column talon_one_event_type.event_type_id is 'Talon.One''s ID of the event type';
comment on column talon_one_event_type.name is 'Name in API requests, as type of talon_one_event';
comment on column talon_one_event_type.title is 'Name for people';
comment on column talon_one_event_type.created is 'When it was created';

-- The versions of a program have the columns of the program itself.
do $$
declare
  copied record;
begin
  for copied in
    select attname as name, col_description('talon_one_loyalty_program'::regclass, source.attnum) as comment
    from pg_attribute target join pg_attribute source using (attname)
    where target.attrelid = 'talon_one_loyalty_program_version'::regclass
      and source.attrelid = 'talon_one_loyalty_program'::regclass and source.attnum > 0
  loop
    execute format('comment on column talon_one_loyalty_program_version.%I is %L', copied.name, copied.comment);
  end loop;
end $$;
comment on column talon_one_loyalty_program_version.time_zone is 'IANA time zone of the program''s days, as sent';

do $$
declare
  history text;
begin
  foreach history in array array['talon_one_application', 'talon_one_campaign', 'talon_one_loyalty_program_version', 'talon_one_ruleset', 'talon_one_attribute',
    'talon_one_audience', 'talon_one_store', 'talon_one_achievement', 'talon_one_event_type'] loop
    execute format('comment on column %I.valid_from is %L', history,
      'From when it was like this: the first version from its creation (-infinity if unknown), a later one from the time of the change if the API tells it, else from when the change was noticed');
    execute format('comment on column %I.valid_to is %L', history,
      'Until when, exclusive: the next version''s valid_from, or when it was noticed to be gone; NULL while it is valid');
    execute format('comment on column %I.payload is %L', history,
      'The whole record as last sent while this version was valid; members that pass, such as counters, are from then');
    execute format('comment on column %I.synced_at is %L', history, 'When this row was last written, on the clock of this database');
  end loop;
end $$;

-- Streams

create function talon_one_whole_number(cell text) returns bigint language sql immutable parallel safe
return case when cell ~ '^-?[0-9]{1,18}$' then cell::bigint end;
comment on function talon_one_whole_number(text) is 'The text of a CSV cell as bigint, NULL when it is no whole number of up to 18 digits';

create table talon_one_change (
  change_id bigint primary key,
  created timestamptz not null,
  application_id bigint,
  user_id bigint,
  management_key_id bigint,
  entity text,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp()
);
create index talon_one_change_created on talon_one_change (created);
comment on table talon_one_change is 'Audit log: every change of the configuration, once';
comment on column talon_one_change.change_id is 'Talon.One''s ID of the change';
comment on column talon_one_change.created is 'When it was made';
comment on column talon_one_change.application_id is 'Application it concerns; NULL when none';
comment on column talon_one_change.user_id is 'User who made it; NULL when none';
comment on column talon_one_change.management_key_id is 'Management API key with which it was made; NULL when none';
comment on column talon_one_change.entity is 'API path of what was changed, such as /v1/applications/359/campaigns/6727';
comment on column talon_one_change.payload is 'The whole entry as sent, with the record before (old) and after (new)';
comment on column talon_one_change.synced_at is 'When this row was written, on the clock of this database';

create table talon_one_coupon (
  application_id bigint not null,
  coupon_id bigint not null,
  created timestamptz,
  campaign_id bigint,
  value text,
  start_date timestamptz,
  expiry_date timestamptz,
  usage_limit bigint,
  usage_counter bigint,
  discount_limit numeric,
  discount_counter numeric,
  reservation_limit bigint,
  reservation_counter bigint,
  recipient_integration_id text,
  referral_id bigint,
  batch_id text,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (application_id, coupon_id)
);
create index talon_one_coupon_value on talon_one_coupon (application_id, value);
comment on table talon_one_coupon is 'Coupon codes (COUPON_SYNC=true), read when they were created. Counters, limits and dates are from synced_at: later uses are effects, not changes of this row';
comment on column talon_one_coupon.application_id is 'Application it was exported from';
comment on column talon_one_coupon.coupon_id is 'Talon.One''s ID of the coupon, as triggered_by_coupon of talon_one_effect';
comment on column talon_one_coupon.created is 'When it was created, whole seconds';
comment on column talon_one_coupon.campaign_id is 'Campaign it belongs to';
comment on column talon_one_coupon.value is 'The code';
comment on column talon_one_coupon.start_date is 'From when it can be redeemed; NULL when not limited';
comment on column talon_one_coupon.expiry_date is 'Until when it can be redeemed; NULL when not limited';
comment on column talon_one_coupon.usage_limit is 'Redemptions allowed; 0 when not limited';
comment on column talon_one_coupon.usage_counter is 'Redemptions up to synced_at';
comment on column talon_one_coupon.discount_limit is 'Discount allowed in sum';
comment on column talon_one_coupon.discount_counter is 'Discount given up to synced_at';
comment on column talon_one_coupon.reservation_limit is 'Reservations allowed';
comment on column talon_one_coupon.reservation_counter is 'Reservations up to synced_at';
comment on column talon_one_coupon.recipient_integration_id is 'Customer it is meant for';
comment on column talon_one_coupon.referral_id is 'Referral that created it';
comment on column talon_one_coupon.batch_id is 'Batch it was created in';
comment on column talon_one_coupon.payload is 'The row of the export: every column under its name, values as the texts they are in the file';
comment on column talon_one_coupon.synced_at is 'When this row was last written, on the clock of this database';

create table talon_one_referral (
  application_id bigint not null,
  referral_id bigint not null,
  created timestamptz,
  campaign_id bigint,
  code text,
  advocate_integration_id text,
  friend_integration_id text,
  start_date timestamptz,
  expiry_date timestamptz,
  usage_limit bigint,
  usage_counter bigint,
  batch_id text,
  payload jsonb not null,
  synced_at timestamptz not null default clock_timestamp(),
  primary key (application_id, referral_id)
);
comment on table talon_one_referral is 'Referral codes (COUPON_SYNC=true), read when they were created. Counter, limit and dates are from synced_at: later uses are effects, not changes of this row';
comment on column talon_one_referral.application_id is 'Application it was exported from';
comment on column talon_one_referral.referral_id is 'Talon.One''s ID of the referral';
comment on column talon_one_referral.created is 'When it was created, whole seconds';
comment on column talon_one_referral.campaign_id is 'Campaign it belongs to';
comment on column talon_one_referral.code is 'The code';
comment on column talon_one_referral.advocate_integration_id is 'Customer who refers';
comment on column talon_one_referral.friend_integration_id is 'Customer who may redeem it; empty when anybody may';
comment on column talon_one_referral.start_date is 'From when it can be redeemed; NULL when not limited';
comment on column talon_one_referral.expiry_date is 'Until when it can be redeemed; NULL when not limited';
comment on column talon_one_referral.usage_limit is 'Redemptions allowed';
comment on column talon_one_referral.usage_counter is 'Redemptions up to synced_at';
comment on column talon_one_referral.batch_id is 'Batch it was created in';
comment on column talon_one_referral.payload is 'The row of the export: every column under its name, values as the texts they are in the file';
comment on column talon_one_referral.synced_at is 'When this row was last written, on the clock of this database';

create view talon_one_effect_with_names as
  select f.application_id, a.name as application_name, f.event_id, f.created, f.effect_index, f.effect_type,
    f.campaign_id, c.name as campaign_name, c.state as campaign_state, f.ruleset_id, f.rule_index,
    coalesce(f.rule_name, r.payload -> 'rules' -> case when f.rule_index between 0 and 1000000 then f.rule_index::integer end ->> 'title')
      as rule_name,
    f.triggered_by_coupon, f.profile_id, f.session_id, f.props
  from talon_one_effect f
  left join talon_one_application a
    on a.application_id = f.application_id and f.created >= a.valid_from and f.created < coalesce(a.valid_to, 'infinity')
  left join talon_one_campaign c
    on c.campaign_id = f.campaign_id and f.created >= c.valid_from and f.created < coalesce(c.valid_to, 'infinity')
  left join talon_one_ruleset r
    on r.ruleset_id = f.ruleset_id and f.created >= r.valid_from and f.created < coalesce(r.valid_to, 'infinity');
comment on view talon_one_effect_with_names is
  'Every effect with the names that its Application, campaign and rule had when the event was recorded (empty with NORMALIZE_EFFECTS=false)';
do $$
declare
  copied record;
begin
  for copied in
    select attname as name, col_description('talon_one_effect'::regclass, source.attnum) as comment
    from pg_attribute target join pg_attribute source using (attname)
    where target.attrelid = 'talon_one_effect_with_names'::regclass and source.attrelid = 'talon_one_effect'::regclass
      and source.attnum > 0
  loop
    execute format('comment on column talon_one_effect_with_names.%I is %L', copied.name, copied.comment);
  end loop;
end $$;
comment on column talon_one_effect_with_names.application_name is 'Name of the Application as it was then';
comment on column talon_one_effect_with_names.campaign_name is 'Name of the campaign as it was then; NULL when none was involved';
comment on column talon_one_effect_with_names.campaign_state is 'State of the campaign as it was then';
comment on column talon_one_effect_with_names.rule_name is 'Name of the rule: the effect''s own, else the title it has in the ruleset';
