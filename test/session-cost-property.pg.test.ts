import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SessionSync } from '../src/sync/sessions.js';
import { contextOf, startSync } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const PAGE_SIZE = 40;
const SESSIONS = 1500;

test('whatever is owed and whatever is wrong about its age, lists cost at most one request more than asking for each', async () => {
  const sync = await startSync(db(), { events: 3000, sessions: SESSIONS, days: 3 });
  const { lease } = await db().take(sync.applicationId);
  const all = [...sync.sim.issuedEvents(sync.number)].filter((event) => event.sessionId !== null);
  const created = new Map<string, string>();
  for (const event of all) {
    const id = String(event.sessionId);
    if (!created.has(id)) created.set(id, event.created);
  }
  const known = [...created];
  const parts = { warehouse: db().warehouse, client: sync.client, pageSize: PAGE_SIZE, parallel: 2 };
  const run = fc.record({
    // A stretch of neighbours, and some from anywhere.
    from: fc.nat({ max: known.length - 1 }),
    stretch: fc.nat({ max: 60 }),
    step: fc.integer({ min: 1, max: 60 }),
    others: fc.array(fc.nat({ max: known.length - 1 }), { maxLength: 12 }),
    // Every so many-th session seems younger than it is.
    lieEvery: fc.integer({ min: 1, max: 9 }),
    lieHours: fc.integer({ min: 0, max: 48 }),
    knowsSpread: fc.boolean(),
    // Sessions around those that are owed are stored.
    knowsOthers: fc.boolean(),
  });
  const learned = new SessionSync({ ...parts, mode: 'auto' });
  const property = fc.asyncProperty(run, async (chosen) => {
    const picked = new Set(chosen.others);
    for (let index = 0; index < chosen.stretch; index += 1) {
      picked.add(Math.min(known.length - 1, chosen.from + index * chosen.step));
    }
    const owed = [...picked].map((position, index) => {
      const [id, at] = known[position] as [string, string];
      return { id, at, hours: index % chosen.lieEvery === 0 ? chosen.lieHours : 0 };
    });
    const forgotten = chosen.knowsOthers ? owed.map(({ id }) => id) : known.map(([id]) => id);
    await db().rows(
      'delete from talon_one_session_snapshot where application_id = $1 and session_id = any($2::bigint[])',
      sync.applicationId,
      forgotten,
    );
    await db().rows(
      `insert into talon_one_owed_snapshot (kind, application_id, id, event_id, first_created)
       select 'session', $1, id, 1, at + hours * interval '1 hour'
       from jsonb_to_recordset($2) as owed (id bigint, at timestamptz, hours int)`,
      sync.applicationId,
      JSON.stringify(owed),
    );
    sync.sim.resetStatistics();
    const sessions = chosen.knowsSpread ? learned : new SessionSync({ ...parts, mode: 'auto' });
    expect(await sessions.run(contextOf(lease), () => false)).toBe('nothing');
    expect(sync.requests(/\/sessions/)).toBeLessThanOrEqual(owed.length + 1);
    const stored = await db().value(
      `select count(distinct session_id) from talon_one_session_snapshot
       where application_id = $1 and found and event_id is not null and session_id = any($2::bigint[])`,
      sync.applicationId,
      owed.map(({ id }) => id),
    );
    expect(Number(stored)).toBe(owed.length);
  });
  await fc.assert(property, { seed: 20_261_122, numRuns: 12 });
});
