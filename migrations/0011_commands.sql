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
-- only once somebody has been forgotten, so that nobody else pays for them. Nothing here keeps the integration ID: what
-- is left half done can be finished by any process, and from the hash alone.

create table talon_one_erasure (
  erasure_id bigint generated always as identity primary key,
  id_hash text not null unique,
  is_escaped boolean not null default false,
  requested_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  rows_blanked jsonb not null default '{}',
  runs jsonb not null default '{}'
);
comment on table talon_one_erasure is 'One row for each customer that was forgotten. Deleting it lets later syncs store that customer again';
comment on column talon_one_erasure.erasure_id is 'Number of the row; erased- and this number stands where the integration ID stood in a key';
comment on column talon_one_erasure.id_hash is 'SHA-256 of the integration ID, hexadecimal';
comment on column talon_one_erasure.is_escaped is 'Whether JSON writes the integration ID with backslashes';
comment on column talon_one_erasure.requested_at is 'When it was first asked for (clock of this database)';
comment on column talon_one_erasure.finished_at is 'When the last run came to its end; NULL: one was interrupted, and the daemon finishes it within minutes';
comment on column talon_one_erasure.rows_blanked is 'How many rows of which table were blanked, all runs together';
comment on column talon_one_erasure.runs is 'The same for each run, by the moment at which it began';

create table talon_one_erasure_key (
  kind text not null check (kind in ('profile', 'session')),
  id bigint not null,
  application_id bigint not null,
  erasure_id bigint not null references talon_one_erasure on delete cascade,
  name_hash text,
  noted_at timestamptz not null default clock_timestamp(),
  blanked_at timestamptz,
  primary key (kind, id, application_id)
);
create index talon_one_erasure_key_erasure on talon_one_erasure_key (erasure_id);
create index talon_one_erasure_key_name on talon_one_erasure_key (name_hash) where name_hash is not null;
create index talon_one_erasure_key_waiting on talon_one_erasure_key (erasure_id) where blanked_at is null;
comment on table talon_one_erasure_key is 'Internal IDs of the profiles and sessions of forgotten customers';
comment on column talon_one_erasure_key.kind is 'profile or session';
comment on column talon_one_erasure_key.id is 'Internal ID';
comment on column talon_one_erasure_key.application_id is 'Application of the session; 0 for profiles';
comment on column talon_one_erasure_key.erasure_id is 'The customer it belongs to';
comment on column talon_one_erasure_key.name_hash is 'SHA-256 of the session''s own integration ID, by which loyalty transactions name it; NULL when it is not known';
comment on column talon_one_erasure_key.noted_at is 'When it became known; what is stored later is blanked on its way in';
comment on column talon_one_erasure_key.blanked_at is 'When everything stored before was blanked; NULL: the daemon does it within minutes';

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
      return case when not is_own and member not in ('attributes', 'payload') and (
          member in ('type', 'effectType', 'ruleName', 'scope', 'subLedgerId', 'transactionUUID', 'rejectionReason',
            'campaignExclusionReason', 'startDate', 'expiryDate', 'currency')
          or value #>> '{}' ~ '^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.,]\d{1,9})?([Zz]|[+-]\d\d:\d\d)$')
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

create function talon_one_erasure_of_session(integration_id text, application bigint) returns bigint language sql stable
return (
  select erasure_id from talon_one_erasure_key
  where name_hash = talon_one_hash(integration_id) and application_id = coalesce(application, application_id)
  limit 1
);
comment on function talon_one_erasure_of_session(text, bigint) is
  'The erasure that a session belongs to, by its own integration ID; in any Application when that is NULL. NULL when there is none';

create function talon_one_application_of(campaign bigint) returns bigint language sql stable
return (select min(application_id) from talon_one_campaign where campaign_id = campaign);
comment on function talon_one_application_of(bigint) is 'The Application of a campaign, when the reference data has it';

create function talon_one_unescaped(inside text) returns text language plpgsql immutable parallel safe as $$
begin
  if position('\' in inside) = 0 then return inside; end if;
  return ('"' || inside || '"')::jsonb #>> '{}';
exception when data_exception then
  return inside;
end $$;
comment on function talon_one_unescaped(text) is 'What stands between the quotes of a JSON string, without its escapes; as it is when Postgres refuses it';

-- The text may be cut, invalid, or JSON inside a string of JSON: it is searched for strings, not parsed.
create function talon_one_strings(raw text) returns table (member text, value text) language sql immutable parallel safe
begin atomic
  with recursive found (member, value, depth) as (
    select talon_one_unescaped(part[1]), talon_one_unescaped(coalesce(part[2], part[3])), 1
    from regexp_matches(raw, '"((?:[^"\\]|\\.)*)"\s*:\s*(?:"((?:[^"\\]|\\.)*)")?|"((?:[^"\\]|\\.)*)"', 'g') as list (part)
    where coalesce(part[2], part[3]) is not null
    union all
    select coalesce(talon_one_unescaped(part[1]), found.member), talon_one_unescaped(coalesce(part[2], part[3])), depth + 1
    from found, regexp_matches(found.value, '"((?:[^"\\]|\\.)*)"\s*:\s*(?:"((?:[^"\\]|\\.)*)")?|"((?:[^"\\]|\\.)*)"', 'g') as list (part)
    where found.value ~ '^\s*[\[{]' and depth < 5 and coalesce(part[2], part[3]) is not null
  )
  select member, value from found;
end;
comment on function talon_one_strings(text) is
  'Every string in a text of JSON with the name of its member, also of JSON that stands in such a string';

-- Whatever stands between two quotes is looked up, also within JSON inside a string; most of what that finds is no value,
-- which costs little. A plain number is taken for an integration ID only in members that name customers: it may be an
-- amount anywhere else. Escapes are undone only where the ID may be written with one, for that takes ten times as long.
create function talon_one_erasure_in(raw text, application bigint default null) returns bigint language plpgsql stable as $$
declare
  blanks constant text := E' \t\r\n';
  name text;
  before text;
  value text;
  next text;
  names text[] := '{}';
  orders text[] := '{}';
  profiles text[] := '{}';
  sessions text[] := '{}';
begin
  -- Each step looks at `value`, with the two before it and the one after it.
  foreach next in array
    string_to_array(case when position('\' in raw) > 0 then regexp_replace(raw, '\\+"', '"', 'g') else raw end, '"') || ''::text
  loop
    if left(value, 1) in (':', ',', '}', ']', '{', '[', ' ') and translate(value, blanks || ':,{}[]0123456789.eE+-truefalsn', '') = '' then
      -- Stands between two strings: a number, if anything.
      if before ~* '^(profile|session)_?id$' then
        if before ~* '^p' then profiles := profiles || substring(value from '^\s*:\s*(\d{1,18})\M');
        else sessions := sessions || substring(value from '^\s*:\s*(\d{1,18})\M'); end if;
      end if;
    elsif value <> '' and ltrim(next, blanks) not like ':%' then
      if btrim(before, blanks) is distinct from ':' then name := null; end if;
      if translate(value, '0123456789', '') <> '' or name ~* 'profile|customer|integration_?id|holder|recipient|advocate|friend' then
        names := names || value;
        if position(',' in value) > 0 or position(';' in value) > 0 then
          names := names || string_to_array(translate(replace(replace(value, '; ', ';'), ', ', ','), ';', ','), ',');
        end if;
      end if;
      if name ~* '^profile_?id$' then profiles := profiles || substring(value from '^\d{1,18}$');
      elsif name ~* '^session_?id$' then sessions := sessions || substring(value from '^\d{1,18}$');
      elsif name ~* '^(customer_?session_?id|session_?integration_?id)$' then orders := orders || value; end if;
    end if;
    name := before;
    before := value;
    value := next;
  end loop;
  if position('\' in raw) > 0 and (raw ~ '\\[u/]' or exists (select from talon_one_erasure where is_escaped)) then
    names := names || array(select s.value from talon_one_strings(raw) as s);
  end if;
  return coalesce(
    (select erasure_id from unnest(names) as said (text) join talon_one_erasure on id_hash = talon_one_hash(text) limit 1),
    (select erasure_id from talon_one_erasure_key where kind = 'profile' and id = any(profiles::bigint[]) limit 1),
    (select erasure_id from talon_one_erasure_key
     where kind = 'session' and id = any(sessions::bigint[]) and application_id = coalesce(application, application_id) limit 1),
    (select talon_one_erasure_of_session(text, application) from unnest(orders) as said (text)
     order by 1 nulls last limit 1));
end $$;
comment on function talon_one_erasure_in(text, bigint) is
  'The erasure of a customer whom a text of JSON names: by integration ID, or by a profile or session of the Application (of any, when that is NULL). NULL when there is none';

create function talon_one_erasure_of_record(kind text, application bigint, id bigint, raw text) returns bigint language sql stable
return coalesce(
  case kind
    when 'profile' then talon_one_erasure_of(id, null, null)
    when 'session' then talon_one_erasure_of(null, id, application)
    when 'event' then (
      select talon_one_erasure_of(profile_id, session_id, application_id) from talon_one_event
      where application_id = application and event_id = id limit 1)
  end,
  talon_one_erasure_in(raw, application));
comment on function talon_one_erasure_of_record(text, bigint, bigint, text) is
  'The erasure of the customer whom a record is about, by what it is, its ID and its text; NULL when there is none';

create function talon_one_id_in(raw text) returns bigint language sql immutable parallel safe
return substring(raw from '"id"\s*:\s*"?(\d{1,18})\M')::bigint;
comment on function talon_one_id_in(text) is 'The first member id of a text of JSON; NULL when it has none';

create function talon_one_note_key(kind text, id bigint, application bigint, erasure bigint, name text) returns void
language sql volatile
begin atomic
  insert into talon_one_erasure_key as k (kind, id, application_id, erasure_id, name_hash)
  select kind, id, application, erasure, talon_one_hash(name) where id is not null
  on conflict on constraint talon_one_erasure_key_pkey do update
    set name_hash = excluded.name_hash, noted_at = excluded.noted_at, blanked_at = null
    where k.name_hash is null and excluded.name_hash is not null;
end;
comment on function talon_one_note_key(text, bigint, bigint, bigint, text) is
  'Notes a profile or session of a forgotten customer; what was stored of it before is blanked by the daemon';

create function talon_one_guard_event() returns trigger language plpgsql as $$
declare
  erasure bigint := talon_one_erasure_of(new.profile_id, new.session_id, new.application_id);
begin
  if erasure is not null then
    perform talon_one_note_key('session', new.session_id, new.application_id, erasure, null);
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
    perform talon_one_note_key('profile', new.profile_id, 0, erasure, null);
    new.integration_id := case when new.integration_id is not null then 'erased-' || erasure end;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_profile() is 'Blanks snapshots of forgotten customers before they are stored';

create function talon_one_guard_session() returns trigger language plpgsql as $$
declare
  erasure bigint := coalesce(talon_one_erasure_of(new.profile_id, new.session_id, new.application_id),
    talon_one_erasure_named(new.payload ->> 'profileintegrationid'));
begin
  if erasure is not null then
    perform talon_one_note_key('session', new.session_id, new.application_id, erasure, new.integration_id);
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
  end if;
  if coalesce(erasure, talon_one_erasure_of_session(new.session_integration_id, talon_one_application_of(new.campaign_id))) is not null then
    new.session_integration_id := null;
    new.name := null;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_transaction() is
  'Blanks loyalty transactions of forgotten customers, and those of cards that came from their sessions, before they are stored';

create function talon_one_guard_holder() returns trigger language plpgsql as $$
declare
  erasure bigint := talon_one_erasure_named(new.holder);
begin
  if erasure is not null then
    new.holder := 'erased-' || erasure;
  end if;
  if tg_argv[0] = 'other' then
    if erasure is not null or talon_one_erasure_in(new.other::text) is not null then new.other := null; end if;
  end if;
  return new;
end $$;
comment on function talon_one_guard_holder() is 'Puts erased- and a number for forgotten customers into balances, tiers and join dates';

-- A row of an export is all texts. Many millions have no attributes, and then only a column can name a customer.
create function talon_one_erasure_of_code(people text[], cells jsonb) returns bigint language sql stable
return coalesce(
  (select erasure_id from unnest(people) as person (id) join talon_one_erasure on id_hash = talon_one_hash(id) limit 1),
  case when coalesce(cells ->> 'attributes', '') not in ('', '{}', 'null') then talon_one_erasure_in(cells::text) end);
comment on function talon_one_erasure_of_code(text[], jsonb) is
  'The erasure of a customer for whom a coupon or referral is, or whom its attributes name; NULL when there is none';

create function talon_one_guard_coupon() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_of_code(array[new.recipient_integration_id], new.payload) is not null then
    if talon_one_erasure_named(new.recipient_integration_id) is not null then new.recipient_integration_id := null; end if;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_coupon() is 'Blanks the forgotten recipient of a coupon before it is stored';

create function talon_one_guard_referral() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_of_code(array[new.advocate_integration_id, new.friend_integration_id], new.payload) is not null then
    if talon_one_erasure_named(new.advocate_integration_id) is not null then new.advocate_integration_id := null; end if;
    if talon_one_erasure_named(new.friend_integration_id) is not null then new.friend_integration_id := null; end if;
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_referral() is 'Blanks forgotten customers of a referral before it is stored';

create function talon_one_erasure_of_change(entity text, application bigint, payload jsonb) returns bigint language sql stable
return coalesce(
  talon_one_erasure_named(substring(entity from '(?:profiles?|customers?)/([^/?#]+)')),
  talon_one_erasure_in(payload::text, application));
comment on function talon_one_erasure_of_change(text, bigint, jsonb) is
  'The erasure of the customer whom an entry of the audit log names; NULL when there is none';

create function talon_one_guard_change() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_of_change(new.entity, new.application_id, new.payload) is not null then
    new.entity := regexp_replace(new.entity, '((?:profiles?|customers?)/)[^/?#]+', '\1erased');
    new.payload := talon_one_blank(new.payload);
  end if;
  return new;
end $$;
comment on function talon_one_guard_change() is 'Blanks entries of the audit log that name forgotten customers before they are stored';

create function talon_one_guard_original() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_of_record(new.kind, new.application_id, new.id, new.original) is not null then
    new.original := '';
  end if;
  return new;
end $$;
comment on function talon_one_guard_original() is 'Blanks original texts of forgotten customers before they are stored';

-- The text is part of the key: its hash keeps records apart.
create function talon_one_guard_quarantine() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_of_record(new.kind, new.application_id, talon_one_id_in(new.raw), new.raw) is not null then
    new.raw := 'erased ' || talon_one_hash(new.raw);
    new.reason := 'erased';
  end if;
  return new;
end $$;
comment on function talon_one_guard_quarantine() is 'Blanks quarantined records of forgotten customers before they are stored';

create function talon_one_erasure_of_export_row(export text, options jsonb, cells jsonb) returns bigint language sql stable
return talon_one_erasure_of_record(
  case export when 'sessions' then 'session' when 'profiles' then 'profile' when 'events' then 'event' end,
  talon_one_whole_number(coalesce(cells ->> 'applicationid', cells ->> 'applicationId', options ->> 'application')),
  talon_one_whole_number(cells ->> 'id'), cells::text);
comment on function talon_one_erasure_of_export_row(text, jsonb, jsonb) is
  'The erasure of the customer whom a row of an export names; NULL when there is none';

create function talon_one_guard_export_row() returns trigger language plpgsql as $$
begin
  if (select talon_one_erasure_of_export_row(x.export, x.options, new.payload)
      from talon_one_export x where x.export_id = new.export_id) is not null then
    new.payload := '{}';
  end if;
  return new;
end $$;
comment on function talon_one_guard_export_row() is 'Empties rows of exports that name a forgotten customer before they are stored';

create function talon_one_guard_export() returns trigger language plpgsql as $$
declare
  erasure bigint := talon_one_erasure_in(new.options::text);
begin
  if erasure is not null then new.options := talon_one_without_customer(new.options, erasure); end if;
  return new;
end $$;
comment on function talon_one_guard_export() is 'Blanks the forgotten customer in the options of an export before they are stored';

create function talon_one_without_customer(options jsonb, erasure bigint) returns jsonb language sql stable
return (
  select coalesce(jsonb_object_agg(key, case
    when talon_one_erasure_in(jsonb_build_object(key, value)::text) is not null then to_jsonb('erased-' || erasure) else value end), '{}')
  from jsonb_each(options));
comment on function talon_one_without_customer(jsonb, bigint) is 'The options of an export with erased- and a number for the forgotten customer';

-- Sentences, with the ID in quotes or without.
create function talon_one_erasure_said(sentence text) returns bigint language sql stable
return coalesce(talon_one_erasure_in(sentence), (
  select erasure_id from regexp_split_to_table(sentence, '[\s"''`,;:()=/\[\]{}<>]+') as words (word)
  join talon_one_erasure on id_hash = talon_one_hash(rtrim(word, '.')) where word !~ '^\d+\.?$' limit 1));
comment on function talon_one_erasure_said(text) is 'The erasure of the customer whom a message names; NULL when there is none';

create function talon_one_guard_import_part() returns trigger language plpgsql as $$
begin
  if talon_one_erasure_said(new.answer) is not null then new.answer := 'erased'; end if;
  return new;
end $$;
comment on function talon_one_guard_import_part() is 'Blanks answers to imports that name a forgotten customer before they are stored';

create function talon_one_guard_erasures() returns void language plpgsql as $$
declare
  guard text[];
begin
  foreach guard slice 1 in array array[
    ['talon_one_event', 'event()'], ['talon_one_profile_snapshot', 'profile()'], ['talon_one_session_snapshot', 'session()'],
    ['talon_one_loyalty_transaction', 'transaction()'], ['talon_one_loyalty_balance_snapshot', 'holder(''other'')'],
    ['talon_one_loyalty_tier_snapshot', 'holder(''other'')'], ['talon_one_loyalty_join_date', 'holder(''other'')'],
    ['talon_one_loyalty_balance_projection', 'holder(''none'')'], ['talon_one_coupon', 'coupon()'],
    ['talon_one_referral', 'referral()'], ['talon_one_change', 'change()'], ['talon_one_original_text', 'original()'],
    ['talon_one_quarantine', 'quarantine()'], ['talon_one_export', 'export()'], ['talon_one_export_row', 'export_row()'],
    ['talon_one_import_part', 'import_part()']
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
