import { expect } from 'vitest';
import type { Simulator } from '../simulator/simulator-handle.js';
import { eventually, type TestWarehouse } from './warehouse.js';

// What the warehouse holds, compared with what the simulator has issued.

/** Every issued event of the Application is stored once, its payload digit for digit; and nothing else is. */
export async function expectEverythingStored(
  db: TestWarehouse,
  sim: Simulator,
  applicationId: string,
): Promise<void> {
  const issued = [...sim.issuedEvents(Number(applicationId))];
  const [row] = await db.rows(
    `with issued as (select value as payload from jsonb_array_elements($2::jsonb)),
       stored as (select event_id, payload from talon_one_event where application_id = $1)
     select (select count(*)::int from stored) as stored,
       (select count(*)::int from issued join stored on event_id = (issued.payload -> 'id')::bigint
          and issued.payload::text = stored.payload::text) as equal`,
    applicationId,
    `[${issued.map((event) => event.text).join(',')}]`,
  );
  expect(row).toEqual({ stored: issued.length, equal: issued.length });
}

/** Waits until everything that was issued is stored and nothing is owed; then it is also exact and fresh. */
export async function eventuallyInSync(
  db: TestWarehouse,
  sim: Simulator,
  applicationId: string,
): Promise<void> {
  const count = async (table: string) =>
    Number(
      await db.value(`select count(*) from talon_one_${table} where application_id = $1`, applicationId),
    );
  const isStored = async () => (await count('event')) === sim.issuedCount(Number(applicationId));
  await eventually(`Application ${applicationId} is stored`, isStored);
  const isSettled = async () => (await count('owed_snapshot')) === 0;
  await eventually(`Application ${applicationId} owes nothing`, isSettled);
  await expectEverythingStored(db, sim, applicationId);
  await expectFresh(db, applicationId);
}

const STALE = (kind: 'profile' | 'session') => `
  select count(*) from talon_one_event e
  where application_id = $1 and ${kind}_id is not null and not exists (
    select from talon_one_${kind}_snapshot s
    where s.application_id = e.application_id and s.${kind}_id = e.${kind}_id and s.fetched_at >= e.synced_at)`;

/** No profile and no session that a stored event names was fetched last before that event was stored. */
export async function expectFresh(db: TestWarehouse, applicationId: string): Promise<void> {
  expect(await db.value(STALE('profile'), applicationId), 'profiles older than an event').toBe('0');
  expect(await db.value(STALE('session'), applicationId), 'sessions older than an event').toBe('0');
  const owed = 'select count(*) from talon_one_owed_snapshot where application_id = $1';
  expect(await db.value(owed, applicationId), 'snapshots owed').toBe('0');
}

/** The newest snapshots are what the API says now; lists send no total of discounts. */
export async function expectCurrent(db: TestWarehouse, sim: Simulator, applicationId: string): Promise<void> {
  for (const kind of ['profile', 'session'] as const) {
    const rows = await db.rows<{ id: string; payload: string }>(
      `select distinct on (${kind}_id) ${kind}_id::text as id, (payload - 'totalDiscounts')::text as payload
       from talon_one_${kind}_snapshot where application_id = $1 order by ${kind}_id, fetched_at desc`,
      applicationId,
    );
    const texts = rows.map(({ id }) =>
      kind === 'profile' ? sim.profileText(id) : sim.sessionText(Number(applicationId), id),
    );
    const [now] = await db.rows<{ payloads: string[] }>(
      `select coalesce(array_agg((value - 'totalDiscounts')::text order by position), '{}') as payloads
       from jsonb_array_elements($1::jsonb) with ordinality as list (value, position)`,
      `[${texts.join(',')}]`,
    );
    expect(rows.map((row) => row.payload)).toEqual(now?.payloads);
  }
}
