import { parseInstant } from '../../src/instant.js';
import type { CursorAdvance } from '../../src/warehouse/cursor.js';
import type { PreparedPage } from './pages.js';

// What the other ways of writing a page have in common: the page parsed in Node, and its rows by column. They are the rows
// that writeEventPage makes, but for digits of numbers that JavaScript does not keep.

interface EventRecord {
  readonly id: number;
  readonly created: string;
  readonly type: string;
  readonly profileId?: number;
  readonly sessionId?: number;
  readonly integrationId?: string;
  readonly storeIntegrationId?: string;
  readonly effects?: readonly EffectRecord[];
}

interface EffectRecord {
  readonly effectType: string;
  readonly campaignId: number;
  readonly rulesetId: number;
  readonly ruleIndex: number;
  readonly ruleName: string;
  readonly triggeredByCoupon?: number;
  readonly props: unknown;
}

export type Cell = string | number | null;
export type Row = readonly Cell[];

export const EVENT_COLUMNS =
  'application_id, event_id, created, type, profile_id, session_id, integration_id, store_integration_id, payload';
export const EFFECT_COLUMNS =
  'application_id, event_id, created, effect_index, effect_type, campaign_id, ruleset_id, rule_index, rule_name, ' +
  'triggered_by_coupon, profile_id, session_id, props';

/** One event with its effects, and the snapshots it calls for: kind, ID, event, created. */
export interface EventRows {
  readonly event: Row;
  readonly effects: readonly Row[];
  readonly owed: readonly Row[];
}

export function rowsOf(applicationId: string, { text }: PreparedPage): EventRows[] {
  const { data } = JSON.parse(text) as { data: EventRecord[] };
  return data.map((event) => {
    const { id, created, type, integrationId = null, storeIntegrationId = null } = event;
    const [profileId, sessionId] = [event.profileId || null, event.sessionId || null];
    const links: Row = [profileId, sessionId];
    const owed: Row[] = [];
    if (profileId !== null) owed.push(['profile', profileId, id, created]);
    if (sessionId !== null) owed.push(['session', sessionId, id, created]);
    return {
      event: [
        applicationId,
        id,
        created,
        type,
        ...links,
        integrationId,
        storeIntegrationId,
        JSON.stringify(event),
      ],
      effects: (event.effects ?? []).map((effect, index) => [
        applicationId,
        id,
        created,
        index,
        effect.effectType,
        effect.campaignId,
        effect.rulesetId,
        effect.ruleIndex,
        effect.ruleName,
        effect.triggeredByCoupon ?? null,
        ...links,
        JSON.stringify(effect.props),
      ]),
      owed,
    };
  });
}

/** What the events of a page owe, each profile and session once, in one order for all writers. */
export function owedOf(rows: readonly EventRows[]): Row[] {
  const owed = new Map<string, Cell[]>();
  for (const [kind = null, id = null, event = null, created = null] of rows.flatMap((row) => row.owed)) {
    const known = owed.get(`${kind} ${id}`);
    if (!known) owed.set(`${kind} ${id}`, [kind, id, event, created]);
    else if (Number(known[2]) < Number(event)) known[2] = event;
  }
  return [...owed.values()];
}

export function advanceOf(page: PreparedPage): CursorAdvance {
  return { lastSync: parseInstant(page.lastCreated), status: 'back-filling' };
}

/** What is done when a profile or session is owed already. */
export const OWED_AGAIN = `on conflict (kind, application_id, id) do update
  set event_id = greatest(o.event_id, excluded.event_id), version = o.version + 1,
      first_created = least(o.first_created, excluded.first_created)`;
