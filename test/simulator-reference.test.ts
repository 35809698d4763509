import { expect, test } from 'vitest';
import { ask, events, list } from './simulator/api-client.js';
import { startForTest as start } from './simulator/for-tests.js';

const APPLICATION = '/v1/applications/1';

test('what events name is in the lists: campaigns, rulesets, stores, programs', async () => {
  const sim = await start({ applications: 2, history: { events: 300 } });
  for (const id of [1, 2]) {
    const path = `/v1/applications/${id}`;
    const campaigns = await list(sim, `${path}/campaigns`);
    const stores = await list(sim, `${path}/stores`);
    const rows = (await list(sim, `${path}/events/no_total`)).rows as unknown as {
      storeId?: number;
      effects: { campaignId: number; rulesetId: number }[];
    }[];
    const effects = rows.flatMap((row) => row.effects);
    expect(effects.length).toBeGreaterThan(100);
    for (const { campaignId, rulesetId } of effects) {
      const campaign = campaigns.rows.find((row) => row.id === campaignId);
      expect(campaign).toMatchObject({ applicationId: id, activeRulesetId: rulesetId });
    }
    const storeIds = rows.flatMap(({ storeId = 0 }) => (storeId === 0 ? [] : [String(storeId)]));
    expect(storeIds.filter((storeId) => !stores.ids.includes(storeId))).toEqual([]);
    expect(storeIds.length).toBeGreaterThan(20);
  }
  const [campaign] = (await list(sim, `${APPLICATION}/campaigns?pageSize=1`)).rows;
  const rulesets = await list(sim, `${APPLICATION}/campaigns/${campaign?.id}/rulesets`);
  expect(rulesets.ids.at(-1)).toBe(String(campaign?.activeRulesetId));
  const application = JSON.parse((await ask(sim, APPLICATION)).text) as { loyaltyPrograms: object[] };
  expect(application.loyaltyPrograms).toEqual((await list(sim, '/v1/loyalty_programs')).rows);
});

test('lists come in the documented envelopes, orders and pages', async () => {
  const sim = await start({ history: { events: 60 } });
  expect(await list(sim, `${APPLICATION}/campaigns?pageSize=3&sort=-created`)).toMatchObject({
    ids: ['219', '218', '217'],
    totalResultSize: 20,
    hasMore: undefined,
  });
  expect(await list(sim, `${APPLICATION}/stores?pageSize=3&skip=28`)).toMatchObject({
    ids: ['29', '30'],
    totalResultSize: undefined,
    hasMore: false,
  });
  expect(await list(sim, '/v1/audiences?withTotalResultSize=true&pageSize=1')).toMatchObject({
    totalResultSize: 5,
    hasMore: undefined,
  });
  expect(await list(sim, '/v2/achievements?pageSize=2')).toMatchObject({ hasMore: true });
  const achievements = `${APPLICATION}/campaigns/200/achievements`;
  expect((await list(sim, achievements)).rows).toMatchObject([{ campaignId: 200 }]);
  for (const refused of [
    `${achievements}?pageSize=51`,
    `${achievements}?sort=id`,
    `${APPLICATION}/campaigns?x=1`,
  ])
    expect((await ask(sim, refused)).status).toBe(400);
  sim.set({ achievementsV2: '404' });
  expect((await ask(sim, '/v2/achievements')).status).toBe(404);
  sim.set({ sort: 'refused' });
  expect((await ask(sim, '/v1/audiences?sort=created')).status).toBe(400);
});

test('campaigns and attributes are filtered by what they are', async () => {
  const sim = await start({ history: { events: 10 } });
  sim.changeCampaign(203, { name: 'Sommer "24"', tags: ['a', 'b'], startTime: '2030-01-01T00:00:00Z' });
  const ids = async (query: string): Promise<string> =>
    (await list(sim, `${APPLICATION}/campaigns?${query}`)).ids.join(' ');
  expect(await ids('name=sommer')).toBe('203');
  expect(await ids('tags=a&tags=b')).toBe('203');
  expect(await ids('startAfter=2029-01-01T00:00:00Z')).toBe('203');
  expect(await ids('campaignState=archived')).toBe('210');
  expect((await ids('campaignState=expired')).split(' ')).toContain('203');
  expect((await list(sim, '/v1/attributes?entity=Event&kind=custom')).rows).toMatchObject([{ name: 'tags' }]);
});

test('a change is seen at once, in the row and in the audit log', async () => {
  const sim = await start({ history: { events: 60 } });
  const before = await list(sim, '/v1/changes?sort=-created');
  expect(before.rows).toHaveLength(40);
  const since = encodeURIComponent(String(before.rows[0]?.created));
  const changes = async (query = ''): Promise<unknown[]> =>
    (await list(sim, `/v1/changes?createdAfter=${since}&sort=created${query}`)).rows;
  expect(await changes()).toEqual([]);
  const now = sim.now();
  sim.changeCampaign(205, { name: 'Renamed' });
  const added = sim.addReference('campaign', 1, { name: 'New' });
  expect(sim.addReference('campaign', 1)).toBe(added + 1);
  sim.removeReference('store', 7);
  const { rows } = await list(sim, `${APPLICATION}/campaigns`);
  expect(rows.find(({ id }) => id === 205)).toMatchObject({ name: 'Renamed' });
  expect(String(rows.find(({ id }) => id === 205)?.updated) >= now).toBe(true);
  expect(rows.at(-2)).toMatchObject({ id: added, name: 'New' });
  expect((await ask(sim, `${APPLICATION}/stores/7`)).status).toBe(404);
  expect(await changes()).toMatchObject([
    { entity: '/v1/applications/1/campaigns/205', old: { name: 'Campaign 205' }, new: { name: 'Renamed' } },
    { entity: `/v1/applications/1/campaigns/${added}`, old: {}, new: { name: 'New' } },
    { entity: `/v1/applications/1/campaigns/${added + 1}` },
    { entity: '/v1/applications/1/stores/7', new: {} },
  ]);
  expect((await changes('&entityPath=STORES&includeOld=false'))[0]).not.toHaveProperty('old');
  expect(await changes('&applicationId=2')).toEqual([]);
  sim.setReferencePayload('campaign', 205, '{"id":205,"limit":1.000000000000000000001}');
  expect((await ask(sim, `${APPLICATION}/campaigns/205`)).text).toBe(
    '{"id":205,"limit":1.000000000000000000001}',
  );
});

test('audiences have the members that profiles tell of', async () => {
  const sim = await start({ history: { events: 300 } });
  const profiles = (await list(sim, '/customer_search', { body: {} })).rows as unknown as {
    id: number;
    audienceMemberships: unknown[];
  }[];
  const told = profiles
    .filter((profile) => profile.audienceMemberships.length > 0)
    .map(({ id }) => String(id));
  expect(told.length).toBeGreaterThan(3);
  expect((await list(sim, '/v1/audiences/2/memberships')).ids).toEqual(told);
  expect((await list(sim, '/v1/audiences/analytics?audienceIds=1,2')).rows).toEqual([
    { audienceId: 1, membersCount: 0 },
    { audienceId: 2, membersCount: told.length },
  ]);
});

test('the types of an Application are those of its events', async () => {
  const sim = await start({ history: { events: 300 } });
  const answer = JSON.parse((await ask(sim, '/event_types')).text) as { data: string[] };
  const seen = new Set((await events(sim)).rows.map((row) => String(row.type)));
  expect(answer.data).toEqual([...seen].sort());
});
