import type { ListPage, ManagementClient } from '../talon-one/management.js';
import { databaseTime, type OwedSession } from '../warehouse/owed.js';
import type { SessionSource, SnapshotBatch } from '../warehouse/snapshot-writer.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { type CycleContext, noteQuarantined, noteSnapshots } from './cycle-context.js';
import { owedStore } from './snapshot-store.js';

/** What every lane of sessions needs. */
export interface LaneOptions {
  readonly warehouse: Warehouse;
  readonly client: ManagementClient;
  readonly pageSize: number;
}

/** What is about to be asked for, with the database's time before the request is sent. */
export async function sessionBatch(
  options: LaneOptions,
  asked: readonly OwedSession[],
  source: SessionSource,
  context: CycleContext,
): Promise<SnapshotBatch<OwedSession>> {
  return {
    kind: 'session',
    lease: context.lease,
    asked,
    askedAt: await databaseTime(options.warehouse),
    source,
  };
}

/**
 * Stores those sessions of an answer that were asked for, and of a list whatever carries news. Returns the ones that were
 * asked for and that it did not hold.
 */
export async function storeSessions(
  options: LaneOptions,
  batch: SnapshotBatch<OwedSession>,
  page: ListPage,
  context: CycleContext,
  problems: ReadonlyMap<number, string> = new Map(),
): Promise<OwedSession[]> {
  if (batch.asked.length === 0 && (batch.source !== 'list' || page.data.length === 0)) return [];
  const store = context.store ?? owedStore(options.warehouse);
  const counts = await store.answered(batch, { ...page, problems });
  noteSnapshots(context, batch.source, counts.inserted);
  noteQuarantined(context, counts, page.source);
  return batch.asked.filter((session) => !counts.answered.has(session.id));
}
