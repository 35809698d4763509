import { queryText } from '../simulator/api-client.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { FUTURE, PAGES, type Query, type Run } from './exercise-queries.js';

const APPLICATION = '/v1/applications/1';

/** The CSV exports other than those of sessions and loyalty, and the lists of codes. */
export async function exerciseExports(run: Run, sim: Simulator, middle: string): Promise<void> {
  const [campaign = 0] = sim.referenceIds('campaign');
  const [collection = 0] = sim.referenceIds('collection');
  const period: Query = { createdAfter: middle, createdBefore: FUTURE, dateFormat: 'ISO8601' };
  const range: Query = { rangeStart: middle, rangeEnd: FUTURE };
  const codes: Query[] = [{}, { ...period, campaignId: campaign, valid: 'validNow', usable: 'true' }];
  sim.emitCoupons(1, 10);
  sim.emitReferrals(1, 10);
  const exports: [string, Query[]][] = [
    [`${APPLICATION}/export_effects`, [{}, { dateFormat: 'excel' }, { ...period, campaignId: campaign }]],
    [
      `${APPLICATION}/export_coupons`,
      [...codes, { value: 'coup', exactMatch: 'false', batchId: 'axghjfdy' }],
    ],
    [`${APPLICATION}/export_coupons`, [{ deletedAfter: middle, campaignState: 'running' }]],
    [`${APPLICATION}/export_referrals`, codes],
    ['/v2/achievements/1/export', [{}]],
    [`${APPLICATION}/campaigns/${campaign}/achievements/1/export`, [{}]],
    ['/v1/audiences/2/memberships/export', [{}]],
    [`/v1/collections/${collection}/export`, [{}]],
    [`${APPLICATION}/campaigns/${campaign}/collections/${collection}/export`, [{}]],
    [`${APPLICATION}/campaigns/${campaign}/stores/export`, [{}]],
    [`${APPLICATION}/campaigns/${campaign}/stores/budgets/export`, [{ action: 'setDiscount' }]],
    ['/v1/giveaways/pools/7/export', [{}, { createdBefore: FUTURE }]],
    [`${APPLICATION}/campaigns/${campaign}/value_maps/100/export`, [{}]],
    [`${APPLICATION}/campaign_analytics/export`, [range, { ...range, campaignIds: `${campaign},2` }]],
  ];
  for (const [path, queries] of exports)
    for (const query of queries) await run(`${path}?${queryText(query)}`);
  for (const name of ['coupons', 'referrals']) {
    for (const query of [...PAGES, { createdAfter: middle, valid: 'validNow', usable: 'true' }])
      await run(`${APPLICATION}/campaigns/${campaign}/${name}/no_total?${queryText(query)}`);
  }
}

export async function refuseExports(run: Run): Promise<void> {
  for (const path of [
    '/export_effects?dateFormat=iso',
    '/export_coupons?usable=yes',
    '/campaign_analytics/export',
  ])
    await run(`${APPLICATION}${path}`);
  for (const path of [
    '/v2/achievements/99/export',
    '/v1/giveaways/pools/1/export',
    '/v1/audiences/9/memberships/export',
  ])
    await run(path);
}
