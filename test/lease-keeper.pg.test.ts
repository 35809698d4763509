import { expect, onTestFinished, test } from 'vitest';
import { LeaseLostError } from '../src/errors.js';
import { applicationKeeper } from '../src/sync/lease-keeper.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';
import { event, storeEvents } from './support/records.js';
import { deferred, eventually, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 6 });
const LEASE_MS = 900;

const renewals = (applicationId: string) =>
  db().value('select lease_expires_at from talon_one_sync_cursor where application_id = $1', applicationId);

/** Transactions that hold every connection that they can get, as pages do, until the test ends. */
async function crowd(warehouse: Warehouse, transactions: number): Promise<() => Promise<void>> {
  const { promise: released, resolve: release } = deferred();
  const pages = Array.from({ length: transactions }, () =>
    warehouse.transaction(async (client) => {
      await client.query('select 1');
      await released;
    }),
  );
  await eventually('connections are short', async () => warehouse.waiting > 0);
  return async () => {
    release();
    await Promise.all(pages);
  };
}

test('leases are renewed while more pages than there are connections wait to be stored', async () => {
  const warehouse = db().open({ poolSize: 3 });
  const leases = await Promise.all([1, 2, 3, 4].map(() => db().newLease({ leaseMs: LEASE_MS })));
  const leave = await crowd(warehouse, 9);
  onTestFinished(leave);
  const keeper = applicationKeeper(warehouse);
  const before = await Promise.all(leases.map(({ applicationId }) => renewals(applicationId)));
  const { promise: done, resolve: finish } = deferred();
  const { signal } = new AbortController();
  const working = leases.map((lease) => keeper.whileLeased(lease, signal, () => done));
  for (const [index, { applicationId }] of leases.entries()) {
    const isRenewed = async () => (await renewals(applicationId)) !== before[index];
    await eventually('the lease is renewed', isRenewed);
  }
  finish();
  await Promise.all(working);
});

test('of many leases, work stops for the one that was taken over, and for no other', async () => {
  const [kept, lost] = [
    await db().newLease({ leaseMs: LEASE_MS }),
    await db().newLease({ leaseMs: LEASE_MS }),
  ];
  const keeper = applicationKeeper(db().warehouse);
  const { promise: done, resolve: finish } = deferred();
  const { signal } = new AbortController();
  const untilAborted = (leaseSignal: AbortSignal) =>
    new Promise<void>((_, reject) => leaseSignal.addEventListener('abort', () => reject(leaseSignal.reason)));
  const keeping = keeper.whileLeased(kept, signal, (leaseSignal) =>
    Promise.race([done, untilAborted(leaseSignal)]),
  );
  const losing = keeper.whileLeased(lost, signal, untilAborted);
  await db().rows(
    'update talon_one_sync_cursor set fence = fence + 1 where application_id = $1',
    lost.applicationId,
  );
  await expect(losing).rejects.toThrow(LeaseLostError);
  finish();
  await keeping;
});

test('no renewal comes after a lease was given back', async () => {
  const lease = await db().newLease({ leaseMs: LEASE_MS });
  const other = await db().newLease({ leaseMs: LEASE_MS });
  const keeper = applicationKeeper(db().warehouse);
  const { signal } = new AbortController();
  const { promise: done, resolve: finish } = deferred();
  const going = keeper.whileLeased(other, signal, () => done);
  await keeper.whileLeased(lease, signal, async () => {});
  await db().rows(
    'update talon_one_sync_cursor set lease_expires_at = clock_timestamp() where application_id = $1',
    lease.applicationId,
  );
  const before = await renewals(lease.applicationId);
  const [first, later] = [await renewals(other.applicationId), () => renewals(other.applicationId)];
  await eventually('the other lease is renewed', async () => (await later()) !== first);
  expect(await renewals(lease.applicationId)).toBe(before);
  finish();
  await going;
});

test('a page that took longer than its lease ends with the lease renewed', async () => {
  const lease = await db().newLease({ leaseMs: 300 });
  let writtenAt: string | undefined;
  await storeEvents(db().warehouse, lease, [event()], {
    prepare: async (client) => {
      // Longer than a page that needs no second renewal, and than the lease.
      await client.query('select pg_sleep(0.6)');
      writtenAt = (await client.query('select clock_timestamp()::text as now')).rows[0].now;
    },
  });
  const isRenewedSince = await db().value(
    `select lease_expires_at - interval '300 ms' >= $2::timestamptz from talon_one_sync_cursor where application_id = $1`,
    lease.applicationId,
    writtenAt,
  );
  expect(isRenewedSince).toBe('true');
});
