import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProfileSync } from '../src/sync/profiles.js';
import { SessionSync } from '../src/sync/sessions.js';
import { canonical } from './support/canonical-json.js';
import { jsonText } from './support/json-text.js';
import { clientAnswering, event, storeEvents } from './support/records.js';
import { contextOf } from './support/sync.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

test('whatever JSON a profile or session holds, its payload equals it digit for digit, and the original is kept when it cannot', async () => {
  const { warehouse } = db();
  const lease = await db().newLease();
  let lastId = 0;
  // Numbers beyond any type of Postgres become text: exactness.pg.test.ts.
  const value = jsonText.filter(({ reasons }) => !reasons.has('number out of range'));
  const values = fc.array(value, { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(values, fc.boolean(), async (attributes, isProfile) => {
    const kind = isProfile ? 'profile' : 'session';
    const sent = new Map<number, string>();
    for (const { text } of attributes) {
      lastId += 1;
      sent.set(lastId, event({ id: lastId, attributes: text }));
    }
    const named = [...sent.keys()].map((id) => event({ id, [`${kind}Id`]: id }));
    await storeEvents(warehouse, lease, named);
    const client = clientAnswering(() => [...sent.values()]);
    const sync = isProfile
      ? new ProfileSync({ warehouse, client, batchSize: 1000 })
      : new SessionSync({ warehouse, client, mode: 'list', pageSize: 1000, parallel: 1 });
    expect(await sync.run(contextOf(lease), () => false)).toBe('nothing');
    const rows = await db().rows<{ id: string; payload: string; original: string | null }>(
      `select s.${kind}_id::text as id, payload::text, original from talon_one_${kind}_snapshot s
       left join talon_one_original_text o on o.kind = '${kind}' and o.id = s.${kind}_id
       where s.application_id = $1 and s.${kind}_id = any($2::bigint[])`,
      lease.applicationId,
      [...sent.keys()],
    );
    expect(rows).toHaveLength(sent.size);
    for (const { id, payload, original } of rows) {
      const text = sent.get(Number(id)) ?? '';
      const { text: wanted, isChanged } = canonical(text);
      expect(canonical(payload).text).toBe(wanted);
      expect(original).toBe(isChanged ? text.replaceAll('\0', '\\u0000') : null);
    }
  });
  await fc.assert(property, { seed: 20_261_122, numRuns: 30 });
});
