import { queryText } from '../simulator/api-client.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { FUTURE, PAGES, type Query, type Run } from './exercise-queries.js';

const APPLICATION = '/v1/applications/1';
const WITH_TOTAL: Query[] = [...PAGES, { withTotalResultSize: 'true' }, { withTotalResultSize: 'false' }];

/** Everything that an account has configured. */
export async function exerciseReference(run: Run, sim: Simulator, middle: string): Promise<void> {
  const [first = 0] = sim.referenceIds('campaign');
  sim.changeCampaign(first, { name: 'Renamed' });
  await exerciseCampaigns(run, sim, middle);
  const lists: [string, Query[]][] = [
    ['/v1/attributes', [...PAGES, { entity: 'Event', kind: 'custom', type: 'string', search: 'a' }]],
    ['/v1/attributes', [{ applicationIds: '1,2' }]],
    ['/v1/additional_costs', PAGES],
    ['/v1/event_types', [...PAGES, { name: 'news', includeOldVersions: 'true' }]],
    [`${APPLICATION}/event_types`, PAGES],
    ['/v1/audiences', WITH_TOTAL],
    ['/v1/audiences/2/memberships', [...PAGES, { profileQuery: 'cust' }]],
    ['/v1/audiences/analytics', [{ audienceIds: '1,2,3' }]],
    [`${APPLICATION}/stores`, [...WITH_TOTAL, { campaignId: first, name: 'store', integrationId: 'STORE' }]],
    ['/v2/achievements', [{}, { pageSize: 1000, applicationId: 1, title: 'coffee' }]],
    [`${APPLICATION}/campaigns/${first}/achievements`, [{}, { pageSize: 50, skip: 1 }]],
    ['/v1/collections', [...WITH_TOTAL, { name: 'coll' }]],
    [`${APPLICATION}/collections`, WITH_TOTAL],
    [`${APPLICATION}/campaigns/${first}/collections`, WITH_TOTAL],
    ['/v1/changes', [...WITH_TOTAL, { sort: '-created', includeOld: 'false' }]],
    ['/v1/changes', [{ createdAfter: middle, createdBefore: FUTURE, applicationId: 1, userId: 388 }]],
    ['/v1/changes', [{ entityPath: 'CAMPAIGNS', managementKeyId: 3 }]],
  ];
  for (const [path, queries] of lists) for (const query of queries) await run(`${path}?${queryText(query)}`);
  await exerciseItems(run, sim);
}

async function exerciseCampaigns(run: Run, sim: Simulator, middle: string): Promise<void> {
  const queries: Query[] = [
    ...PAGES,
    ...['enabled', 'running', 'expired', 'archived'].map((campaignState) => ({ campaignState })),
    { name: 'campaign', tags: 'summer', campaignGroupId: 1, templateId: 3, storeId: 1 },
    { createdAfter: '2020-01-01T00:00:00Z', startBefore: middle, endAfter: middle, sort: '-created' },
  ];
  for (const query of queries) await run(`${APPLICATION}/campaigns?${queryText(query)}`);
  for (const id of sim.referenceIds('campaign').slice(0, 5)) {
    await run(`${APPLICATION}/campaigns/${id}`);
    await run(`${APPLICATION}/campaigns/${id}/rulesets`);
    const { activeRulesetId } = sim.reference('campaign', id);
    await run(`${APPLICATION}/campaigns/${id}/rulesets/${activeRulesetId}`);
  }
}

async function exerciseItems(run: Run, sim: Simulator): Promise<void> {
  const [attribute, store, achievement, collection] = (
    ['attribute', 'store', 'achievement', 'collection'] as const
  ).map((kind) => sim.referenceIds(kind)[0]);
  await run(`/v1/attributes/${attribute}`);
  await run(`${APPLICATION}/stores/${store}`);
  await run(`/v2/achievements/${achievement}`);
  await run(`/v1/collections/${collection}`);
  await run(`/v1/collections/${collection}/items?pageSize=10`);
}

export async function refuseReference(run: Run): Promise<void> {
  for (const path of [
    '/campaigns/1',
    '/campaigns/1/rulesets',
    '/stores/99999',
    '/campaigns?campaignState=on',
  ])
    await run(`${APPLICATION}${path}`);
  for (const path of ['/v1/audiences/99/memberships', '/v1/audiences/analytics', '/v1/collections/1/items'])
    await run(path);
  await run(`${APPLICATION}/campaigns/200/achievements?pageSize=51`);
}
