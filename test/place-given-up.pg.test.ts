import { expect, test } from 'vitest';
import { expectEverythingStored, expectFresh } from './support/stored.js';
import { startSync } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

/** The parts, on a clock that goes a minute with each page of events: the time is up after the first. */
async function startSlow(options: { events: number; days: number; environment: Record<string, string> }) {
  let pages = () => 0;
  const sync = await startSync(db(), { ...options, now: () => pages() * 60_000 });
  pages = () => sync.requests(/events\/no_total/);
  return sync;
}

const cursorOf = (applicationId: string) =>
  db().rows<{ status: string; is_due: boolean; complete_through: Date | null }>(
    `select status, next_cycle_at <= clock_timestamp() as is_due, complete_through
     from talon_one_sync_cursor where application_id = $1`,
    applicationId,
  );

test('a first sync that others wait for gives its place up after a page, and goes on where it stopped', async () => {
  const options = { events: 500, days: 60, environment: { PAGE_SIZE: '100' } };
  const sync = await startSlow(options);
  const outcomes: string[] = [];
  for (let cycles = 0; cycles < 12 && outcomes.at(-1) !== 'caught-up'; cycles += 1) {
    const { outcome } = await sync.cycle({ isWaitedFor: () => true });
    outcomes.push(outcome);
    const [row] = await cursorOf(sync.applicationId);
    if (outcome === 'behind')
      expect(row, 'due at once').toMatchObject({ status: 'back-filling', is_due: true });
  }
  expect(outcomes.length).toBeGreaterThan(4);
  expect(outcomes.at(-1)).toBe('caught-up');
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  await expectFresh(db(), sync.applicationId);
  // The proof of the order, a page of 100 with the last event of the one before, and the end.
  expect(sync.requests(/events\/no_total/)).toBeLessThanOrEqual(8);
});

test('while nobody waits it reads on, however long that takes', async () => {
  const options = { events: 500, days: 60, environment: { PAGE_SIZE: '100' } };
  const sync = await startSlow(options);
  expect(await sync.cycle()).toMatchObject({ outcome: 'caught-up' });
});

test('a look-back of more pages than the time is enough for does not stop it', async () => {
  // All within the last look-back, which each cycle reads again.
  const environment = { PAGE_SIZE: '10', SYNC_LOOKBACK_SECONDS: '86400' };
  const sync = await startSlow({ events: 100, days: 0.5, environment });
  for (let cycles = 0; cycles < 30; cycles += 1) {
    const { outcome } = await sync.cycle({ isWaitedFor: () => true });
    if (outcome === 'caught-up') break;
  }
  await expectEverythingStored(db(), sync.sim, sync.applicationId);
  expect(await cursorOf(sync.applicationId)).toMatchObject([{ status: 'up-to-date' }]);
});
