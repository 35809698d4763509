import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

// What the jobs of the reference data look up of what is stored already.

/** Every Application that has ever been found. */
export async function allApplications(warehouse: Warehouse): Promise<string[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ application_id: string }>(
      'select application_id from talon_one_sync_cursor order by application_id',
    ),
  );
  return rows.map((row) => row.application_id);
}

export interface KnownCampaign {
  readonly applicationId: string;
  readonly campaignId: string;
}

/** Campaigns of these Applications that have a feature such as `achievements` now. */
export async function campaignsWithFeature(
  warehouse: Warehouse,
  applicationIds: readonly string[],
  feature: string,
): Promise<KnownCampaign[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ application_id: string; campaign_id: string }>(
      `select application_id, campaign_id from talon_one_campaign
       where valid_to is null and application_id = any($1::bigint[]) and payload -> 'features' ? $2
       order by campaign_id`,
      [applicationIds, feature],
    ),
  );
  return rows.map((row) => ({ applicationId: row.application_id, campaignId: row.campaign_id }));
}

export interface WantedRuleset extends KnownCampaign {
  readonly rulesetId: string;
}

/** Active rulesets that are not stored, or whose campaign was updated since they were read. */
export async function wantedRulesets(
  warehouse: Warehouse,
  applicationIds: readonly string[],
): Promise<WantedRuleset[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ application_id: string; campaign_id: string; ruleset_id: string }>(
      `select c.application_id, c.campaign_id, c.active_ruleset_id as ruleset_id
       from talon_one_campaign c
       where c.valid_to is null and c.active_ruleset_id is not null and c.application_id = any($1::bigint[])
         and not exists (
           select from talon_one_ruleset r
           where r.ruleset_id = c.active_ruleset_id and r.valid_to is null
             and r.campaign_updated is not distinct from c.updated)
       order by c.campaign_id`,
      [applicationIds],
    ),
  );
  return rows.map((row) => ({
    applicationId: row.application_id,
    campaignId: row.campaign_id,
    rulesetId: row.ruleset_id,
  }));
}

/** Notes that a ruleset was read after its campaign had last been updated. */
export async function noteRulesetRead(
  client: Client,
  { campaignId, rulesetId }: WantedRuleset,
): Promise<void> {
  await client.query(
    `update talon_one_ruleset r set campaign_updated = c.updated, synced_at = clock_timestamp()
     from talon_one_campaign c
     where r.ruleset_id = $1 and r.valid_to is null and c.campaign_id = $2 and c.valid_to is null`,
    [rulesetId, campaignId],
  );
}
