import { expect } from 'vitest';
import { LeaseLostError } from '../../src/errors.js';
import { formatInstant, seconds } from '../../src/instant.js';
import type { ApplicationSync } from '../../src/sync/application-sync.js';
import { runCycle } from '../../src/sync/cycle.js';
import { startOfWindow } from '../../src/sync/reading.js';
import { advanceCursor, type Lease, takeLease } from '../../src/warehouse/cursor.js';
import { owedProfiles, owedSessions } from '../../src/warehouse/owed.js';
import { writeSnapshots } from '../../src/warehouse/snapshot-writer.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { event, storeEvents } from '../support/records.js';
import { testLog } from '../support/sync.js';
import {
  createdText,
  FENCE,
  instantOf,
  OUTDATED_FENCE,
  PROFILE,
  type Prepared,
  SESSION,
  timesOf,
} from './database.js';
import type { Fetch } from './state.js';
import type { Call } from './steps.js';
import { LATENESS, members } from './timeline.js';

const LEASE_MS = 3_600_000;
const FIRST_ID = '-9223372036854775808';

/** Does with the product's own functions what a step of the model does. */
export async function perform(warehouse: Warehouse, prepared: Prepared, call: Call): Promise<void> {
  const { applicationId } = prepared;
  if (call.type === 'take') return take(warehouse, applicationId, call);
  if (call.type === 'owed') return lookForOwed(warehouse, applicationId, call.version);
  const fence = call.isHolder ? FENCE : OUTDATED_FENCE;
  const lease: Lease = { applicationId, fence, owner: 'a', durationMs: LEASE_MS };
  if (call.type === 'end') return endCycle(warehouse, lease, call.settledAt);
  const written = write(warehouse, prepared, lease, call);
  if (call.isHolder) await written;
  else await expect(written).rejects.toThrow(LeaseLostError);
}

async function take(
  warehouse: Warehouse,
  applicationId: string,
  { isGranted, after }: Extract<Call, { type: 'take' }>,
): Promise<void> {
  const leased = await takeLease(warehouse, {
    applicationIds: [applicationId],
    owner: 'a',
    leaseMs: LEASE_MS,
    courtesyMs: 0,
    evenIfNotDue: true,
  });
  const start = leased && startOfWindow(leased.cursor, seconds(LATENESS));
  expect(start).toBe(isGranted ? instantOf(after) : undefined);
}

async function lookForOwed(
  warehouse: Warehouse,
  applicationId: string,
  version: number | null,
): Promise<void> {
  const owed = [
    ...(await owedProfiles(warehouse, applicationId, FIRST_ID, 10)),
    ...(await owedSessions(warehouse, applicationId, 10)),
  ].map((one) => [one.id, one.version]);
  const both = [PROFILE, SESSION].map((id) => [id, String(version)]);
  expect(owed).toEqual(version === null ? [] : both);
}

async function write(
  warehouse: Warehouse,
  prepared: Prepared,
  lease: Lease,
  call: Extract<Call, { type: 'renew' | 'page' | 'snapshot' }>,
): Promise<void> {
  if (call.type === 'renew') await warehouse.transaction((client) => advanceCursor(client, lease));
  else if (call.type === 'snapshot') await storeSnapshots(warehouse, prepared, lease, call.fetch);
  else {
    const events = members(call.page.events).map((index) =>
      event({ id: index + 1, created: createdText(index), profileId: PROFILE, sessionId: SESSION }),
    );
    await storeEvents(warehouse, lease, events, { advance: { lastSync: instantOf(call.page.reach) } });
  }
}

async function storeSnapshots(
  warehouse: Warehouse,
  prepared: Prepared,
  lease: Lease,
  { version, covered }: Fetch,
): Promise<void> {
  const askedAt = timesOf(prepared).askedAt(covered ?? 0);
  for (const [kind, id] of [
    ['profile', PROFILE],
    ['session', SESSION],
  ] as const) {
    const asked = [{ id, version: String(version), eventId: '1' }];
    const page = { text: `{"data":[{"id":${id}}]}`, source: '', problems: new Map(), mayChange: false };
    await writeSnapshots(warehouse, { kind, lease, asked, askedAt, source: 'by-id' }, page);
  }
}

/** A cycle whose requests are done: what is left is its end. */
async function endCycle(warehouse: Warehouse, lease: Lease, settledAt: number | null): Promise<void> {
  const syncEvents = async () => {
    if (settledAt === null) throw new Error('the events could not be read to their end');
    const closeAt = instantOf(settledAt);
    return { from: closeAt, to: closeAt, isCaughtUp: true, readUntil: closeAt + seconds(3600), closeAt };
  };
  const application = { syncEvents, syncSnapshots: async () => 'time-up' } as unknown as ApplicationSync;
  const cursor = { lastSync: 0n, readUntil: undefined, isLive: true, failures: 0 };
  const options = { warehouse, intervalMs: 60_000, lookback: seconds(LATENESS) };
  const { signal } = new AbortController();
  await runCycle({ lease, cursor, othersWaitMs: 0 }, application, options, signal, testLog().log);
}

/** For messages: which transition it is. */
export function describeCall({ applicationId, tables }: Prepared, call: Call): string {
  const from = formatInstant(instantOf(tables.lastSync));
  return `Application ${applicationId}, cursor at ${from}: ${JSON.stringify(call)} on ${JSON.stringify(tables)}`;
}
