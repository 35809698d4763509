-- Verification: the copy compared with what the API lists

create table talon_one_verification (
  verification_id bigint generated always as identity primary key,
  run uuid,
  application_id bigint not null,
  source text not null check (source in ('command', 'background')),
  period_from timestamptz not null,
  period_to timestamptz not null,
  reached timestamptz not null,
  is_deep boolean not null,
  repairs boolean not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  pages bigint not null default 0,
  listed bigint not null default 0,
  compared bigint not null default 0,
  missing bigint not null default 0,
  repaired bigint not null default 0,
  different bigint not null default 0,
  unknown bigint not null default 0,
  not_kept bigint not null default 0,
  unusable bigint not null default 0,
  lacking_snapshots bigint not null default 0,
  lacking_effects bigint not null default 0,
  late bigint,
  latest_seconds numeric,
  examples jsonb not null default '{}'
);
create index talon_one_verification_application on talon_one_verification (application_id, started_at);
comment on table talon_one_verification is 'One row for each period of events that was listed again and compared with what is stored: by the command verify, and by the daemon after each hour. Background rows older than 30 days are deleted';
comment on column talon_one_verification.verification_id is 'Number of the row';
comment on column talon_one_verification.run is 'Rows that one command began together: when it was interrupted, the next one goes on with those that are not finished. NULL with background';
comment on column talon_one_verification.application_id is 'Application of the events';
comment on column talon_one_verification.source is 'command: verify. background: the daemon by itself (AUDIT_DELAY_MINUTES)';
comment on column talon_one_verification.period_from is 'Events created from here on';
comment on column talon_one_verification.period_to is 'Events created before';
comment on column talon_one_verification.reached is 'Everything created before is compared; an interrupted verification goes on from here';
comment on column talon_one_verification.is_deep is 'Whether all payloads are compared; else one in twenty';
comment on column talon_one_verification.repairs is 'Whether what is missing is stored';
comment on column talon_one_verification.started_at is 'When it began (clock of this database)';
comment on column talon_one_verification.finished_at is 'When it came to its end; NULL: it runs, or was interrupted';
comment on column talon_one_verification.pages is 'Pages of events that were read';
comment on column talon_one_verification.listed is 'Events of the period that the API lists';
comment on column talon_one_verification.compared is 'How many of them had their payload compared';
comment on column talon_one_verification.missing is 'Events that the API lists and that were not stored';
comment on column talon_one_verification.repaired is 'How many of the missing and of the different events are stored now as the API sends them';
comment on column talon_one_verification.different is 'Events whose stored payload is not the one that the API sends';
comment on column talon_one_verification.unknown is 'Stored events that the API does not list although it lists older ones';
comment on column talon_one_verification.not_kept is 'Stored events older than the first one of the period that the API still lists: it keeps them no longer';
comment on column talon_one_verification.unusable is 'Records that cannot be an event; they are in talon_one_quarantine';
comment on column talon_one_verification.lacking_snapshots is 'Profiles and sessions named by events of the period that had no snapshot fetched after the event was stored, nor were owed one; with repairs they are owed again';
comment on column talon_one_verification.lacking_effects is 'Events of the period whose effects were not all in talon_one_effect; with repairs they are again';
comment on column talon_one_verification.late is 'Background only: events of the period that were stored after newer ones';
comment on column talon_one_verification.latest_seconds is 'Background only: by how much the latest of them came behind the newest event stored before it, in seconds of the API''s clock';
comment on column talon_one_verification.examples is 'Up to twenty event IDs for each of missing, different and unknown';

-- Retention

create function talon_one_drop_partitions(before timestamptz, lookback interval, really boolean) returns setof text
language plpgsql as $$
declare
  month record;
  partition text;
begin
  perform pg_advisory_xact_lock(hashtext('talon_one_create_partitions'), hashtext(current_schema()));
  for month in
    select distinct right(c.relname, 7) as name,
      to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC' as begins,
      (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' as ends
    from pg_inherits join pg_class c on c.oid = inhrelid
    where inhparent in ('talon_one_event'::regclass, 'talon_one_effect'::regclass) and c.relname ~ '_\d{4}_\d\d$'
    order by 1
  loop
    continue when month.ends > before;
    -- What a cursor reads again, or has still to read, would come back.
    continue when exists (
      select from talon_one_sync_cursor c
      where c.last_sync < month.ends + lookback
        and (c.read_until is null or c.status in ('new', 'back-filling') or exists (
          select from talon_one_event e
          where e.application_id = c.application_id and e.created >= greatest(month.begins, c.last_sync - lookback)
            and e.created < month.ends)));
    foreach partition in array array['talon_one_event_', 'talon_one_effect_'] loop
      partition := partition || month.name;
      continue when to_regclass(quote_ident(partition)) is null;
      if really then execute format('drop table %I', partition); end if;
      return next partition;
    end loop;
  end loop;
end $$;
comment on function talon_one_drop_partitions(timestamptz, interval, boolean) is
  'Drops the partitions of events and effects that end at the moment or before, none that a cursor still reads, and returns their names; without really it only names them. With the rights of its owner';

-- Snapshots that no event called for: PROFILE_REFRESH_DAYS.

comment on table talon_one_profile_snapshot is
  'Customer profiles as they were each time an event touched them, and with PROFILE_REFRESH_DAYS when they had changed without one';
comment on column talon_one_profile_snapshot.event_id is
  'Newest event that made us fetch the profile; NULL: none did, it was read again and had changed (PROFILE_REFRESH_DAYS)';
comment on table talon_one_session_snapshot is
  'Customer sessions as they were each time an event touched them, and with PROFILE_REFRESH_DAYS when an open one had changed without one';
comment on column talon_one_session_snapshot.event_id is
  'Newest event that made us fetch the session; NULL: none did, it was read again and had changed (PROFILE_REFRESH_DAYS)';

-- Erasure. A customer is forgotten by blanking what is stored, and by triggers that blank what comes again. They exist
-- only once somebody has been forgotten, so that nobody else pays for them.

create table talon_one_erasure (
  erasure_id bigint generated always as identity primary key,
  id_hash text not null unique,
  requested_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  rows_blanked jsonb
);
comment on table talon_one_erasure is 'One row for each customer that was forgotten. Deleting it lets later syncs store that customer again';
comment on column talon_one_erasure.erasure_id is 'Number of the row; erased- and this number stands where the integration ID stood in a key';
comment on column talon_one_erasure.id_hash is 'SHA-256 of the integration ID, hexadecimal';
comment on column talon_one_erasure.requested_at is 'When it was asked for, and from when on nothing of that customer is stored any more (clock of this database)';
comment on column talon_one_erasure.finished_at is 'When everything stored before was blanked; NULL: run the command again';
comment on column talon_one_erasure.rows_blanked is 'How many rows of which table were blanked, the last time';

create table talon_one_erasure_key (
  kind text not null check (kind in ('profile', 'session')),
  id bigint not null,
  application_id bigint not null,
  erasure_id bigint not null references talon_one_erasure on delete cascade,
  primary key (kind, id, application_id)
);
comment on table talon_one_erasure_key is 'Internal IDs of the profiles and sessions of forgotten customers';
comment on column talon_one_erasure_key.kind is 'profile or session';
comment on column talon_one_erasure_key.id is 'Internal ID';
comment on column talon_one_erasure_key.application_id is 'Application of the session; 0 for profiles';
comment on column talon_one_erasure_key.erasure_id is 'The customer it belongs to';

create function talon_one_hash(value text) returns text language sql immutable parallel safe
return encode(sha256(convert_to(value, 'UTF8')), 'hex');
comment on function talon_one_hash(text) is 'SHA-256 of the text, hexadecimal';

-- Words of the API's own, keys and times stay; of everything else only numbers do, and in what a company defines itself
-- (attributes, payloads of custom effects) not even they.
create function talon_one_blank(value jsonb, member text default '', is_own boolean default false) returns jsonb
language plpgsql immutable parallel safe as $$
begin
  case jsonb_typeof(value)
    when 'object' then
      return (
        select coalesce(jsonb_object_agg(key, talon_one_blank(inner_value, key, is_own or member in ('attributes', 'payload'))), '{}')
        from jsonb_each(value) as each (key, inner_value));
    when 'array' then
      return (
        select coalesce(jsonb_agg(talon_one_blank(element, member, is_own) order by position), '[]')
        from jsonb_array_elements(value) with ordinality as list (element, position));
    when 'string' then
      if member = 'state' then
        return case when value in ('"open"', '"closed"', '"partially_returned"', '"cancelled"') then value else 'null' end;
      end if;
      return case when not is_own and member in ('created', 'type', 'effectType', 'ruleName', 'scope', 'subLedgerId',
        'transactionUUID', 'rejectionReason', 'campaignExclusionReason', 'startDate', 'expiryDate', 'updated', 'currency')
        then value else 'null' end;
    when 'number', 'boolean' then
      return case when is_own or member in ('attributes', 'payload') then 'null'::jsonb else value end;
    else
      return value;
  end case;
end $$;
comment on function talon_one_blank(jsonb, text, boolean) is
  'The value without what tells of a person: keys, times, words of the API and amounts stay, texts and all values of attributes become null';

create function talon_one_erasure_of(profile bigint, session bigint, application bigint) returns bigint language sql stable
return (
  select erasure_id from talon_one_erasure_key
  where (kind = 'profile' and id = profile and application_id = 0)
    or (kind = 'session' and id = session and application_id = application)
  limit 1
);
comment on function talon_one_erasure_of(bigint, bigint, bigint) is 'The erasure that a profile or a session belongs to; NULL when there is none';

create function talon_one_erasure_named(integration_id text) returns bigint language sql stable
return (select erasure_id from talon_one_erasure where id_hash = talon_one_hash(integration_id));
comment on function talon_one_erasure_named(text) is 'The erasure of a customer by integration ID; NULL when there is none';

create function talon_one_erasure_in(raw text) returns bigint language sql stable
return coalesce(
  talon_one_erasure_of(substring(raw from '"profileId"\s*:\s*(\d{1,18})\M')::bigint, null, null),
  talon_one_erasure_named(substring(raw from '"(?:integrationId|[pP]rofileIntegrationI[dD]|profileintegrationid|customerprofileid|PROFILEINTEGRATIONID)"\s*:\s*"([^"]*)"'))
);
comment on function talon_one_erasure_in(text) is 'The erasure of the customer whom a record''s text names; NULL when there is none';

create function talon_one_guard_event() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_of(new.profile_id, new.session_id, new.application_id) is not null then
    new.payload := talon_one_blank(new.payload);
    new.integration_id := null;
  end if;
  return new;
end $$;
comment on function talon_one_guard_event() is 'Blanks events of forgotten customers before they are stored; their effects follow';

create function talon_one_guard_profile() returns trigger language plpgsql as $$
declare
  erasure bigint := coalesce(talon_one_erasure_of(new.profile_id, null, null), talon_one_erasure_named(new.integration_id));
begin
  if erasure is not null then
    insert into talon_one_erasure_key values ('profile', new.profile_id, 0, erasure) on conflict do nothing;
    new.integration_id := case when new.integration_id is not null then 'erased-' || erasure end;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_profile() is 'Blanks snapshots of forgotten customers before they are stored';

create function talon_one_guard_session() returns trigger language plpgsql as $$
declare
  erasure bigint := talon_one_erasure_of(new.profile_id, new.session_id, new.application_id);
begin
  if erasure is not null then
    insert into talon_one_erasure_key values ('session', new.session_id, new.application_id, erasure) on conflict do nothing;
    new.integration_id := null;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_session() is 'Blanks sessions of forgotten customers before they are stored';

create function talon_one_guard_transaction() returns trigger language plpgsql as $$
declare
  erasure bigint := talon_one_erasure_named(new.profile_integration_id);
begin
  if erasure is not null then
    new.profile_integration_id := 'erased-' || erasure;
    new.session_integration_id := null;
    new.name := null;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_transaction() is 'Blanks loyalty transactions of forgotten customers before they are stored';

create function talon_one_guard_holder() returns trigger language plpgsql as $$
declare
  erasure bigint := talon_one_erasure_named(new.holder);
begin
  if erasure is not null then
    new.holder := 'erased-' || erasure;
    if tg_argv[0] = 'other' then new.other := null; end if;
  end if;
  return new;
end $$;
comment on function talon_one_guard_holder() is 'Puts erased- and a number for forgotten customers into balances, tiers and join dates';

create function talon_one_guard_coupon() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_named(new.recipient_integration_id) is not null then
    new.recipient_integration_id := null;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_coupon() is 'Blanks the forgotten recipient of a coupon before it is stored';

create function talon_one_guard_referral() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_named(new.advocate_integration_id) is not null then
    new.advocate_integration_id := null;
    new.payload := talon_one_blank(new.payload);
  end if;
  if talon_one_erasure_named(new.friend_integration_id) is not null then
    new.friend_integration_id := null;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_referral() is 'Blanks forgotten customers of a referral before it is stored';

create function talon_one_guard_original() returns trigger language plpgsql as $$
begin
  if coalesce(talon_one_erasure_in(new.original), case when new.kind = 'profile' then talon_one_erasure_of(new.id, null, null) end,
    case when new.kind = 'session' then talon_one_erasure_of(null, new.id, new.application_id) end) is not null
  then
    new.original := '';
  end if;
  return new;
end $$;
comment on function talon_one_guard_original() is 'Blanks original texts of forgotten customers before they are stored';

-- The text is part of the key: its hash keeps records apart.
create function talon_one_guard_quarantine() returns trigger language plpgsql as $$
begin
  if coalesce(talon_one_erasure_in(new.raw), case when new.kind = 'profile' then
    talon_one_erasure_of(substring(new.raw from '"id"\s*:\s*(\d{1,18})\M')::bigint, null, null) end) is not null
  then
    new.raw := 'erased ' || talon_one_hash(new.raw);
    new.reason := 'erased';
  end if;
  return new;
end $$;
comment on function talon_one_guard_quarantine() is 'Blanks quarantined records of forgotten customers before they are stored';

create function talon_one_guard_export_row() returns trigger language plpgsql as $$
begin
  if exists (
    select from jsonb_each_text(new.payload) as cell (name, value) join talon_one_erasure on id_hash = talon_one_hash(cell.value)
  ) then
    new.payload := '{}';
  end if;
  return new;
end $$;
comment on function talon_one_guard_export_row() is 'Empties rows of exports that name a forgotten customer before they are stored';

create function talon_one_guard_erasures() returns void language plpgsql as $$
declare
  guard text[];
begin
  foreach guard slice 1 in array array[
    ['talon_one_event', 'event()'], ['talon_one_profile_snapshot', 'profile()'], ['talon_one_session_snapshot', 'session()'],
    ['talon_one_loyalty_transaction', 'transaction()'], ['talon_one_loyalty_balance_snapshot', 'holder(''other'')'],
    ['talon_one_loyalty_tier_snapshot', 'holder(''other'')'], ['talon_one_loyalty_join_date', 'holder(''other'')'],
    ['talon_one_loyalty_balance_projection', 'holder(''none'')'], ['talon_one_coupon', 'coupon()'],
    ['talon_one_referral', 'referral()'], ['talon_one_original_text', 'original()'],
    ['talon_one_quarantine', 'quarantine()'], ['talon_one_export_row', 'export_row()']
  ] loop
    continue when exists (
      select from pg_trigger where tgrelid = guard[1]::regclass and tgname = 'talon_one_guard_erasures');
    execute format('create trigger talon_one_guard_erasures before insert or update on %I for each row execute function talon_one_guard_%s',
      guard[1], guard[2]);
  end loop;
end $$;
comment on function talon_one_guard_erasures() is
  'Makes the triggers that keep forgotten customers from being stored again, where they are not yet; with the rights of its owner';

-- As in 0006: with the rights of the role that ran the migrations, and only for those who write events.
do $$
declare
  other name;
  routine regprocedure;
begin
  foreach routine in array array['talon_one_drop_partitions(timestamptz, interval, boolean)', 'talon_one_guard_erasures()']::regprocedure[]
  loop
    execute format('alter function %s security definer set search_path = %I, pg_temp', routine, current_schema());
    for other in
      select r.rolname from pg_proc p cross join lateral aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee
      where p.oid = routine and not has_table_privilege(r.oid, 'talon_one_event', 'insert')
    loop
      execute format('revoke execute on function %s from %I', routine, other);
    end loop;
    execute format('revoke execute on function %s from public', routine);
  end loop;
end $$;
