import type { Client } from '../../src/warehouse/pool.js';

// What one would write first: a statement for each event and each effect, with parameters from the parsed page. It does
// less than the daemon: no cursor, no lease, and nothing is noted of profiles and sessions that have to be fetched.

interface EventRecord {
  readonly id: number;
  readonly created: string;
  readonly type: string;
  readonly profileId?: number;
  readonly sessionId?: number;
  readonly effects?: readonly EffectRecord[];
}

interface EffectRecord {
  readonly effectType: string;
  readonly campaignId: number;
  readonly rulesetId: number;
  readonly ruleIndex: number;
  readonly ruleName: string;
  readonly props: unknown;
}

export async function insertRowByRow(client: Client, applicationId: string, text: string): Promise<void> {
  const { data } = JSON.parse(text) as { data: EventRecord[] };
  for (const event of data) {
    await client.query(INSERT_EVENT, [
      applicationId,
      event.id,
      event.created,
      event.type,
      event.profileId || null,
      event.sessionId || null,
      JSON.stringify(event),
    ]);
    for (const [index, effect] of (event.effects ?? []).entries()) {
      await client.query(INSERT_EFFECT, [
        applicationId,
        event.id,
        event.created,
        index,
        effect.effectType,
        effect.campaignId,
        effect.rulesetId,
        effect.ruleIndex,
        effect.ruleName,
        JSON.stringify(effect.props),
      ]);
    }
  }
}

const INSERT_EVENT = `
  insert into talon_one_event (application_id, event_id, created, type, profile_id, session_id, payload)
  values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`;

const INSERT_EFFECT = `
  insert into talon_one_effect (application_id, event_id, created, effect_index, effect_type, campaign_id, ruleset_id,
    rule_index, rule_name, props)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`;
