import { expect, test } from 'vitest';
import { newestSessions, sessionsAround } from '../src/warehouse/known-sessions.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

/** Snapshots of sessions that were created at a second of their own; without one the API did not know them. */
async function stored(sessions: readonly { id: number; second?: number; times?: number }[]): Promise<string> {
  const { applicationId } = await db().newLease();
  await db().rows(
    `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, session_created, source)
     select $1, id, clock_timestamp() + time * interval '1 s', second is not null, to_timestamp(second), 'by-id'
     from jsonb_to_recordset($2) as s (id bigint, second int, times int), generate_series(1, coalesce(times, 1)) as time`,
    applicationId,
    JSON.stringify(sessions),
  );
  return applicationId;
}

test('around an ID are two known sessions below and two above, each once, however often it was fetched', async () => {
  const sessions = [10, 20, 30, 40, 50, 60].map((id) => ({ id, second: id, times: 3 }));
  const applicationId = await stored(sessions);
  const idsAround = async (...ids: string[]) =>
    (await sessionsAround(db().warehouse, applicationId, ids)).map(({ id }) => id);
  expect(await idsAround('35')).toEqual([20, 30, 40, 50]);
  expect(await idsAround('30')).toEqual([10, 20, 40, 50]);
  expect(await idsAround('55', '15', '16')).toEqual([10, 20, 30, 40, 50, 60]);
  expect(await idsAround('5')).toEqual([10, 20]);
  expect(await idsAround()).toEqual([]);
});

test('sessions that the API did not know are passed over, but not without end', async () => {
  const unknown = Array.from({ length: 60 }, (_, index) => ({ id: 200 + index }));
  const applicationId = await stored([
    { id: 10, second: 10 },
    { id: 99 },
    { id: 100, second: 100 },
    ...unknown,
  ]);
  const { warehouse } = db();
  expect((await sessionsAround(warehouse, applicationId, ['150'])).map(({ id }) => id)).toEqual([10, 100]);
  expect(await sessionsAround(warehouse, applicationId, ['300'])).toEqual([]);
  expect(await newestSessions(warehouse, applicationId, 10)).toEqual([]);
});

test('the newest are those with the highest IDs, in order, with their time to the microsecond', async () => {
  const applicationId = await stored([30, 10, 20].map((id) => ({ id, second: id, times: 2 })));
  expect(await newestSessions(db().warehouse, applicationId, 2)).toEqual([
    { id: 20, created: 20_000_000n },
    { id: 30, created: 30_000_000n },
  ]);
});
