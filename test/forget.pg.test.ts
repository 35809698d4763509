import { expect, test } from 'vitest';
import { forgetProfile, tryToForget } from '../src/warehouse/forget.js';
import { ERASED_TABLES } from '../src/warehouse/forget-sql.js';
import { startSync } from './support/sync.js';
import { verify } from './support/verifying.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });

// Text and JSON that tells of no customer.
const TELLS_OF_NOBODY: Readonly<Record<string, readonly string[]>> = {
  talon_one_event: ['type', 'store_integration_id'],
  talon_one_effect: ['effect_type', 'rule_name'],
  talon_one_session_snapshot: ['state', 'source'],
  talon_one_sync_cursor: ['application_name', 'status', 'lease_owner'],
  talon_one_owed_snapshot: ['kind'],
  talon_one_sync_cycle: ['cycle_id', 'owner', 'outcome'],
  talon_one_quarantine: ['kind', 'source'],
  // A hash of the text keeps different ones apart.
  talon_one_original_text: ['kind', 'original_hash', 'reasons'],
  talon_one_request_slot: ['budget', 'endpoint', 'holder'],
  talon_one_granted_rate: ['budget', 'endpoint'],
  talon_one_request_waiter: ['budget', 'endpoint', 'waiter'],
  talon_one_replica: ['owner', 'version', 'jobs', 'trouble'],
  talon_one_once_run: ['owner', 'version', 'outcome', 'trouble', 'jobs'],
  talon_one_job: ['job', 'state', 'status', 'lease_owner'],
  talon_one_loyalty_program: [
    'name',
    'title',
    'time_zone',
    'default_validity',
    'default_pending',
    'join_policy',
    'tiers_expiration_policy',
    'tiers_expire_in',
    'tiers_downgrade_policy',
    'return_policy',
    'payload',
  ],
  talon_one_loyalty_tier: ['name', 'payload'],
  // The card may belong to several customers; the user is one of the company's.
  talon_one_loyalty_transaction: [
    'transaction_uuid',
    'type',
    'start_date',
    'expiry_date',
    'card_identifier',
    'subledger_id',
    'rule_name',
    'user_email',
    'validity_duration',
  ],
  talon_one_loyalty_snapshot: ['kind'],
  talon_one_loyalty_balance_snapshot: ['subledger_id', 'current_tier', 'card_state'],
  talon_one_loyalty_tier_snapshot: ['subledger_id', 'tier_name', 'start_date', 'expiry_date'],
  talon_one_loyalty_join_date: ['join_date'],
  talon_one_loyalty_balance_projection: ['subledger_id'],
  talon_one_coupon: ['value', 'batch_id'],
  talon_one_referral: ['code', 'batch_id'],
  talon_one_export: ['export'],
  talon_one_import: ['deployment', 'kind', 'target', 'file_name', 'file_hash', 'lease_owner'],
  talon_one_import_part: ['content_hash', 'state'],
  talon_one_verification: ['source', 'examples'],
  talon_one_erasure: ['id_hash', 'rows_blanked', 'runs'],
  talon_one_erasure_key: ['kind', 'name_hash'],
  talon_one_migration: ['name', 'hash'],
};
/** What the company has set up itself. */
const REFERENCE =
  /^talon_one_(application|campaign|ruleset|attribute|audience|store|achievement|event_type|loyalty_program_version)$/;

test('every column of text or JSON is blanked, or is known to tell of no customer', async () => {
  const columns = await db().rows<{ name: string; columns: string[] }>(
    `select relname as name, array_agg(attname::text order by attnum) as columns
     from pg_class join pg_attribute on attrelid = pg_class.oid
     where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition
       and relname like 'talon\\_one\\_%' and attnum > 0 and not attisdropped
       and atttypid in ('text'::regtype, 'text[]'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype)
     group by relname order by relname`,
  );
  const erased = Object.fromEntries(ERASED_TABLES.map(({ table, columns: own }) => [table, own]));
  const unsaid = columns
    .filter(({ name }) => !REFERENCE.test(name))
    .flatMap(({ name, columns: all }) =>
      all
        .filter((column) => !erased[name]?.includes(column) && !TELLS_OF_NOBODY[name]?.includes(column))
        .map((column) => `${name}.${column}`),
    );
  expect(unsaid).toEqual([]);
});

const ID = 'anna "o\'hara" \\ 50%@example.com';
const [PROFILE, SESSION, LATER] = [71_001, 72_001, 72_002];

const eventOf = (id: number, sessionId: number, second: number) => ({
  id,
  created: `2026-01-01T00:00:0${second}.5Z`,
  type: 'talon_session_closed',
  profileId: PROFILE,
  sessionId,
  attributes: { email: ID, age: 41, params: { state: 'closed' } },
  effects: [
    {
      effectType: 'setDiscount',
      campaignId: 7,
      ruleName: 'Ten off',
      props: { name: `for ${ID}`, value: 12.5 },
    },
    { effectType: 'acceptCoupon', campaignId: 7, props: { value: 'ANNA-10' } },
  ],
});

async function dump(): Promise<string> {
  const tables = ERASED_TABLES.map(({ table }) => table);
  const parts = await Promise.all(
    tables.map((table) => db().value(`select coalesce(json_agg(t), '[]') from ${table} t`)),
  );
  return parts.join('\n');
}

test('a forgotten customer is gone from every table, amounts stay, and nothing comes back', async () => {
  const sync = await startSync(db(), { events: 40 });
  const { sim, number, applicationId } = sync;
  const quoted = JSON.stringify(ID);
  sim.setProfilePayload(
    PROFILE,
    `{"id":${PROFILE},"integrationId":${quoted},"created":"2025-01-01T00:00:00Z","totalSales":99.50,"attributes":{"email":${quoted},"phone":4917012}}`,
  );
  sim.setSessionPayload(
    number,
    SESSION,
    `{"id":${SESSION},"integrationId":"s of ${PROFILE}","profileId":${PROFILE},"created":"2026-01-01T00:00:00Z","state":"closed","total":12.50,"attributes":{"mail":${quoted}}}`,
  );
  sim.addEvent(number, eventOf(1001, SESSION, 1));
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows(
    `insert into talon_one_loyalty_transaction (program_id, transaction_uuid, created, type, amount, name,
      profile_integration_id, subledger_id, session_integration_id, payload)
    values (1, 'u1', now(), 'addition', 30, 'Gift for Anna', $1, '', 's', jsonb_build_object('profileIntegrationID', $1::text, 'amount', 30))`,
    ID,
  );
  await db().rows(
    `insert into talon_one_loyalty_balance_snapshot (program_id, fetched_at, holder, subledger_id, active, other)
    values (1, '2026-01-01Z', $1, '', 30, jsonb_build_object('mail', $1::text))`,
    ID,
  );
  await db().rows(
    `insert into talon_one_loyalty_tier_snapshot (program_id, fetched_at, holder, subledger_id, tier_name)
    values (1, '2026-01-01Z', $1, '', 'Gold')`,
    ID,
  );
  await db().rows(
    `insert into talon_one_loyalty_join_date (program_id, fetched_at, holder) values (1, '2026-01-01Z', $1)`,
    ID,
  );
  await db().rows(
    `insert into talon_one_loyalty_balance_projection (program_id, fetched_at, day, holder, subledger_id, balance_at)
    values (1, '2026-01-01Z', '2026-01-02', $1, '', '2026-01-02Z')`,
    ID,
  );
  await db().rows(
    `insert into talon_one_coupon (application_id, coupon_id, value, recipient_integration_id, payload)
    values ($2, 5, 'ANNA-10', $1, jsonb_build_object('recipientintegrationid', $1::text))`,
    ID,
    applicationId,
  );
  await db().rows(
    `insert into talon_one_referral (application_id, referral_id, code, advocate_integration_id, friend_integration_id, payload)
    values ($2, 5, 'R', $1, 'ben', jsonb_build_object('advocateprofileintegrationid', $1::text))`,
    ID,
    applicationId,
  );
  await db().rows(
    `insert into talon_one_change (change_id, created, entity, payload)
    values (5, now(), 'Profile', jsonb_build_object('new', jsonb_build_object('integrationId', $1::text)))`,
    ID,
  );
  await db().rows(
    `insert into talon_one_quarantine (kind, application_id, reason, raw, source)
    values ('event', $2, 'bad ' || $1, '{"profileId":${PROFILE},"mail":' || to_jsonb($1::text)::text || '}', 's')`,
    ID,
    applicationId,
  );
  await db().rows(
    `insert into talon_one_original_text (kind, application_id, id, original_hash, reasons, original)
    values ('profile', $2, ${PROFILE}, 'h', '{}', 'mail of ' || $1)`,
    ID,
    applicationId,
  );
  await db().rows(
    `with run as (insert into talon_one_export (export, options)
      values ('loyalty-transactions', jsonb_build_object('customer', $1::text)) returning export_id)
    insert into talon_one_export_row select export_id, 1, jsonb_build_object('id', $1::text, 'name', 'Anna') from run`,
    ID,
  );
  await db().rows(
    `with run as (insert into talon_one_import (deployment, kind, target, file_name, file_hash, file_bytes, units, parts)
      values ('d', 'profiles', '', 'f', 'h', 1, 1, 1) returning import_id)
    insert into talon_one_import_part (import_id, part, first_line, last_line, units, content_hash, answer)
    select import_id, 1, 1, 1, 1, 'h', 'refused: ' || to_jsonb($1::text)::text from run`,
    ID,
  );
  await db().rows(
    `with cursor as (update talon_one_sync_cursor set last_error = 'refused: ' || to_jsonb($1::text)::text),
       job as (insert into talon_one_job (job, last_error) values ('j', 'refused: ' || to_jsonb($1::text)::text))
     update talon_one_sync_cycle set error = 'refused: ' || to_jsonb($1::text)::text`,
    ID,
  );
  const isThere = async () => {
    const text = await dump();
    return [ID, quoted.slice(1, -1), 'ANNA-10', '4917012', 'Gift for Anna'].filter(
      (word) => text.includes(word) || text.includes(JSON.stringify(word).slice(1, -1)),
    );
  };
  expect(await isThere()).toContain('ANNA-10');

  const before = await dump();
  const tried = await tryToForget(db().warehouse, ID);
  expect(tried).toMatchObject({ profiles: 1, sessions: 1, erasureId: undefined });
  expect(await dump()).toBe(before);
  expect(await db().value('select count(*) from talon_one_erasure')).toBe('0');
  expect(await db().value(`select count(*) from pg_trigger where tgname = 'talon_one_guard_erasures'`)).toBe(
    '0',
  );

  const done = await forgetProfile(db().warehouse, ID);
  expect(done.rows).toEqual(tried.rows);
  for (const { table } of ERASED_TABLES) expect(`${table} ${done.rows[table] ?? 0}`).not.toBe(`${table} 0`);
  const code = await db().value('select value from talon_one_coupon');
  // The code itself is what the coupon is called.
  expect(code).toBe('ANNA-10');
  await db().rows(`update talon_one_coupon set value = 'X'`);
  expect(await isThere()).toEqual([]);
  const [kept] = await db().rows(
    `select (payload #>> '{effects,0,props,value}')::numeric::text as discount, payload ->> 'type' as type,
       payload #>> '{attributes,params,state}' as state, profile_id::int as profile,
       (select props ->> 'value' from talon_one_effect f where f.event_id = 1001 and effect_index = 0) as effect,
       (select total_sales::text from talon_one_profile where profile_id = ${PROFILE}) as sales,
       (select total::text from talon_one_session where session_id = ${SESSION}) as total,
       (select active::text from talon_one_loyalty_balance_snapshot) as points
     from talon_one_event where event_id = 1001`,
  );
  expect(kept).toEqual({
    discount: '12.5',
    type: 'talon_session_closed',
    state: 'closed',
    profile: PROFILE,
    effect: '12.5',
    sales: '99.50',
    total: '12.50',
    points: '30',
  });
  const [audit] = await db().rows(
    `select erasure_id::text as id, id_hash = talon_one_hash($1) as is_hash, finished_at is not null as is_done from talon_one_erasure`,
    ID,
  );
  expect(audit).toEqual({ id: done.erasureId, is_hash: true, is_done: true });

  // New events, new snapshots, and what other jobs write.
  sim.setSessionPayload(
    number,
    LATER,
    `{"id":${LATER},"profileId":${PROFILE},"attributes":{"mail":${quoted}}}`,
  );
  sim.addEvent(number, { ...eventOf(1002, LATER, 2), created: sim.now() });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await db().rows(
    `insert into talon_one_loyalty_transaction (program_id, transaction_uuid, created, type, amount, profile_integration_id, subledger_id, payload)
    values (1, 'u1', now(), 'addition', 30, $1, '', jsonb_build_object('profileIntegrationID', $1::text, 'amount', 30))
    on conflict (program_id, transaction_uuid) do update set profile_integration_id = excluded.profile_integration_id, payload = excluded.payload`,
    ID,
  );
  await db().rows(
    `insert into talon_one_loyalty_balance_snapshot (program_id, fetched_at, holder, subledger_id, active) values (1, '2026-01-02Z', $1, '', 31)`,
    ID,
  );
  await db().rows(
    `insert into talon_one_quarantine (kind, application_id, reason, raw, source)
    values ('event', $2, 'bad ' || $1, '{"profileId":${PROFILE},"mail":' || to_jsonb($1::text)::text || '}', 's')
     on conflict (kind, application_id, md5(raw)) do update set last_seen_at = clock_timestamp()`,
    ID,
    applicationId,
  );
  expect(await isThere()).toEqual([]);
  expect(await db().value('select count(*) from talon_one_event where event_id = 1002')).toBe('1');
  expect(
    await db().value(
      `select string_agg(holder, ',' order by fetched_at) from talon_one_loyalty_balance_snapshot`,
    ),
  ).toBe(`erased-${done.erasureId},erased-${done.erasureId}`);
  // Neither found nor brought back by a verification.
  expect(await verify(sync, { repairs: true })).toMatchObject({ missing: 0, different: 0 });
  expect(await isThere()).toEqual([]);
  const again = await forgetProfile(db().warehouse, ID);
  expect(Object.values(again.rows).reduce((sum, rows) => sum + rows, 0)).toBe(0);
  expect(again.erasureId).toBe(done.erasureId);
});

test('nobody else is touched', async () => {
  const sync = await startSync(db(), { events: 60 });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  const [one] = await db().rows<{ id: string; profile: string }>(
    `select integration_id as id, profile_id::text as profile from talon_one_profile_snapshot
     where application_id = $1 and integration_id is not null order by profile_id limit 1`,
    sync.applicationId,
  );
  const others = () =>
    db().value(
      `select md5(string_agg(e::text, '' order by event_id)) from talon_one_event e where application_id = $1 and profile_id is distinct from $2`,
      sync.applicationId,
      one?.profile,
    );
  const before = await others();
  const erased = await forgetProfile(db().warehouse, one?.id ?? '');
  expect(erased.rows.talon_one_event).toBeGreaterThan(0);
  expect(await others()).toBe(before);
  expect(await forgetProfile(db().warehouse, 'nobody')).toMatchObject({ profiles: 0, sessions: 0 });
});

test('an event that is being stored while its customer is forgotten is blanked, too', async () => {
  const sync = await startSync(db());
  const { sim, number } = sync;
  const id = 'written-meanwhile';
  sim.setProfilePayload(71_500, `{"id":71500,"integrationId":"${id}","attributes":{}}`);
  sim.addEvent(number, { id: 2001, profileId: 71_500, attributes: { mail: 'first@x' } });
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
  await forgetProfile(db().warehouse, id);
  await db().rows('delete from talon_one_erasure_key');
  const client = await db().warehouse.pool.connect();
  try {
    await client.query('begin');
    await client.query(
      `insert into talon_one_event (application_id, event_id, created, profile_id, payload)
       values ($1, 2002, '2026-01-01Z', 71500, '{"id": 2002, "attributes": {"mail": "second@x"}}')`,
      [sync.applicationId],
    );
    const forgetting = forgetProfile(db().warehouse, id);
    const waits = `select exists (select from pg_locks where not granted and mode = 'ShareRowExclusiveLock' and database = (select oid from pg_database where datname = current_database()))`;
    await expect.poll(() => db().value(waits), { timeout: 20_000 }).toBe('true');
    await client.query('commit');
    await forgetting;
  } finally {
    client.release();
  }
  expect(
    await db().value(`select string_agg(payload::text, '') from talon_one_event where profile_id = 71500`),
  ).not.toContain('@x');
});
