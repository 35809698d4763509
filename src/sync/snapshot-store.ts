import type { OwedSnapshot } from '../warehouse/owed.js';
import type { RecordPage } from '../warehouse/record-page.js';
import {
  type SnapshotBatch,
  type SnapshotCounts,
  writeNotFound,
  writeRefused,
  writeSnapshots,
} from '../warehouse/snapshot-writer.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/** Where the answers about profiles and sessions go, as they come. */
export interface SnapshotStore {
  /** What a page holds of the batch. */
  answered(batch: SnapshotBatch, page: RecordPage): Promise<SnapshotCounts>;
  /** IDs that the API does not know. */
  notFound(batch: SnapshotBatch, missing: readonly OwedSnapshot[]): Promise<void>;
  /** IDs that the API will not answer for. */
  refused(
    batch: SnapshotBatch,
    refused: readonly OwedSnapshot[],
    refusal: { readonly reason: string; readonly source: string },
  ): Promise<void>;
}

/** Stores every answer as a snapshot, and settles what is owed for it. */
export function owedStore(warehouse: Warehouse): SnapshotStore {
  return {
    answered: (batch, page) => writeSnapshots(warehouse, batch, page),
    notFound: (batch, missing) => writeNotFound(warehouse, batch, missing),
    refused: (batch, refused, refusal) => writeRefused(warehouse, batch, refused, refusal),
  };
}
