// Rows as they are after some months: 20,000 customers, 100,000 sessions with three events each, a million balances. $1 number of events.

const TEXT = `repeat(md5(n::text), 8)`;

export const FILL: readonly string[] = [
  `select talon_one_create_partitions(('2026-01-01'::date + m * interval '1 month')::date) from generate_series(0, 11) as m
   where $1::bigint > 0`,
  `insert into talon_one_event (application_id, event_id, created, type, profile_id, session_id, payload)
   select 1, n, '2026-01-01Z'::timestamptz + n * interval '90 s', 'talon_session_closed', n % 20000, n / 3,
     jsonb_build_object('id', n, 'profileId', n % 20000, 'sessionId', n / 3, 'created', '2026-01-01T00:00:00Z',
       'attributes', jsonb_build_object('mail', md5(n::text), 'note', ${TEXT}),
       'effects', jsonb_build_array(jsonb_build_object('effectType', 'setDiscount', 'props', jsonb_build_object('name', 'Ten', 'value', 10))))
   from generate_series(1, $1::bigint) as n`,
  `insert into talon_one_effect (application_id, event_id, created, effect_index, effect_type, profile_id, session_id, props)
   select application_id, event_id, created, 0, 'setDiscount', profile_id, session_id, payload #> '{effects,0,props}'
   from talon_one_event where $1::bigint > 0`,
  `insert into talon_one_profile_snapshot (profile_id, fetched_at, application_id, found, integration_id, payload)
   select n % 20000, '2026-01-01Z'::timestamptz + n * interval '1 s', 1, true, 'customer-' || n % 20000,
     jsonb_build_object('id', n % 20000, 'integrationId', 'customer-' || n % 20000, 'attributes', jsonb_build_object('note', ${TEXT}))
   from generate_series(1, $1::bigint / 3) as n`,
  `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, source, integration_id, profile_id, payload)
   select 1, n, '2026-01-01Z'::timestamptz, true, 'list', 'order-' || n, n % 20000,
     jsonb_build_object('id', n, 'profileId', n % 20000, 'attributes', jsonb_build_object('note', ${TEXT}))
   from generate_series(1, $1::bigint / 3) as n`,
  `insert into talon_one_loyalty_transaction (program_id, transaction_uuid, created, type, amount, profile_integration_id, subledger_id, payload)
   select 1, 'u' || n, '2026-01-01Z'::timestamptz + n * interval '90 s', 'addition', 5, 'customer-' || n % 20000, '',
     jsonb_build_object('customerProfileId', 'customer-' || n % 20000, 'amount', 5)
   from generate_series(1, $1::bigint) as n`,
  `insert into talon_one_loyalty_balance_snapshot (program_id, fetched_at, holder, subledger_id, active)
   select 1, '2026-01-01Z'::timestamptz + day * interval '1 day', 'customer-' || n, '', 5
   from generate_series(0, 49) as day, generate_series(1, 20000) as n where $1::bigint > 0`,
  `insert into talon_one_coupon (application_id, coupon_id, value, payload)
   select 1, n, 'code-' || n, jsonb_build_object('id', n::text, 'value', 'code-' || n, 'attributes', '{}')
   from generate_series(1, $1::bigint / 3) as n`,
  `with run as (insert into talon_one_export (export, options) values ('effects', '{"application": "1"}') returning export_id)
   insert into talon_one_export_row
   select export_id, n, jsonb_build_object('profileid', (n % 20000)::text, 'profileintegrationid', 'customer-' || n % 20000,
     'sessionid', (n / 3)::text, 'applicationid', '1', 'props', '{"name":"Ten","value":10}', 'created', '2026-01-01T00:00:00Z')
   from run, generate_series(1, $1::bigint / 100) as n`,
  `insert into talon_one_quarantine (kind, application_id, reason, raw, source)
   select 'event', 1, 'r', jsonb_build_object('id', n, 'profileId', n, 'attributes', jsonb_build_object('note', ${TEXT}))::text, 's'
   from generate_series(1, 1000) as n where $1::bigint > 0`,
  `insert into talon_one_change (change_id, created, entity, payload)
   select n, now(), '/v1/applications/1/campaigns/' || n, jsonb_build_object('old', jsonb_build_object('name', ${TEXT}), 'new', jsonb_build_object('name', ${TEXT}))
   from generate_series(1, 10000) as n where $1::bigint > 0`,
];
