// What is blanked of a forgotten customer, table by table. A test lists every column of the schema that holds text or
// JSON, and wants each to stand here or on its list of those that tell of nobody.

export interface ErasedTable {
  readonly table: string;
  /** Columns that tell of a person. */
  readonly columns: readonly string[];
  readonly statement: string;
}

// In every statement: $1 integration ID, $2 number of the erasure, $3 profiles, $4 sessions.
const GIVEN = `with given as (
    select $1::text as id, to_jsonb($1::text)::text as quoted, $2::bigint as erasure, 'erased-' || $2::bigint as pseudonym,
      $3::bigint[] as profiles, $4::bigint[] as sessions
  )`;

export const ERASED_TABLES: readonly ErasedTable[] = [
  {
    table: 'talon_one_effect',
    columns: ['props'],
    statement: `${GIVEN}
      update talon_one_effect f set props = talon_one_blank(f.props)
      from given, talon_one_event e
      where (e.profile_id = any(given.profiles) or e.session_id = any(given.sessions))
        and talon_one_erasure_of(e.profile_id, e.session_id, e.application_id) = given.erasure
        and f.application_id = e.application_id and f.event_id = e.event_id and f.created = e.created
        and f.props is distinct from talon_one_blank(f.props)`,
  },
  {
    table: 'talon_one_event',
    columns: ['payload', 'integration_id'],
    statement: `${GIVEN}
      update talon_one_event e set payload = talon_one_blank(e.payload), integration_id = null
      from given
      where (e.profile_id = any(given.profiles) or e.session_id = any(given.sessions))
        and talon_one_erasure_of(e.profile_id, e.session_id, e.application_id) = given.erasure
        and (e.integration_id is not null or e.payload <> talon_one_blank(e.payload))`,
  },
  {
    table: 'talon_one_profile_snapshot',
    columns: ['integration_id', 'payload'],
    statement: `${GIVEN}
      update talon_one_profile_snapshot s
      set integration_id = case when s.integration_id is not null then pseudonym end, payload = talon_one_blank(s.payload)
      from given
      where s.profile_id = any(given.profiles)
        and (s.integration_id <> pseudonym or s.payload <> talon_one_blank(s.payload))`,
  },
  {
    table: 'talon_one_session_snapshot',
    columns: ['integration_id', 'payload'],
    statement: `${GIVEN}
      update talon_one_session_snapshot s set integration_id = null, payload = talon_one_blank(s.payload)
      from given
      where (s.profile_id = any(given.profiles) or s.session_id = any(given.sessions))
        and talon_one_erasure_of(s.profile_id, s.session_id, s.application_id) = given.erasure
        and (s.integration_id is not null or s.payload <> talon_one_blank(s.payload))`,
  },
  {
    table: 'talon_one_loyalty_transaction',
    columns: ['profile_integration_id', 'holder', 'session_integration_id', 'name', 'payload'],
    statement: `${GIVEN}
      update talon_one_loyalty_transaction t
      set profile_integration_id = pseudonym, session_integration_id = null, name = null, payload = talon_one_blank(t.payload)
      from given where t.profile_integration_id = given.id`,
  },
  {
    table: 'talon_one_loyalty_balance_snapshot',
    columns: ['holder', 'other'],
    statement: `${GIVEN}
      update talon_one_loyalty_balance_snapshot s set holder = pseudonym, other = null from given where s.holder = given.id`,
  },
  {
    table: 'talon_one_loyalty_tier_snapshot',
    columns: ['holder', 'other'],
    statement: `${GIVEN}
      update talon_one_loyalty_tier_snapshot s set holder = pseudonym, other = null from given where s.holder = given.id`,
  },
  {
    table: 'talon_one_loyalty_join_date',
    columns: ['holder', 'other'],
    statement: `${GIVEN}
      update talon_one_loyalty_join_date s set holder = pseudonym, other = null from given where s.holder = given.id`,
  },
  {
    table: 'talon_one_loyalty_balance_projection',
    columns: ['holder'],
    statement: `${GIVEN}
      update talon_one_loyalty_balance_projection s set holder = pseudonym from given where s.holder = given.id`,
  },
  {
    table: 'talon_one_coupon',
    columns: ['recipient_integration_id', 'payload'],
    statement: `${GIVEN}
      update talon_one_coupon c set recipient_integration_id = null, payload = talon_one_blank(c.payload)
      from given where c.recipient_integration_id = given.id`,
  },
  {
    table: 'talon_one_referral',
    columns: ['advocate_integration_id', 'friend_integration_id', 'payload'],
    statement: `${GIVEN}
      update talon_one_referral r
      set advocate_integration_id = nullif(advocate_integration_id, given.id),
          friend_integration_id = nullif(friend_integration_id, given.id), payload = talon_one_blank(r.payload)
      from given where given.id in (r.advocate_integration_id, r.friend_integration_id)`,
  },
  {
    table: 'talon_one_change',
    columns: ['payload'],
    statement: `${GIVEN}
      update talon_one_change c set payload = talon_one_blank(c.payload)
      from given where position(given.quoted in c.payload::text) > 0`,
  },
  {
    table: 'talon_one_quarantine',
    columns: ['raw', 'reason'],
    statement: `${GIVEN}
      update talon_one_quarantine q set raw = 'erased ' || talon_one_hash(q.raw), reason = 'erased'
      from given
      where q.raw not like 'erased %' and (
        talon_one_erasure_in(q.raw) = given.erasure or position(given.quoted in q.raw) > 0
        or (q.kind = 'profile' and substring(q.raw from '"id"\\s*:\\s*(\\d{1,18})\\M')::bigint = any(given.profiles)))`,
  },
  {
    table: 'talon_one_original_text',
    columns: ['original'],
    statement: `${GIVEN}
      update talon_one_original_text o set original = ''
      from given
      where o.original <> '' and (
        talon_one_erasure_in(o.original) = given.erasure or position(given.quoted in o.original) > 0
        or (o.kind = 'profile' and o.id = any(given.profiles)) or (o.kind = 'session' and o.id = any(given.sessions)))`,
  },
  {
    table: 'talon_one_export_row',
    columns: ['payload'],
    statement: `${GIVEN}
      update talon_one_export_row r set payload = '{}'
      from given where exists (select from jsonb_each_text(r.payload) as cell (name, value) where cell.value = given.id)`,
  },
  {
    table: 'talon_one_export',
    columns: ['options'],
    statement: `${GIVEN}
      update talon_one_export x set options = talon_one_blank(x.options)
      from given where position(given.quoted in x.options::text) > 0`,
  },
  {
    table: 'talon_one_import_part',
    columns: ['answer'],
    statement: `${GIVEN}
      update talon_one_import_part i set answer = 'erased' from given where position(given.quoted in i.answer) > 0`,
  },
];
