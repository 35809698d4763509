import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LoggedRequest } from './simulator/request-log.js';
import type { Simulator } from './simulator/simulator-handle.js';
import { deploy } from './support/deployment.js';
import { besides, importFile, textOf } from './support/import-file.js';

const PROFILES = '/v2/customer_profiles';
const SESSIONS = '/v2/customer_sessions/{customerSessionId}';

test('profiles arrive a thousand a request, with the types of the account; sent again at a cut connection, they are not applied twice', async (context) => {
  const { simulator, start } = await deploy(context);
  const ids = Array.from({ length: 2300 }, (_, index) => `customer-${index}`);
  const rows = ids.map((id, index) => `${id},${index % 2 === 0 ? 'german' : ''},${index}.50`);
  const file = importFile('customers.csv', `No,attributes.Language,Events\n${rows.join('\n')}\n`);
  // Received and applied, but the answer is lost; then the server is busy.
  simulator.addFault({ path: PROFILES, after: 1, action: { type: 'reset' } });
  simulator.addFault({
    path: PROFILES,
    after: 2,
    action: { type: 'status', status: 429, headers: { 'Retry-After': '0' } },
  });
  const words = ['import', 'profiles', file, '--map', 'No=integrationId', '--map', 'Events=eventCount'];
  const child = start(words);
  expect([await child.ended, child.stderr]).toEqual([{ code: 0, signal: null }, '']);
  expect([...simulator.imports.profiles.keys()]).toEqual(ids);
  for (const [index, { attributes, updates }] of [...simulator.imports.profiles.values()].entries()) {
    const language = index % 2 === 0 ? { Language: 'german' } : {};
    expect([attributes, updates]).toEqual([{ ...language, eventCount: index + 0.5 }, 1]);
  }
  expect(simulator.requestCounts()[`PUT ${PROFILES}`]?.total).toBe(5);
  expect(simulator.imports.repeated).toBe(2);
});

test('past orders arrive as closed sessions, several at a time, those of one customer one after the other', async (context) => {
  const { simulator, database, start } = await deploy(context);
  const flow = watchProfiles(simulator);
  const orders = Array.from({ length: 60 }, (_, index) => ({
    id: `order/${index} ä`,
    profile: `c-${index % 7}`,
  }));
  const rows = orders.flatMap(({ id, profile }, index) => [
    `${id},${profile},web,A,2,${index}.10`,
    `${id},,,B,1,5`,
  ]);
  const header = 'sessionId,profileId,attributes.paymentMethod,item.sku,item.quantity,item.price';
  const file = importFile('orders.csv', `${header}\n${rows.join('\n')}\n`);
  const child = start(['import', 'sessions', file, '--concurrency', '5', '--part-rows', '20']);
  expect([await child.ended, child.stderr]).toEqual([{ code: 0, signal: null }, '']);
  const { sessions } = simulator.imports;
  expect([...sessions.keys()].sort()).toEqual(orders.map(({ id }) => id).sort());
  orders.forEach(({ id, profile }, index) => {
    expect(sessions.get(id)).toMatchObject({
      updates: 1,
      value: {
        profileId: profile,
        state: 'closed',
        attributes: { paymentMethod: 'web' },
        cartItems: [
          { sku: 'A', quantity: 2, price: index + 0.1 },
          { sku: 'B', quantity: 1, price: 5 },
        ],
      },
    });
  });
  expect(flow.collisions).toEqual([]);
  expect(flow.most).toBeGreaterThan(1);
  expect(flow.most).toBeLessThanOrEqual(5);
  expect(flow.inOrder()).toBe(true);
  expect(await database.query('select units, parts from talon_one_import')).toEqual([
    { units: '60', parts: 3 },
  ]);
});

const keeping = ['all', 'successes'] as const;

test.for(keeping)(
  'orders that the API refuses are told with their lines, the others are imported; later runs send the refused ones anew and repeat the answers of the others (keys keep %s)',
  async (idempotencyKeeps, context) => {
    const { simulator, start } = await deploy(context, {
      switches: { closeAgain: 'refused', idempotencyKeeps },
    });
    const types = ['--type', 'newFeature=string', '--type', 'other=string'];
    const words = (file: string) => ['import', 'sessions', file, '--part-rows', '3', ...types];
    const rows = ['o-1,5,,', 'o-2,6,x,', 'o-3,7,,y', 'o-4,8,,'];
    const header = 'sessionId,total,attributes.newFeature,attributes.other';
    const file = importFile('orders.csv', `${header}\n${rows.join('\n')}\n`);
    const report = besides(file, 'report.csv');
    const first = start([...words(file), '--report', report]);
    expect(await first.ended).toMatchObject({ code: 1 });
    expect(first.stderr).toContain('1 of 2 parts were refused, the others are imported.');
    expect(textOf(report).split('\n')[1]).toMatch(
      /^3,attributes\.newFeature,o-2,"?The attribute ""newFeature"" is not/,
    );
    const { sessions } = simulator.imports;
    expect([...sessions.keys()].sort()).toEqual(['o-1', 'o-4']);
    simulator.addReference('attribute', 1, { entity: 'CustomerSession', name: 'newFeature', type: 'string' });
    const second = start(words(file));
    expect(await second.ended).toMatchObject({ code: 1 });
    expect(second.stderr).not.toMatch(/o-1|o-2/);
    simulator.addReference('attribute', 1, { entity: 'CustomerSession', name: 'other', type: 'string' });
    const third = start(words(file));
    expect([await third.ended, third.stderr]).toEqual([{ code: 0, signal: null }, '']);
    expect(sessions.get('o-2')?.value).toMatchObject({ attributes: { newFeature: 'x' } });
    expect([...sessions].map(([id, { updates }]) => `${id}: ${updates}`).sort()).toEqual(
      ['o-1', 'o-2', 'o-3', 'o-4'].map((id) => `${id}: 1`),
    );
  },
);

test('without the Integration API key profiles are not imported, and the variable is named', async (context) => {
  const { start } = await deploy(context);
  const file = importFile('customers.csv', 'integrationId\nanna\n');
  const child = start(['import', 'profiles', file], { env: { TALON_ONE_INTEGRATION_API_KEY: undefined } });
  expect(await child.ended).toMatchObject({ code: 1 });
  expect(child.stderr).toContain('TALON_ONE_INTEGRATION_API_KEY is not set');
});

interface Flow {
  /** Profiles of which two sessions were under way at once. */
  readonly collisions: string[];
  /** Most sessions under way at once. */
  readonly most: number;
  inOrder(): boolean;
}

/** Keeps each session on the server for a moment and watches which are there together. */
function watchProfiles(simulator: Simulator): Flow {
  const underWay = new Map<number, string>();
  const collisions: string[] = [];
  const arrived = new Map<string, number[]>();
  let most = 0;
  simulator.onRequest(async (request: LoggedRequest) => {
    if (request.template !== SESSIONS) return;
    const { profileId } = (JSON.parse(request.body) as { customerSession: { profileId: string } })
      .customerSession;
    if ([...underWay.values()].includes(profileId)) collisions.push(profileId);
    underWay.set(request.number, profileId);
    most = Math.max(most, underWay.size);
    const index = Number(/order%2F(\d+)/.exec(request.path)?.[1]);
    arrived.set(profileId, [...(arrived.get(profileId) ?? []), index]);
    await pause(10);
    underWay.delete(request.number);
  });
  return {
    collisions,
    get most() {
      return most;
    },
    inOrder: () =>
      [...arrived.values()].every((list) => list.every((value, at) => value >= (list[at - 1] ?? 0))),
  };
}
