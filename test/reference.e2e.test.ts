import { expect, test } from 'vitest';
import { deploy } from './support/deployment.js';
import { waitFor } from './support/wait.js';

test('the daemon keeps effects named as they were, through kills, replicas and an API that will not say everything', async (context) => {
  const { simulator, database, start } = await deploy(context);
  simulator.set({ forbidden: { '/v1/audiences': 403 } });
  const env = { REFERENCE_INTERVAL_MINUTES: '0.005', COUPON_SYNC: 'true', SYNC_LOOKBACK_SECONDS: '1' };
  const first = start(['run'], { env });
  const value = async (query: string, ...values: unknown[]) => {
    const [row] = await database.query<{ value: string | null }>(`select (${query})::text as value`, values);
    return row?.value;
  };
  const becomes = (what: string, query: string, ...values: unknown[]) =>
    waitFor(what, async () => (await value(query, ...values)) === 'true');
  await first.waitForLine('job finished', ({ job }) => job === 'reference-campaign');
  await first.waitForLine('job finished', ({ job }) => job === 'coupons:1');
  await first.waitForLine('the API refuses the key for this job');
  const effects = 'select count(*) > 0 from talon_one_effect_with_names where campaign_id > 0';
  await becomes('effects', effects);
  // Every effect of a campaign has a name, also those from before the daemon's first look.
  const nameless = `select count(*) = 0 from talon_one_effect_with_names where campaign_id > 0 and campaign_name is null`;
  expect(await value(nameless)).toBe('true');

  const [campaign = 0] = simulator.referenceIds('campaign');
  const effect = () => ({
    effects: [{ effectType: 'setDiscount', campaignId: campaign, rulesetId: 1, ruleIndex: 0, props: {} }],
  });
  simulator.addEvent(1, { ...effect(), type: 'before' });
  simulator.changeCampaign(campaign, { name: 'Second name' });
  simulator.addEvent(1, { ...effect(), type: 'after' });
  await becomes(
    'the second name',
    `select count(*) = 1 from talon_one_campaign where name = 'Second name' and valid_to is null`,
  );
  await first.end('SIGKILL');
  const replicas = [start(['run'], { env }), start(['run'], { env })];
  simulator.changeCampaign(campaign, { name: 'Third name' });
  simulator.addEvent(1, { ...effect(), type: 'last' });
  simulator.emitCoupons(1, 3, { batchId: 'made-in-test' });
  await becomes(
    'the third name',
    `select count(*) = 1 from talon_one_campaign where name = 'Third name' and valid_to is null`,
  );
  await becomes('coupons', `select count(*) = 3 from talon_one_coupon where batch_id = 'made-in-test'`);
  const named = `select string_agg(type || ': ' || campaign_name, ', ' order by event_id)
    from talon_one_effect_with_names join talon_one_event using (application_id, event_id, created)
    where type in ('before', 'after', 'last')`;
  const wanted = `before: Campaign ${campaign}, after: Second name, last: Third name`;
  await waitFor('the names', async () => (await value(named)) === wanted);
  expect(await value('select count(*) from talon_one_campaign where campaign_id = $1', campaign)).toBe('3');
  await becomes(
    'every change in the audit log',
    `select count(*) = 2 from talon_one_change where payload -> 'new' ->> 'name' in ('Second name', 'Third name')`,
  );

  const all = [first, ...replicas];
  const refused = all.flatMap((one) => one.linesOf('the API refuses the key for this job'));
  expect(refused.filter(({ level }) => level === 'warn')).toHaveLength(1);
  for (const one of replicas) {
    await one.waitForLine('starting');
    expect(await one.end()).toEqual({ code: 0, signal: null });
  }
});
