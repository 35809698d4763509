// What is blanked of forgotten customers, table by table. A test lists every column of the schema that holds text or
// JSON, and wants each to stand here or on its list of those that tell of nobody; another one names a customer in every
// way in each of these tables.

export interface ErasedTable {
  readonly table: string;
  /** Columns that tell of a person. */
  readonly columns: readonly string[];
  /** Blanks what is there, and returns how many rows for which erasure. A second time it finds nothing. */
  readonly statement: string;
}

// In every statement: $1 numbers of erasures, $2 the moment up to which keys are taken. Who is forgotten already has new
// keys only; integration IDs are compared by hash, because nobody keeps them.
const GIVEN = `with wanted as materialized (
    select erasure_id, id_hash, 'erased-' || erasure_id as pseudonym from talon_one_erasure
    where erasure_id = any($1::bigint[]) and finished_at is null
  ), key as materialized (
    select k.* from talon_one_erasure_key k join talon_one_erasure x using (erasure_id)
    where erasure_id = any($1::bigint[]) and k.noted_at <= $2::timestamptz
      and (k.blanked_at is null or x.finished_at is null)
  )`;

const COUNTED = 'select erasure_id::text as id, count(*)::integer as rows from done group by erasure_id';

const EVENTS = `found as materialized (
    select application_id, event_id, created, min(erasure_id) as erasure_id from (
      select e.application_id, e.event_id, e.created, k.erasure_id
      from key k join talon_one_event e on e.profile_id = k.id where k.kind = 'profile'
      union all
      select e.application_id, e.event_id, e.created, k.erasure_id
      from key k join talon_one_event e on e.session_id = k.id and e.application_id = k.application_id
      where k.kind = 'session'
    ) as both_ways group by application_id, event_id, created
  )`;

/**
 * Rows whose key is the integration ID. They are deleted and stored anew: a writer may have stored the same row with the
 * pseudonym since, before this statement or during it.
 * @param other whether the table has a column of that name
 */
function holders(table: string, columns: string): ErasedTable {
  return {
    table,
    columns: ['holder'],
    statement: `${GIVEN}, done as (
      delete from ${table} s using wanted where wanted.id_hash = talon_one_hash(s.holder)
      returning s.*, wanted.erasure_id, wanted.pseudonym
    ), stored as (
      insert into ${table} (holder, ${columns}) select pseudonym, ${columns} from done on conflict do nothing
    )
    ${COUNTED}`,
  };
}

/** The same for tables that also keep further columns of an export; they may name a customer who is not the holder. */
function holdersAndMore(table: string, columns: string): ErasedTable {
  return {
    table,
    columns: ['holder', 'other'],
    statement: `${GIVEN}, moved as (
      delete from ${table} s using wanted where wanted.id_hash = talon_one_hash(s.holder)
      returning s.*, wanted.erasure_id, wanted.pseudonym
    ), stored as (
      insert into ${table} (holder, ${columns}) select pseudonym, ${columns} from moved on conflict do nothing
    ), cleared as (
      update ${table} s set other = null from wanted
      where s.other is not null and talon_one_erasure_in(s.other::text) = wanted.erasure_id
        and talon_one_hash(s.holder) not in (select id_hash from wanted)
      returning wanted.erasure_id
    ), done as (
      select erasure_id from moved union all select erasure_id from cleared
    )
    ${COUNTED}`,
  };
}

/** Sentences that quote what somebody else said. */
function messages(table: string, column: string): ErasedTable {
  return {
    table,
    columns: [column],
    statement: `${GIVEN}, done as (
      update ${table} t set ${column} = 'erased' from (select erasure_id from wanted) as wanted
      where t.${column} is not null and talon_one_erasure_said(t.${column}) = wanted.erasure_id
      returning wanted.erasure_id
    )
    ${COUNTED}`,
  };
}

export const ERASED_TABLES: readonly ErasedTable[] = [
  {
    table: 'talon_one_effect',
    columns: ['props'],
    statement: `${GIVEN}, ${EVENTS}, done as (
      update talon_one_effect f set props = talon_one_blank(f.props)
      from found e
      where f.application_id = e.application_id and f.event_id = e.event_id and f.created = e.created
        and f.props is distinct from talon_one_blank(f.props)
      returning e.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_event',
    columns: ['payload', 'integration_id'],
    statement: `${GIVEN}, ${EVENTS}, done as (
      update talon_one_event e set payload = talon_one_blank(e.payload), integration_id = null
      from found
      where e.application_id = found.application_id and e.event_id = found.event_id and e.created = found.created
        and (e.integration_id is not null or e.payload <> talon_one_blank(e.payload))
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_profile_snapshot',
    columns: ['integration_id', 'payload'],
    statement: `${GIVEN}, done as (
      update talon_one_profile_snapshot s
      set integration_id = case when s.integration_id is not null then 'erased-' || key.erasure_id end,
        payload = talon_one_blank(s.payload)
      from key
      where key.kind = 'profile' and s.profile_id = key.id
        and (s.integration_id <> 'erased-' || key.erasure_id or s.payload <> talon_one_blank(s.payload))
      returning key.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_session_snapshot',
    columns: ['integration_id', 'payload'],
    statement: `${GIVEN}, done as (
      update talon_one_session_snapshot s set integration_id = null, payload = talon_one_blank(s.payload)
      from key
      where key.kind = 'session' and s.session_id = key.id and s.application_id = key.application_id
        and (s.integration_id is not null or s.payload <> talon_one_blank(s.payload))
      returning key.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_loyalty_transaction',
    columns: ['profile_integration_id', 'holder', 'session_integration_id', 'name', 'payload'],
    // Those of a card are found by the session that they came from.
    statement: `${GIVEN}, found as materialized (
      select program_id, transaction_uuid, min(erasure_id) as erasure_id, max(pseudonym) as pseudonym from (
        select t.program_id, t.transaction_uuid, erasure_id, pseudonym
        from wanted join talon_one_loyalty_transaction t on id_hash = talon_one_hash(t.profile_integration_id)
        union all
        select t.program_id, t.transaction_uuid, k.erasure_id, null
        from key k join talon_one_loyalty_transaction t on k.name_hash = talon_one_hash(t.session_integration_id)
          and k.application_id = coalesce(talon_one_application_of(t.campaign_id), k.application_id)
      ) as both_ways group by program_id, transaction_uuid
    ), done as (
      update talon_one_loyalty_transaction t
      set profile_integration_id = coalesce(pseudonym, profile_integration_id), session_integration_id = null, name = null,
        payload = talon_one_blank(payload)
      from found where t.program_id = found.program_id and t.transaction_uuid = found.transaction_uuid
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  holdersAndMore(
    'talon_one_loyalty_balance_snapshot',
    'program_id, fetched_at, subledger_id, active, pending, expired, spent, negative, current_tier, card_state',
  ),
  holdersAndMore(
    'talon_one_loyalty_tier_snapshot',
    'program_id, fetched_at, subledger_id, tier_name, start_date, starts_at, expiry_date, expires_at',
  ),
  holdersAndMore('talon_one_loyalty_join_date', 'program_id, join_date, joined_at, fetched_at'),
  holders(
    'talon_one_loyalty_balance_projection',
    'program_id, fetched_at, day, subledger_id, balance_at, active, pending, expired, spent',
  ),
  {
    table: 'talon_one_coupon',
    columns: ['recipient_integration_id', 'payload'],
    statement: `${GIVEN}, found as materialized (
      select application_id, coupon_id, talon_one_erasure_of_code(array[recipient_integration_id], payload) as erasure_id
      from talon_one_coupon
      where exists (select from wanted) and (coalesce(payload ->> 'attributes', '') not in ('', '{}', 'null')
        or talon_one_hash(recipient_integration_id) in (select id_hash from wanted))
    ), done as (
      update talon_one_coupon c set payload = talon_one_blank(c.payload),
        recipient_integration_id =
          case when talon_one_erasure_named(recipient_integration_id) is null then recipient_integration_id end
      from found where c.application_id = found.application_id and c.coupon_id = found.coupon_id
        and found.erasure_id is not null
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_referral',
    columns: ['advocate_integration_id', 'friend_integration_id', 'payload'],
    statement: `${GIVEN}, found as materialized (
      select application_id, referral_id,
        talon_one_erasure_of_code(array[advocate_integration_id, friend_integration_id], payload) as erasure_id
      from talon_one_referral
      where exists (select from wanted) and (coalesce(payload ->> 'attributes', '') not in ('', '{}', 'null')
        or talon_one_hash(advocate_integration_id) in (select id_hash from wanted)
        or talon_one_hash(friend_integration_id) in (select id_hash from wanted))
    ), done as (
      update talon_one_referral r set payload = talon_one_blank(r.payload),
        advocate_integration_id =
          case when talon_one_erasure_named(advocate_integration_id) is null then advocate_integration_id end,
        friend_integration_id =
          case when talon_one_erasure_named(friend_integration_id) is null then friend_integration_id end
      from found where r.application_id = found.application_id and r.referral_id = found.referral_id
        and found.erasure_id is not null
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_change',
    columns: ['entity', 'payload'],
    statement: `${GIVEN}, found as materialized (
      select change_id, talon_one_erasure_of_change(entity, application_id, payload) as erasure_id from talon_one_change
    ), done as (
      update talon_one_change c set payload = talon_one_blank(c.payload),
        entity = regexp_replace(entity, '((?:profiles?|customers?)/)[^/?#]+', '\\1erased')
      from found where c.change_id = found.change_id and found.erasure_id is not null
        and (c.payload <> talon_one_blank(c.payload)
          or c.entity ~ '(profiles?|customers?)/(?!erased)[^/?#]')
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_quarantine',
    columns: ['raw', 'reason'],
    // Its hash becomes part of the key, as with `holders`.
    statement: `${GIVEN}, found as materialized (
      select quarantine_id, talon_one_erasure_of_record(kind, application_id, talon_one_id_in(raw), raw) as erasure_id
      from talon_one_quarantine where raw not like 'erased %'
    ), done as (
      delete from talon_one_quarantine q using found
      where q.quarantine_id = found.quarantine_id and found.erasure_id is not null
      returning q.*, found.erasure_id
    ), stored as (
      insert into talon_one_quarantine as q
        (quarantine_id, kind, application_id, reason, raw, source, first_seen_at, last_seen_at)
      overriding system value
      select quarantine_id, kind, application_id, 'erased', 'erased ' || talon_one_hash(raw), source, first_seen_at,
        last_seen_at
      from done
      on conflict (kind, application_id, md5(raw)) do update
        set first_seen_at = least(q.first_seen_at, excluded.first_seen_at),
            last_seen_at = greatest(q.last_seen_at, excluded.last_seen_at)
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_original_text',
    columns: ['original'],
    statement: `${GIVEN}, found as materialized (
      select kind, application_id, id, original_hash,
        talon_one_erasure_of_record(kind, application_id, id, original) as erasure_id
      from talon_one_original_text where original <> ''
    ), done as (
      update talon_one_original_text o set original = ''
      from found
      where o.kind = found.kind and o.application_id = found.application_id and o.id = found.id
        and o.original_hash = found.original_hash and found.erasure_id is not null
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_export_row',
    columns: ['payload'],
    statement: `${GIVEN}, found as materialized (
      select export_id, row_number, talon_one_erasure_of_export_row(export, options, payload) as erasure_id
      from talon_one_export_row join talon_one_export using (export_id) where payload <> '{}'
    ), done as (
      update talon_one_export_row r set payload = '{}'
      from found where r.export_id = found.export_id and r.row_number = found.row_number and found.erasure_id is not null
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  {
    table: 'talon_one_export',
    columns: ['options'],
    statement: `${GIVEN}, found as materialized (
      select export_id, talon_one_erasure_in(options::text) as erasure_id from talon_one_export
    ), done as (
      update talon_one_export x set options = talon_one_without_customer(x.options, found.erasure_id)
      from found where x.export_id = found.export_id and found.erasure_id is not null
      returning found.erasure_id
    )
    ${COUNTED}`,
  },
  messages('talon_one_import_part', 'answer'),
  // Messages quote what the API or Postgres said.
  messages('talon_one_sync_cursor', 'last_error'),
  messages('talon_one_sync_cycle', 'error'),
  messages('talon_one_job', 'last_error'),
];

/**
 * Notes the profiles and sessions of these erasures that are not noted yet; those of the names that are being forgotten,
 * and of keys that are new. $1 numbers of erasures. Events know sessions whose snapshots nobody has.
 */
export const noteKeys = `
  with wanted as (
    select erasure_id, id_hash from talon_one_erasure where erasure_id = any($1::bigint[]) and finished_at is null
  ), profiles as materialized (
    select profile_id as id, erasure_id
    from talon_one_profile_snapshot join wanted on id_hash = talon_one_hash(integration_id)
    union
    select profile_id, erasure_id from talon_one_profile_snapshot join wanted on integration_id = 'erased-' || erasure_id
    union
    select k.id, erasure_id from talon_one_erasure_key k join talon_one_erasure x using (erasure_id)
    where k.kind = 'profile' and erasure_id = any($1::bigint[]) and (k.blanked_at is null or x.finished_at is null)
  ), sessions as (
    select s.session_id, s.application_id, p.erasure_id, s.integration_id as name
    from talon_one_session_snapshot s join profiles p on p.id = s.profile_id
    union all
    select s.session_id, s.application_id, erasure_id, s.integration_id
    from talon_one_session_snapshot s join wanted on id_hash = talon_one_hash(s.payload ->> 'profileintegrationid')
    where s.profile_id is null
    union all
    select s.session_id, s.application_id, k.erasure_id, s.integration_id
    from talon_one_erasure_key k join talon_one_session_snapshot s
      on s.session_id = k.id and s.application_id = k.application_id
    where k.kind = 'session' and k.erasure_id = any($1::bigint[]) and k.name_hash is null
    union all
    select e.session_id, e.application_id, p.erasure_id, null
    from profiles p join talon_one_event e on e.profile_id = p.id where e.session_id is not null
  ), key as (
    select 'profile' as kind, id, 0::bigint as application_id, min(erasure_id) as erasure_id, null as name
    from profiles group by id
    union all
    select 'session', session_id, application_id, min(erasure_id), max(name) from sessions
    group by session_id, application_id
  )
  insert into talon_one_erasure_key as k (kind, id, application_id, erasure_id, name_hash)
  select kind, id, application_id, erasure_id, talon_one_hash(name) from key
  on conflict (kind, id, application_id) do update
    set name_hash = excluded.name_hash, noted_at = excluded.noted_at, blanked_at = null
    where k.name_hash is null and excluded.name_hash is not null`;
