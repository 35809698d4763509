import { expect, test } from 'vitest';
import { type ApiAnswer, ask } from './simulator/api-client.js';
import { startForTest } from './simulator/for-tests.js';
import type { Simulator } from './simulator/simulator-handle.js';

const PROGRAM = '/v1/loyalty_programs/1';
const loyaltyPrograms = [{ id: 1, history: false }];

function upload(sim: Simulator, path: string, csv: string, name = 'upFile'): Promise<ApiAnswer> {
  return ask(sim, path, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/form-data; boundary=B' },
    body: `--B\r\nContent-Disposition: form-data; name="${name}"; filename="f.csv"\r\nContent-Type: text/csv\r\n\r\n${csv}\r\n--B--\r\n`,
  });
}

function put(sim: Simulator, path: string, body: object, key?: string): Promise<ApiAnswer> {
  const headers = key === undefined ? {} : { 'Idempotency-Key': key };
  return ask(sim, path, { method: 'PUT', integration: true, headers, body });
}

test('imported points are transactions of the type import, one importId for each upload, and count twice when sent twice', async () => {
  const sim = await startForTest({ history: { events: 1 }, loyaltyPrograms });
  for (let time = 1; time <= 2; time += 1) {
    const { status, text } = await upload(
      sim,
      `${PROGRAM}/import_points`,
      'customerprofileid,amount\nanna,5\nbob,1\n',
    );
    expect([status, JSON.parse(text)]).toMatchObject([200, { id: 100 + time, amount: 2 }]);
  }
  const { text } = await ask(sim, `${PROGRAM}/transactions?loyaltyTransactionType=import`);
  const { data } = JSON.parse(text) as { data: { importId: number; customerProfileId: string }[] };
  expect(data.map(({ importId, customerProfileId }) => `${importId} ${customerProfileId}`).sort()).toEqual([
    '101 anna',
    '101 bob',
    '102 anna',
    '102 bob',
  ]);
  expect(sim.loyaltyBalance(1, 'anna').active).toBe(10);
});

test.each(['whole', 'rows'] as const)(
  'a bad row refuses the file with its line; atomicity %s',
  async (importAtomicity) => {
    const sim = await startForTest({
      history: { events: 1 },
      loyaltyPrograms,
      switches: { importAtomicity },
    });
    const csv = 'customerprofileid,amount,reason\nanna,5,"two\nlines"\nbob,-1,\n';
    const { status, text } = await upload(sim, `${PROGRAM}/import_points`, csv);
    expect([status, JSON.parse(text).errors[0].source]).toEqual([400, { line: '4' }]);
    expect([...sim.issuedLoyalty(1)]).toHaveLength(importAtomicity === 'whole' ? 0 : 1);
  },
);

test('an audience is replaced, coupons must be new unless duplicates are skipped', async () => {
  const sim = await startForTest({ history: { events: 1 } });
  const audience = '/v1/audiences/4/memberships/import';
  await upload(sim, audience, 'profileintegrationid\nanna\nbob\n');
  await upload(sim, audience, 'profileintegrationid\ncarl\n');
  expect(sim.imports.lists.get(audience)?.map(({ cells }) => cells.profileintegrationid)).toEqual(['carl']);
  const coupons = '/v1/applications/1/campaigns/200/import_coupons';
  const statuses = [];
  for (const query of ['', '', '?skipDuplicates=true'])
    statuses.push((await upload(sim, `${coupons}${query}`, 'value\nWELCOME\n')).status);
  expect(statuses).toEqual([200, 400, 200]);
});

test('uploads that are none, or of a kind the program is not, are refused', async () => {
  const sim = await startForTest({ history: { events: 1 } });
  const csv = 'customerprofileid,amount\nanna,5\n';
  const statuses = [
    (await upload(sim, `${PROGRAM}/import_points`, csv, 'file')).status,
    (await ask(sim, `${PROGRAM}/import_points`, { body: csv })).status,
    (await upload(sim, `${PROGRAM}/import_points`, 'customerprofileid,points\nanna,5\n')).status,
    (await upload(sim, '/v1/loyalty_programs/2/import_points', csv)).status,
    (await upload(sim, '/v1/loyalty_programs/99/import_points', csv)).status,
  ];
  expect(statuses).toEqual([400, 400, 400, 400, 404]);
});

test('an upload that takes too long is done all the same, and answered with 504', async () => {
  const sim = await startForTest({
    history: { events: 1 },
    loyaltyPrograms,
    switches: { importTimeLimitRows: 1 },
  });
  const { status } = await upload(sim, `${PROGRAM}/import_points`, 'customerprofileid,amount\na,1\nb,1\n');
  expect(status).toBe(504);
  expect([...sim.issuedLoyalty(1)]).toHaveLength(2);
});

test.each(['all', 'successes'] as const)('the answer to a key is kept: %s', async (idempotencyKeeps) => {
  const sim = await startForTest({ history: { events: 1 }, switches: { idempotencyKeeps } });
  const good = { customerProfiles: [{ integrationId: 'anna', attributes: { Language: 'german' } }] };
  expect((await put(sim, '/v2/customer_profiles', good, 'k')).status).toBe(204);
  expect((await put(sim, '/v2/customer_profiles', good, 'k')).status).toBe(204);
  expect(sim.imports.profiles.get('anna')?.updates).toBe(1);
  expect((await put(sim, '/v2/customer_profiles', { customerProfiles: [] }, 'k')).status).toBe(400);
  const early = { customerProfiles: [{ integrationId: 'bob', attributes: { later: 'x' } }] };
  expect((await put(sim, '/v2/customer_profiles', early, 'l')).status).toBe(400);
  sim.addReference('attribute', 1, { entity: 'CustomerProfile', name: 'later', type: 'string' });
  expect((await put(sim, '/v2/customer_profiles', early, 'l')).status).toBe(
    idempotencyKeeps === 'all' ? 400 : 204,
  );
});

test('a session takes the documented ways only, and shows as events of the first Application', async () => {
  const sim = await startForTest({ history: { events: 1 }, switches: { closeAgain: 'refused' } });
  const session = (state: string) => ({ customerSession: { profileId: 'anna', state, cartItems: [] } });
  const path = '/v2/customer_sessions/order%20%2F1';
  const statuses = [];
  for (const state of ['cancelled', 'open', 'closed', 'open', 'closed', 'cancelled', 'open'])
    statuses.push((await put(sim, path, session(state))).status);
  expect(statuses).toEqual([400, 200, 200, 400, 400, 200, 400]);
  expect(sim.imports.sessions.get('order /1')).toMatchObject({ state: 'cancelled', updates: 3 });
  const types = [...sim.issuedEvents(1)].map(({ text }) => (JSON.parse(text) as { type: string }).type);
  expect(types.slice(-3)).toEqual([
    'talon_session_created',
    'talon_session_closed',
    'talon_session_cancelled',
  ]);
});
