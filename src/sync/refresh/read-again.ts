import { parseInstant } from '../../instant.js';
import { ApiError } from '../../talon-one/api-error.js';
import type { ManagementClient } from '../../talon-one/management.js';
import type { SnapshotKind } from '../../warehouse/owed.js';
import type { KnownSnapshot } from '../../warehouse/refresh-reads.js';
import type { SnapshotBatch } from '../../warehouse/snapshot-writer.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import type { CycleContext } from '../cycle-context.js';
import { ProfileSync } from '../profiles.js';
import { SessionSync, type SessionSyncOptions } from '../sessions.js';

export interface ReadAgainOptions {
  readonly warehouse: Warehouse;
  /** With a budget below the sync's own. */
  readonly client: ManagementClient;
  readonly pageSize: number;
  readonly sessionSource: SessionSyncOptions['mode'];
}

/** One way of reading records again, in chunks whose answers are stored together. */
export interface ReadAgain {
  readonly kind: SnapshotKind;
  /** Records of a chunk: what a crash makes read once more. */
  readonly limit: number;
  /** IDs that are looked at for a chunk. */
  readonly scan: number;
  /** Hands the answers to the store of the context. */
  read(known: readonly KnownSnapshot[], context: CycleContext): Promise<void>;
}

/** So many IDs are looked at for a chunk: some hundredths of a second of Postgres, and as many pages of a list. */
const SCANNED_PAGES = 10;
/** One request each. */
const SESSIONS_BY_ID = 20;

/** The machinery of the cycles asks for what is owed: these are not, so there is no event and no version. */
const asked = ({ id }: KnownSnapshot) => ({ id, version: '0', eventId: '0' });

export function readProfilesAgain(options: ReadAgainOptions): ReadAgain {
  const { pageSize } = options;
  const profiles = new ProfileSync({ ...options, batchSize: pageSize });
  const read = async (known: readonly KnownSnapshot[], context: CycleContext) => {
    const gone = known.filter((one) => !one.found);
    const present = known.filter((one) => one.found);
    await profiles.fetchThese(present.map(asked), context);
    if (gone.length > 0) await lookForGone(options, gone, context);
  };
  return { kind: 'profile', limit: pageSize, scan: pageSize * SCANNED_PAGES, read };
}

/** One request, without the proofs that a profile is gone: these are already. */
async function lookForGone(
  { client, pageSize }: ReadAgainOptions,
  gone: readonly KnownSnapshot[],
  { lease, store, requests }: CycleContext,
): Promise<void> {
  const batch: SnapshotBatch = {
    kind: 'profile',
    lease,
    asked: gone.map(asked),
    askedAt: '',
    source: 'by-id',
  };
  const ids = gone.map((one) => one.id);
  try {
    const page = await client.customerSearch(lease.applicationId, ids, { pageSize, skip: 0 }, requests);
    await store?.answered(batch, { ...page, problems: new Map() });
  } catch (error) {
    // A server may refuse unknown IDs: then they are unknown.
    if (!(error instanceof ApiError) || error.failure !== 'status') throw error;
  }
}

export function readSessionsAgain(options: ReadAgainOptions): ReadAgain {
  const { pageSize, sessionSource } = options;
  // An export cannot be asked for a session.
  const mode = sessionSource === 'export' ? 'auto' : sessionSource;
  const sessions = new SessionSync({ ...options, mode, parallel: 1 });
  const read = async (known: readonly KnownSnapshot[], context: CycleContext) => {
    const owed = known.map((one) => {
      const created = parseInstant(one.created) ?? 0n;
      return { ...asked(one), created, touched: created, isDated: true };
    });
    await sessions.fetchThese(owed, { mayLeave: false, credit: 1 }, context, () => false);
  };
  const limit = mode === 'by-id' ? SESSIONS_BY_ID : pageSize;
  return { kind: 'session', limit, scan: pageSize * SCANNED_PAGES, read };
}
