import { describe, expect, test } from 'vitest';
import { startForTest } from './simulator/for-tests.js';
import { withStatus } from './simulator/refusal.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';
import { importFile, paid, paidOnce, pointsFile, textOf } from './support/import-file.js';
import { importOnce, type Run } from './support/import-runs.js';
import { useWarehouse } from './support/warehouse.js';

// The same file a second time: with another key, corrected, extended, or just as it was.

const db = useWarehouse();
const POINTS = '/v1/loyalty_programs/{loyaltyProgramId}/import_points';
const SESSIONS = '/v2/customer_sessions/{customerSessionId}';
const COUPONS = '/v1/applications/{applicationId}/campaigns/{campaignId}/import_coupons';

async function start(switches: SwitchSettings = {}, integrationApiKey?: string): Promise<Simulator> {
  return startForTest({
    history: { events: 1 },
    loyaltyPrograms: [{ id: 1, allowSubledger: false, history: false }],
    switches,
    ...(integrationApiKey === undefined ? {} : { integrationApiKey }),
  });
}

function run(simulator: Simulator, kind: string, path: string, options: Run = {}) {
  return importOnce(db().warehouse, simulator, kind, path, { partRows: 10, ...options });
}

function ordersFile(orders: number, prefix = 'order'): string {
  const rows = Array.from({ length: orders }, (_, index) => `${prefix}-${index + 1},${index + 1}`);
  return importFile('orders.csv', `sessionId,total\n${rows.join('\n')}\n`);
}

describe('an import that a sandbox key began', () => {
  const files = {
    sessions: ordersFile,
    profiles: (count: number) => {
      const rows = Array.from({ length: count }, (_, index) => `customer-${index + 1}`);
      return importFile('profiles.csv', `integrationId\n${rows.join('\n')}\n`);
    },
  };

  test.each(['sessions', 'profiles'] as const)(
    'is not gone on with by the live key: all %s arrive',
    async (kind) => {
      const sandbox = await start({}, 'a'.repeat(64));
      const live = await start({}, 'b'.repeat(64));
      const deployment = sandbox.url;
      const path = files[kind](30);
      const stop = new AbortController();
      sandbox.onRequest(({ number }) => {
        if (number > (kind === 'sessions' ? 15 : 1)) stop.abort();
      });
      const stopped = await run(sandbox, kind, path, { deployment, signal: stop.signal });
      expect(stopped.message).toBe('Stopped: 2 of 3 parts are imported. The same command goes on there.');
      expect((await run(live, kind, path, { deployment })).result).toMatchObject({ parts: 3, accepted: 3 });
      expect([...live.imports[kind].keys()]).toHaveLength(30);
      expect((await run(sandbox, kind, path, { deployment })).message).toBe('');
      expect([...sandbox.imports[kind].keys()]).toHaveLength(30);
      const targets = await db().rows<{ target: string }>(
        'select distinct target from talon_one_import where deployment = $1',
        deployment,
      );
      expect(targets).toHaveLength(2);
      for (const { target } of targets) expect(target).toMatch(/^integrationKey=[0-9a-f]{16}$/);
    },
  );
});

describe('while nobody knows what became of rows that add', () => {
  test('no corrected or extended file goes to the same target, until the first one is settled', async () => {
    const simulator = await start();
    const file = pointsFile(2);
    simulator.addFault({ path: POINTS, action: { type: 'status', status: 504 } });
    expect((await run(simulator, 'loyalty-points', file)).message).toContain('--verify');
    const extended = importFile('new.csv', `${textOf(file)}customer-3,3.50\n`);
    const blocked = await run(simulator, 'loyalty-points', extended);
    expect(blocked.message).toMatch(
      /^Nobody knows yet what became of 1 part of import \d+ of points\.csv, begun .*--verify.*--settle.*--again/,
    );
    expect((await run(simulator, 'loyalty-points', extended, { verify: true })).message).toContain(
      'Nobody knows yet what became of 1 part of import',
    );
    expect(paid(simulator)).toEqual(paidOnce(2));
    expect((await run(simulator, 'loyalty-points', file, { verify: true })).message).toBe('');
    const rest = importFile('rest.csv', 'customerprofileid,amount\ncustomer-3,3.50\n');
    expect((await run(simulator, 'loyalty-points', rest)).message).toBe('');
    expect(paid(simulator)).toEqual(paidOnce(3));
  });

  test('the rest of an older file does not go either', async () => {
    const simulator = await start();
    const older = pointsFile(20);
    const refuse = simulator.onRequest(({ template }) => {
      if (template === POINTS && simulator.imports.imports.length > 0) throw withStatus(404, 'not read');
    });
    expect((await run(simulator, 'loyalty-points', older)).message).toContain('Part 2 was not imported');
    refuse();
    simulator.addFault({ path: POINTS, action: { type: 'reset' } });
    const newer = importFile('newer.csv', 'customerprofileid,amount\ncustomer-20,20.50\n');
    expect((await run(simulator, 'loyalty-points', newer)).message).toContain('got no answer');
    expect((await run(simulator, 'loyalty-points', older)).message).toContain('of newer.csv');
    expect(paid(simulator)).toHaveLength(11);
    expect((await run(simulator, 'loyalty-points', newer, { settle: 'accepted' })).message).toBe('');
    expect((await run(simulator, 'loyalty-points', older)).message).toBe('');
  });

  test('a refused upload that left rows behind keeps the corrected file back; --again insists', async () => {
    const simulator = await start({ importAtomicity: 'rows' });
    const header = 'customerprofileid,amount,subledgerid';
    const file = importFile('points.csv', `${header}\nanna,1,\nbob,2,unknown\n`);
    expect((await run(simulator, 'loyalty-points', file)).message).toContain('answered with 400');
    const corrected = importFile('new.csv', `${header}\nanna,1,\nbob,2,\n`);
    expect((await run(simulator, 'loyalty-points', corrected)).message).toContain('Nobody knows yet');
    expect(paid(simulator)).toEqual(['anna: 1']);
    expect((await run(simulator, 'loyalty-points', corrected, { again: true })).message).toBe('');
    expect(paid(simulator)).toEqual(['anna: 1', 'anna: 1', 'bob: 2']);
  });

  test('without a ledger the way out is --settle with the first file; another target is free', async () => {
    const simulator = await start();
    const coupons = (path: string, campaignId = '7', options: Run = {}) =>
      run(simulator, 'coupons', path, { target: { applicationId: '1', campaignId }, ...options });
    const file = importFile('coupons.csv', 'value\nWELCOME\n');
    simulator.addFault({ path: COUPONS, action: { type: 'reset' } });
    expect((await coupons(file)).message).toContain('--settle accepted');
    const other = importFile('other.csv', 'value\nWELCOME\nHELLO\n');
    const { message } = await coupons(other);
    expect(message).toContain('Nobody knows yet');
    expect(message).not.toContain('--verify');
    expect((await coupons(other, '8')).message).toBe('');
    expect((await coupons(file, '7', { settle: 'accepted' })).message).toBe('');
    const rest = importFile('rest.csv', 'value\nHELLO\n');
    expect((await coupons(rest)).message).toBe('');
  });
});

describe('orders, which the API may not take as closed twice', () => {
  const orders = (simulator: Simulator, path: string, options: Run = {}) =>
    run(simulator, 'sessions', path, options);
  const sent = (simulator: Simulator) => simulator.requestCounts()[`PUT ${SESSIONS}`]?.total ?? 0;
  const updates = (simulator: Simulator) =>
    [...simulator.imports.sessions.values()].map((session) => session.updates);

  test('are not sent again by a second run of the same file, or by an extended one, nor after another file', async () => {
    const simulator = await start({ closeAgain: 'refused' });
    const path = ordersFile(25);
    expect((await orders(simulator, path)).result).toMatchObject({ parts: 3, accepted: 3, skipped: 0 });
    expect((await orders(simulator, ordersFile(5, 'other'))).message).toBe('');
    simulator.imports.forgetAnswers();
    const again = await orders(simulator, path);
    expect(again.result).toMatchObject({ parts: 3, accepted: 3, refused: 0, skipped: 3 });
    const longer = importFile('orders.csv', `${textOf(ordersFile(20))}new,1\n`);
    expect((await orders(simulator, longer)).result).toMatchObject({ parts: 3, accepted: 3, skipped: 2 });
    expect(sent(simulator)).toBe(31);
    expect(updates(simulator)).toEqual(Array(31).fill(1));
  });

  test('are sent again when that is asked for', async () => {
    const simulator = await start({ closeAgain: 'accepted' });
    const path = ordersFile(5);
    expect((await orders(simulator, path)).message).toBe('');
    expect((await orders(simulator, path, { again: true })).result).toMatchObject({ skipped: 0 });
    expect(updates(simulator)).toEqual(Array(5).fill(2));
  });

  test('that were closed by a part without an answer are refused a day later; --settle finishes the import', async () => {
    const simulator = await start({ closeAgain: 'refused' });
    const path = ordersFile(15);
    await orders(simulator, path);
    await db().rows(
      `update talon_one_import_part set state = 'sent' where part = 1 and import_id =
         (select max(import_id) from talon_one_import where deployment = $1)`,
      simulator.url,
    );
    await db().rows('update talon_one_import set finished_at = null where deployment = $1', simulator.url);
    simulator.imports.forgetAnswers();
    expect((await orders(simulator, path)).result).toMatchObject({ accepted: 1, refused: 1 });
    expect((await orders(simulator, path, { settle: 'accepted' })).result).toMatchObject({ accepted: 2 });
    expect((await orders(simulator, path)).result).toMatchObject({ accepted: 2, skipped: 2 });
    const open = await db().rows(
      'select from talon_one_import where deployment = $1 and finished_at is null',
      simulator.url,
    );
    expect(open).toEqual([]);
  });

  test('of an older file that is finished later do not begin anew: what it sent stays as it was answered', async () => {
    const simulator = await start({ closeAgain: 'refused' });
    const path = ordersFile(20);
    const refuse = simulator.onRequest(({ template, path: asked }) => {
      if (template === SESSIONS && asked.endsWith('/order-15')) throw withStatus(400, 'not read');
    });
    expect((await orders(simulator, path)).result).toMatchObject({ accepted: 1, refused: 1 });
    refuse();
    expect((await orders(simulator, ordersFile(5, 'other'))).message).toBe('');
    expect((await orders(simulator, path)).result).toMatchObject({ accepted: 2 });
    expect(updates(simulator)).toEqual(Array(25).fill(1));
  });
});
