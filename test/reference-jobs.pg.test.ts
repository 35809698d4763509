import { describe, expect, test } from 'vitest';
import type { SwitchSettings } from './simulator/switches.js';
import { type ReferenceCopy, startReference } from './support/reference.js';

const KINDS = ['campaign', 'attribute', 'audience', 'store', 'achievement', 'event_type'] as const;
type Kind = (typeof KINDS)[number];
const APPLICATION = '/v1/applications/{applicationId}';

/** What the tables hold as valid now, and what the API would show. */
async function compare({ sim, db }: ReferenceCopy): Promise<{ stored: string[]; shown: string[] }> {
  const stored: string[] = [];
  const shown: string[] = [];
  for (const kind of KINDS) {
    const rows = await db.rows<{ id: string; name: string }>(
      `select ${kind}_id::text as id, name from talon_one_${kind} where valid_to is null order by ${kind}_id`,
    );
    stored.push(...rows.map(({ id, name }) => `${kind} ${id} ${name}`));
    const simulated = kind === 'event_type' ? 'eventType' : kind;
    const ids = [...sim.referenceIds(simulated)].sort((a, b) => a - b);
    shown.push(...ids.map((id) => `${kind} ${id} ${String(sim.reference(simulated, id).name)}`));
  }
  return { stored, shown };
}

async function expectCopied(copy: ReferenceCopy): Promise<void> {
  const { stored, shown } = await compare(copy);
  expect(stored).toEqual(shown);
}

const count = (copy: ReferenceCopy, table: string, where = 'true') =>
  copy.db.value(`select count(*) from talon_one_${table} where ${where}`);

test('every kind is copied whole; a look at what has not changed costs a request a list and writes nothing', async () => {
  const copy = await startReference({ simulator: { applications: 2 }, environment: { PAGE_SIZE: '7' } });
  const { sim, db, look, requests } = copy;
  expect(await look()).toEqual(new Map());
  await expectCopied(copy);
  expect(await count(copy, 'application')).toBe('2');
  const [id = 0] = sim.referenceIds('campaign');
  const [row] = await db.rows(
    `select payload = $2::jsonb as is_whole, valid_from = created as is_from_creation, application_id::text, state,
       active_ruleset_id::text, updated = $3::timestamptz as has_times from talon_one_campaign where campaign_id = $1`,
    id,
    JSON.stringify(sim.reference('campaign', id)),
    sim.reference('campaign', id).updated,
  );
  expect(row).toEqual({
    is_whole: true,
    is_from_creation: true,
    has_times: true,
    application_id: '1',
    state: 'enabled',
    active_ruleset_id: String(sim.reference('campaign', id).activeRulesetId),
  });
  const programs =
    'select array_agg(program_id::int order by program_id)::text from talon_one_loyalty_program_version';
  expect(await db.value(programs)).toBe(`{${sim.loyaltyProgramIds.join(',')}}`);
  const active = 'ruleset_id in (select active_ruleset_id from talon_one_campaign)';
  expect(await count(copy, 'ruleset', active)).toBe(String(sim.referenceIds('campaign').length));
  expect(await count(copy, 'ruleset', `not (${active})`)).toBe('0');
  const state = 'select json_agg((job, state - $1) order by job) from talon_one_job';
  const written = `select coalesce(max(synced_at), '-infinity') from (${KINDS.map((kind: Kind) => `select synced_at from talon_one_${kind}`).join(' union all ')}) as every`;
  const before = [await db.value(written), await db.value(state, 'lastSync')];
  await look();
  expect([await db.value(written), await db.value(state, 'lastSync')]).toEqual(before);
  const pages = (rows: number) => Math.max(1, Math.ceil(rows / 7));
  const perApplication = (kind: 'campaign' | 'store') =>
    2 * pages(sim.referenceIds(kind).filter((one) => sim.reference(kind, one).applicationId === 1).length);
  expect(requests()).toMatchObject({
    'GET /v1/applications': 1,
    [`GET ${APPLICATION}/campaigns`]: perApplication('campaign'),
    [`GET ${APPLICATION}/stores`]: perApplication('store'),
    'GET /v1/loyalty_programs': 1,
    'GET /v1/attributes': pages(sim.referenceIds('attribute').length),
    'GET /v2/achievements': pages(sim.referenceIds('achievement').length),
  });
  expect(Object.keys(requests()).filter((name) => name.includes('rulesetId'))).toEqual([]);
});

test('an effect has the names that were true when it happened, whenever they were changed since', async () => {
  const copy = await startReference();
  const { sim, db, look } = copy;
  const [id = 0] = sim.referenceIds('campaign');
  const { activeRulesetId, created } = sim.reference('campaign', id);
  await look();
  const effect = async (event: number, at: string, rule: string | null) =>
    db.database.query(
      `insert into talon_one_effect (application_id, event_id, created, effect_index, effect_type, campaign_id, ruleset_id,
         rule_index, rule_name) values (1, $1, $2, 0, 'setDiscount', $3, $4, 1, $5)`,
      [event, at, id, activeRulesetId, rule],
    );
  await effect(1, created, 'Own name');
  await effect(2, sim.now(), null);
  sim.changeCampaign(id, { name: 'Renamed', state: 'disabled' });
  await effect(3, sim.now(), null);
  await look();
  const [title] = (sim.reference('ruleset', Number(activeRulesetId)).rules as { title: string }[]).slice(
    1,
    2,
  );
  const rows = await db.rows(
    'select application_name, campaign_name, campaign_state, rule_name from talon_one_effect_with_names order by event_id',
  );
  const application_name = await db.value('select name from talon_one_application');
  const before = { application_name, campaign_name: `Campaign ${id}`, campaign_state: 'enabled' };
  expect(rows).toEqual([
    { ...before, rule_name: 'Own name' },
    { ...before, rule_name: title?.title },
    { application_name, campaign_name: 'Renamed', campaign_state: 'disabled', rule_name: title?.title },
  ]);
});

test('a campaign with another ruleset gets it; what is deleted has an end, an Application with all that is its own', async () => {
  const copy = await startReference({ simulator: { applications: 2 } });
  const { sim, look } = copy;
  await look();
  const [first = 0, second = 0] = sim.referenceIds('campaign');
  const ruleset = sim.addReference('ruleset', 1, { id: 990_001, campaignId: first });
  sim.changeCampaign(first, { activeRulesetId: ruleset });
  sim.removeReference('campaign', second);
  sim.removeApplication(2);
  await look();
  expect(await count(copy, 'ruleset', `ruleset_id = ${ruleset} and valid_to is null`)).toBe('1');
  expect(await count(copy, 'campaign', `campaign_id = ${second} and valid_to is not null`)).toBe('1');
  expect(await count(copy, 'ruleset', `campaign_id = ${second} and valid_to is null`)).toBe('0');
  await look();
  for (const table of ['application', 'campaign', 'store', 'ruleset']) {
    expect(await count(copy, table, 'application_id = 2 and valid_to is null'), table).toBe('0');
    expect(await count(copy, table, 'application_id = 2'), table).not.toBe('0');
  }
});

test('what the key may not read is said once and passed over, and everything else is copied', async () => {
  const copy = await startReference();
  const { sim, db, lines, look } = copy;
  const forbidden = {
    [`${APPLICATION}/stores`]: 403,
    '/v1/changes': 401,
    [`${APPLICATION}/campaigns/{campaignId}/rulesets/{rulesetId}`]: 403,
  } as const;
  sim.set({ forbidden });
  for (let hour = 0; hour < 3; hour += 1) expect(await look()).toEqual(new Map());
  const warnings = lines.filter(({ level }) => level !== 'info' && level !== 'debug');
  expect(warnings.map(({ job, msg }) => `${String(job)}: ${msg}`).sort()).toEqual([
    'audit-log: the API refuses the key for this job',
    'reference-campaign: the API refuses the key for rulesets, campaigns go without',
    'reference-store: the API refuses the key for this job',
  ]);
  const unauthorised = `select string_agg(job, ',' order by job) from talon_one_job where status = 'unauthorised'`;
  expect(await db.value(unauthorised)).toBe('audit-log,reference-store');
  expect(await count(copy, 'store')).toBe('0');
  expect(await count(copy, 'campaign')).toBe(String(sim.referenceIds('campaign').length));
  sim.set({ forbidden: {} });
  await look();
  await expectCopied(copy);
  expect(await count(copy, 'ruleset')).not.toBe('0');
});

test('a list that fails holds up no other, and is read when the server answers again', async () => {
  const copy = await startReference();
  const { sim, look } = copy;
  sim.addFault({ path: '/v1/audiences', times: Infinity, action: { type: 'status', status: 500 } });
  sim.addFault({ path: '/v1/attributes', times: 1, action: { type: 'html200' } });
  expect([...(await look()).keys()]).toEqual(['reference-audience']);
  expect(await count(copy, 'audience')).toBe('0');
  expect(await count(copy, 'attribute')).not.toBe('0');
  sim.clearFaults();
  await look();
  await expectCopied(copy);
});

test('an Application whose list is refused or fails holds up no other, and the job says so', async () => {
  const copy = await startReference({ simulator: { applications: 3 } });
  const { sim, db, look } = copy;
  sim.addFault({
    path: `${APPLICATION}/stores`,
    applicationId: 1,
    times: Infinity,
    action: { type: 'status', status: 403 },
  });
  for (const list of ['stores', 'campaigns']) {
    sim.addFault({
      path: `${APPLICATION}/${list}`,
      applicationId: 2,
      times: Infinity,
      action: { type: 'status', status: 500 },
    });
  }
  expect([...(await look()).keys()]).toEqual(['reference-campaign']);
  const copied = (table: string) =>
    db.value(`select string_agg(distinct application_id::text, ',') from talon_one_${table}`);
  expect(await copied('store')).toBe('3');
  expect(await copied('campaign')).toBe('1,3');
  // What follows the lists is done for those that were read.
  expect(await copied('ruleset')).toBe('1,3');
  const status = `select status from talon_one_job where job = 'reference-store'`;
  expect(await db.value(status)).toBe('unauthorised');
  sim.clearFaults();
  await look();
  await expectCopied(copy);
});

test('named Applications are read one by one, and nothing of others', async () => {
  const environment = { TALON_ONE_APPLICATION_IDS: '2' };
  const copy = await startReference({ simulator: { applications: 2 }, environment });
  const { sim, db, look, requests } = copy;
  await look();
  expect(await db.value(`select string_agg(application_id::text, ',') from talon_one_application`)).toBe('2');
  expect(await count(copy, 'campaign', 'application_id = 1')).toBe('0');
  expect(await count(copy, 'campaign', 'application_id = 2')).not.toBe('0');
  expect(requests()).toMatchObject({ [`GET ${APPLICATION}`]: 1 });
  expect(requests()).not.toHaveProperty('GET /v1/applications');
  sim.removeApplication(2);
  await look();
  expect(await count(copy, 'application', 'valid_to is null')).toBe('0');
});

test('achievements are read by campaign where the server knows no others', async () => {
  const copy = await startReference({ simulator: { switches: { achievementsV2: '404' } } });
  const { sim, look } = copy;
  const ids = sim.referenceIds('achievement');
  for (const id of ids) {
    sim.changeCampaign(Number(sim.reference('achievement', id).campaignId), { features: ['achievements'] });
  }
  await look();
  await look();
  await expectCopied(copy);
  expect(await count(copy, 'achievement', 'campaign_id is not null')).toBe(String(ids.length));
});

const habits: Record<string, SwitchSettings> = {
  'refuses to sort and leaves hasMore out': {
    sort: 'refusedAll',
    defaultOrder: '-created',
    envelope: 'missing',
  },
  'ignores sort, gives short pages and sends no Date header': {
    sort: 'ignored',
    silentPageLimit: 6,
    dateHeader: 'absent',
  },
  'promises more on every full page': { fullPageHasMore: 'always' },
};
describe('whatever the server is used to, the copy is whole', () => {
  test.each(Object.entries(habits))('one that %s', async (_, switches) => {
    const copy = await startReference({ simulator: { switches }, environment: { PAGE_SIZE: '10' } });
    const { sim, look } = copy;
    await look();
    await expectCopied(copy);
    const [id = 0, gone = 0] = sim.referenceIds('store');
    sim.changeReference('store', id, { name: 'Moved' });
    sim.removeReference('store', gone);
    await look();
    await expectCopied(copy);
    expect(await count(copy, 'store', `store_id = ${id}`)).toBe('2');
  });
});

test('the audit log is copied once and goes on where it came to, with what becomes visible late', async () => {
  const copy = await startReference({ environment: { PAGE_SIZE: '5' } });
  const { sim, db, look, requests } = copy;
  await look();
  const all = async () => Number(await count(copy, 'change'));
  const first = await all();
  expect(first).toBeGreaterThan(20);
  const late = sim.now();
  for (let index = 0; index < 12; index += 1) sim.addChange({ created: sim.now() });
  await look();
  expect(await all()).toBe(first + 12);
  sim.addChange({ created: late, entity: '/v1/late', applicationId: 1, managementKeyId: 7 });
  await look();
  expect(await all()).toBe(first + 13);
  expect(requests()['GET /v1/changes']).toBeLessThan(8);
  const [row] = await db.rows(
    `select application_id::text, user_id::text, management_key_id::text, payload ->> 'entity' as entity
     from talon_one_change where entity = '/v1/late'`,
  );
  expect(row).toEqual({ application_id: '1', user_id: '388', management_key_id: '7', entity: '/v1/late' });
});
