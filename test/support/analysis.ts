import type { Lease } from '../../src/warehouse/cursor.js';
import { type EventFields, event, storeEvents } from './records.js';
import type { TestWarehouse } from './warehouse.js';

// Events and snapshots as the tests of the views for analysts write them.

export interface EffectFields {
  readonly effectType: string;
  readonly campaignId?: number;
  readonly triggeredByCoupon?: number;
  readonly ruleName?: string;
  readonly props?: unknown;
}

export interface StoryEvent extends Omit<EventFields, 'effects' | 'attributes'> {
  readonly effects?: unknown;
  readonly attributes?: unknown;
}

/** An effect of campaign 7 unless said otherwise. */
export function effect(
  effectType: string,
  props: unknown = {},
  fields: Partial<EffectFields> = {},
): EffectFields {
  return { campaignId: 7, effectType, props, ...fields };
}

/** Stores these events in one page of an Application of their own. Returns the ID of the Application. */
export async function storeStory(
  db: TestWarehouse,
  events: readonly StoryEvent[],
  lease?: Lease,
): Promise<string> {
  const own = lease ?? (await db.newLease());
  const records = events.map(({ effects = [], attributes = {}, ...fields }) =>
    event({ ...fields, effects: JSON.stringify(effects), attributes: JSON.stringify(attributes) }),
  );
  const { inserted } = await storeEvents(db.warehouse, own, records);
  if (inserted !== events.length) throw new Error(`only ${inserted} of ${events.length} events were stored`);
  return own.applicationId;
}

export interface SnapshotFields {
  readonly id: number;
  readonly fetchedAt: string;
  /** Default: the API did not know the ID. */
  readonly payload?: unknown;
  readonly total?: number;
}

export async function storeSession(
  db: TestWarehouse,
  applicationId: string,
  fields: SnapshotFields,
): Promise<void> {
  await db.rows(
    `insert into talon_one_session_snapshot
       (application_id, session_id, fetched_at, found, integration_id, profile_id, state, total, source, payload)
     values ($1, $2, $3, $4::jsonb is not null, 'order-' || $2::bigint, 30, $4::jsonb ->> 'state', $5, 'list', $4::jsonb)`,
    applicationId,
    fields.id,
    fields.fetchedAt,
    fields.payload === undefined ? null : JSON.stringify(fields.payload),
    fields.total ?? null,
  );
}

export async function storeProfile(
  db: TestWarehouse,
  applicationId: string,
  fields: SnapshotFields,
): Promise<void> {
  await db.rows(
    `insert into talon_one_profile_snapshot
       (profile_id, fetched_at, application_id, found, integration_id, closed_sessions, total_sales, payload)
     values ($2, $3, $1, $4::jsonb is not null, 'customer-' || $2::bigint, ($4::jsonb ->> 'closedSessions')::bigint, $5, $4::jsonb)`,
    applicationId,
    fields.id,
    fields.fetchedAt,
    fields.payload === undefined ? null : JSON.stringify(fields.payload),
    fields.total ?? null,
  );
}
