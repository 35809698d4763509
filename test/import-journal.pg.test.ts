import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { documentText } from './docs/files.js';
import { startForTest } from './simulator/for-tests.js';
import { withStatus } from './simulator/refusal.js';
import type { Simulator } from './simulator/simulator-handle.js';
import type { SwitchSettings } from './simulator/switches.js';
import { importFile, paid, paidOnce, pointsFile, textOf } from './support/import-file.js';
import { importOnce, type Run } from './support/import-runs.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const POINTS = '/v1/loyalty_programs/{loyaltyProgramId}/import_points';
const COUPONS = '/v1/applications/{applicationId}/campaigns/{campaignId}/import_coupons';
const TIERS = '/v1/loyalty_programs/{loyaltyProgramId}/import_customers_tiers';
const AUDIENCE = '/v1/audiences/{audienceId}/memberships/import';
const campaign = { target: { applicationId: '1', campaignId: '7' } };

async function start(switches: SwitchSettings = {}): Promise<Simulator> {
  const loyaltyPrograms = [{ id: 1, allowSubledger: false, history: false }];
  return startForTest({ history: { events: 1 }, loyaltyPrograms, switches });
}

function points(simulator: Simulator, path: string, run: Run = {}) {
  return importOnce(db().warehouse, simulator, 'loyalty-points', path, { partRows: 10, ...run });
}

/** States of the parts of the newest import from this simulator. */
async function states(simulator: Simulator): Promise<string[]> {
  const rows = await db().rows<{ state: string }>(
    `select state from talon_one_import_part where import_id =
       (select max(import_id) from talon_one_import where deployment = $1) order by part`,
    simulator.url,
  );
  return rows.map(({ state }) => state);
}

describe('rows that add', () => {
  test('are not sent a second time, not even in a file that was corrected elsewhere, unless that is asked for', async () => {
    const simulator = await start();
    const file = pointsFile(25);
    expect((await points(simulator, file)).result).toMatchObject({ parts: 3, accepted: 3, refused: 0 });
    expect((await points(simulator, file)).message).toContain('These rows were imported already');
    const corrected = importFile('new.csv', textOf(file).replace('customer-25,25.50', 'customer-25,26'));
    expect((await points(simulator, corrected)).message).toContain('These rows were imported already');
    expect(paid(simulator)).toEqual(paidOnce(25));
    expect((await points(simulator, corrected, { again: true })).message).toBe('');
    expect(paid(simulator)).toHaveLength(50);
  });

  test('are not sent a second time when the same file is cut or mapped otherwise, finished or not', async () => {
    const simulator = await start();
    const file = pointsFile(25);
    const refuse = simulator.onRequest(({ template }) => {
      if (template === POINTS && simulator.imports.imports.length > 0) throw withStatus(404, 'not read');
    });
    expect((await points(simulator, file)).message).toContain('Part 2 was not imported');
    refuse();
    const otherwise: Run[] = [{ partRows: 7 }, { map: new Map([['amount', 'AMOUNT']]), partRows: 9 }];
    for (const run of [
      ...otherwise,
      { partRows: 7, verify: true },
      { partRows: 7, settle: 'not-sent' as const },
    ])
      expect((await points(simulator, file, run)).message).toMatch(
        /finish it with the same options as then .*longest part has 10 rows/,
      );
    expect((await points(simulator, file)).message).toBe('');
    for (const run of otherwise)
      expect((await points(simulator, file, run)).message).toContain('These rows were imported already');
    expect(paid(simulator)).toEqual(paidOnce(25));
  });

  test('may go to another program', async () => {
    const simulator = await start();
    simulator.addLoyaltyProgram({ id: 2, history: false });
    const file = pointsFile(5);
    expect((await points(simulator, file)).message).toBe('');
    expect((await points(simulator, file, { target: { loyaltyProgramId: '2' } })).message).toBe('');
  });

  test('an unfinished import keeps a corrected file from sending its first parts again', async () => {
    const simulator = await start();
    const file = pointsFile(20);
    simulator.addFault({ path: POINTS, after: 1, action: { type: 'status', status: 400 } });
    expect((await points(simulator, file)).message).toContain('answered with 400');
    const corrected = importFile('new.csv', textOf(file).replace('customer-20,', 'customer-twenty,'));
    expect((await points(simulator, corrected)).message).toContain(
      'is not finished and has sent some of these rows',
    );
  });
});

describe('an answer that is lost', () => {
  const answers: [what: string, fault: Parameters<Simulator['addFault']>[0]['action']][] = [
    ['cut connection', { type: 'reset' }],
    ['bad gateway', { type: 'status', status: 502 }],
    ['HTML with 200', { type: 'html200' }],
    ['empty 200', { type: 'empty200' }],
    ['answer cut short', { type: 'cutBody', framing: 'chunkedEnd' }],
  ];

  test.each(answers)('%s: the upload is not repeated, and the ledger settles it', async (_what, action) => {
    const simulator = await start();
    const file = pointsFile(20);
    simulator.addFault({ path: POINTS, action });
    expect((await points(simulator, file)).message).toContain('run the same command with --verify');
    expect(await states(simulator)).toEqual(['uncertain', 'planned']);
    expect((await points(simulator, file)).message).toContain('part 1 (lines 2 to 11) is uncertain');
    expect((await points(simulator, file, { again: true })).message).toContain('is uncertain');
    expect(paid(simulator)).toHaveLength(10);
    expect((await points(simulator, file, { verify: true })).result).toMatchObject({ accepted: 1 });
    expect((await points(simulator, file)).result).toMatchObject({ accepted: 2 });
    expect(paid(simulator)).toEqual(paidOnce(20));
  });

  test('equal rows that were imported before are not taken for the lost ones, whatever the order of the ledger', async () => {
    const simulator = await start({ loyaltyOrder: 'shuffled' });
    const earlier = importFile('a.csv', 'customerprofileid,amount,reason\nanna,5,gift\nbob,6,gift\n');
    expect((await points(simulator, earlier)).message).toBe('');
    const file = importFile('b.csv', 'customerprofileid,amount\nanna,5\nbob,6\n');
    const refuse = simulator.onRequest(({ template }) => {
      if (template === POINTS) throw withStatus(503, 'not read');
    });
    expect((await points(simulator, file)).message).toContain('answered with 503');
    refuse();
    expect((await points(simulator, file, { verify: true })).message).toBe('');
    expect(await states(simulator)).toEqual(['planned']);
    expect((await points(simulator, file)).message).toBe('');
    expect(paid(simulator)).toEqual(['anna: 5', 'anna: 5', 'bob: 6', 'bob: 6']);
  });

  test('is not looked for in a ledger by skipping alone: one whose order changes with each request settles it too', async () => {
    const simulator = await start({ silentPageLimit: 10, loyaltyOrder: 'unstable' });
    const file = pointsFile(60);
    simulator.addFault({ path: POINTS, action: { type: 'reset' } });
    expect((await points(simulator, file, { partRows: 60 })).message).toContain('--verify');
    const verified = await points(simulator, file, { partRows: 60, verify: true });
    expect([verified.message, verified.result?.accepted]).toEqual(['', 1]);
  });

  test('rows with another amount in the ledger, as if it had been rounded, are not taken for never sent', async () => {
    const simulator = await start();
    const file = importFile('points.csv', 'customerprofileid,amount\nanna,10.567\nbob,20.123\n');
    simulator.addFault({ path: POINTS, action: { type: 'reset' } });
    const refuse = simulator.onRequest(({ template }) => {
      if (template === POINTS) throw withStatus(503, 'not read');
    });
    expect((await points(simulator, file)).message).toContain('got no answer');
    refuse();
    for (const [profile, amount] of [['anna', '10.57'] as const, ['bob', '20.12'] as const])
      simulator.addLoyaltyTransaction(1, { profile, amount, origin: 'import', fields: { importId: 900 } });
    const verified = await points(simulator, file, { verify: true });
    expect(verified.message).toContain('The ledger does not tell what became of 1 part:');
    expect(verified.problems.lines()).toContainEqual(
      'line 3: is not in the ledger with this amount; another import has added another amount for the same account',
    );
    expect(await states(simulator)).toEqual(['uncertain']);
    expect((await points(simulator, file)).message).toContain('is uncertain');
  });

  test('a ledger that comes incomplete settles nothing; short pages without an end are read to the last', async () => {
    const simulator = await start({ silentPageLimit: 4, envelope: 'missing' });
    const file = pointsFile(20);
    simulator.addFault({ path: POINTS, action: { type: 'reset' } });
    await points(simulator, file);
    const LEDGER = '/v1/loyalty_programs/{loyaltyProgramId}/transactions';
    const fault = simulator.addFault({ path: LEDGER, times: Infinity, action: { type: 'emptyPage' } });
    expect((await points(simulator, file, { verify: true })).message).toContain(
      'answers with empty pages although it says that more follows',
    );
    expect(await states(simulator)).toEqual(['uncertain', 'planned']);
    fault.remove();
    expect((await points(simulator, file, { verify: true })).message).toBe('');
    expect(await states(simulator)).toEqual(['accepted', 'planned']);
  });

  test('without a ledger nothing is guessed: the user says what became of the part', async () => {
    const simulator = await start();
    const coupons = (run: Run = {}) =>
      importOnce(db().warehouse, simulator, 'coupons', file, { ...campaign, ...run });
    const file = importFile('coupons.csv', 'value\nWELCOME\n');
    simulator.addFault({ path: COUPONS, times: 2, action: { type: 'reset' } });
    expect((await coupons()).message).toContain('--settle accepted or --settle not-sent');
    expect((await coupons({ verify: true })).message).toContain('no ledger');
    expect((await coupons({ settle: 'not-sent' })).message).toBe('');
    expect(await states(simulator)).toEqual(['planned']);
    expect((await coupons()).message).not.toBe('');
    expect((await coupons({ settle: 'accepted' })).result).toMatchObject({ accepted: 1 });
    expect((await coupons({ settle: 'accepted' })).message).toContain('nothing to settle');
  });
});

describe('a refusal', () => {
  test('names the line of the file; rows it left behind are found, the others are listed and not sent', async () => {
    const simulator = await start({ importAtomicity: 'rows' });
    const rows = ['anna,1,', '"bo\nb",2,', 'carl,3,unknown', 'dora,4,'];
    const file = importFile('points.csv', `customerprofileid,amount,subledgerid\n${rows.join('\n')}\n`);
    const refused = await points(simulator, file);
    expect(refused.problems.lines()).toEqual(['line 5: the program has no subledgers']);
    expect(await states(simulator)).toEqual(['refused']);
    expect((await points(simulator, file)).message).toContain('is refused');
    const verified = await points(simulator, file, { verify: true });
    expect(verified.message).toContain('The ledger does not tell what became of 1 part:');
    expect(verified.problems.first.map(({ line }) => line)).toEqual([5, 6]);
    expect(simulator.requestCounts()[`POST ${POINTS}`]?.total).toBe(1);
  });

  test('that leaves nothing behind is settled as not sent', async () => {
    const simulator = await start({ importAtomicity: 'whole' });
    const file = importFile('points.csv', 'customerprofileid,amount,subledgerid\nanna,1,unknown\n');
    expect((await points(simulator, file)).message).toContain('answered with 400');
    expect((await points(simulator, file, { verify: true })).message).toBe('');
    expect(await states(simulator)).toEqual(['planned']);
  });

  test('before anything was read (no such program, no right, too many requests) leaves the part to be sent', async () => {
    const simulator = await start();
    const file = pointsFile(5);
    for (const status of [401, 403, 404, 429]) {
      const fault = simulator.addFault({ path: POINTS, times: Infinity, action: { type: 'status', status } });
      const refuse = simulator.onRequest(({ template }) => {
        if (template === POINTS) throw withStatus(status, 'not read');
      });
      expect((await points(simulator, file)).message).toContain(`answered with ${status}`);
      expect(await states(simulator)).toEqual(['planned']);
      fault.remove();
      refuse();
    }
  });
});

describe('a list that is replaced', () => {
  const audience = (simulator: Simulator, file: string) =>
    importOnce(db().warehouse, simulator, 'audience', file, { target: { audienceId: '4' }, partRows: 1 });

  test('goes whole in one upload, and again whenever it is imported', async () => {
    const simulator = await start();
    const a = importFile('a.csv', 'profileintegrationid\nanna\nbob\n');
    const b = importFile('b.csv', 'profileintegrationid\ncarl\n');
    for (const file of [a, b, a]) expect((await audience(simulator, file)).message).toBe('');
    const [list] = simulator.imports.lists.values();
    expect(list?.map(({ cells }) => cells.profileintegrationid)).toEqual(['anna', 'bob']);
    expect(simulator.imports.imports).toHaveLength(3);
  });

  test('of which the answer was lost is sent again by the next run, but not by itself', async () => {
    const simulator = await start();
    const file = importFile('a.csv', 'profileintegrationid\nanna\n');
    simulator.addFault({ path: AUDIENCE, action: { type: 'reset' } });
    expect((await audience(simulator, file)).message).toContain('sending it twice does no harm');
    expect(simulator.requestCounts()[`POST ${AUDIENCE}`]?.total).toBe(1);
    expect((await audience(simulator, file)).result).toMatchObject({ accepted: 1 });
  });
});

test('the rest of an old file does not take back what a newer one has set: the old one is sent whole', async () => {
  const simulator = await start();
  simulator.addLoyaltyTransaction(1, { profile: 'anna' });
  const tiers = (file: string) =>
    importOnce(db().warehouse, simulator, 'customer-tiers', file, { partRows: 1 });
  const [old, newer] = ['Silver', 'Gold'].map((tier) =>
    importFile(`${tier}.csv`, `customerprofileid,tiername\nanna,${tier}\nbob,${tier}\n`),
  ) as [string, string];
  simulator.addFault({ path: TIERS, after: 1, action: { type: 'status', status: 401 } });
  expect((await tiers(old)).message).toContain('Part 2 was not imported');
  expect((await tiers(newer)).message).toBe('');
  expect((await tiers(old)).message).toBe('');
  const sent = simulator.imports.imports.map(
    ({ rows }) => `${rows[0]?.cells.customerprofileid} ${rows[0]?.cells.tiername}`,
  );
  expect(sent.slice(-2)).toEqual(['anna Silver', 'bob Silver']);
  const [query = ''] = /select import_id, kind[^;]*/.exec(documentText('docs/import.md')) ?? [];
  const open = (await db().rows<{ target: string; import_id: string }>(query)).map(
    ({ import_id }) => import_id,
  );
  const ours = await db().rows<{ import_id: string }>(
    'select import_id from talon_one_import where deployment = $1',
    simulator.url,
  );
  expect(ours.filter(({ import_id }) => open.includes(import_id))).toEqual([]);
});

test('stopped while the file is checked, nothing is begun', async () => {
  const simulator = await start();
  const stopped = await points(simulator, pointsFile(5), { signal: AbortSignal.abort() });
  expect(stopped.message).toBe('Stopped while points.csv was checked. Nothing was sent.');
  expect(simulator.requests).toEqual([]);
  expect(await states(simulator)).toEqual([]);
});

/** A log that stops the run as soon as it says `message`. */
function stopAt(message: string): Run {
  const stop = new AbortController();
  const write = (line: string) => {
    if ((JSON.parse(line) as { msg: string }).msg === message) stop.abort();
  };
  return { log: pino({ base: null }, { write }), signal: stop.signal };
}

test('stopped while it waits for the ledger, --verify says that nothing was settled', async () => {
  const simulator = await start();
  const file = pointsFile(5);
  simulator.addFault({ path: POINTS, action: { type: 'reset' } });
  await points(simulator, file);
  const options = {
    ...stopAt('waiting until the ledger must have what was sent'),
    verify: true,
    visibleAfterMs: 600_000,
  };
  expect((await points(simulator, file, options)).message).toBe(
    'Stopped before the ledger was read: nothing was settled or sent.',
  );
  expect(await states(simulator)).toEqual(['uncertain']);
});

test('stopped while it waits for another process, an import says that nothing was sent', async () => {
  const simulator = await start();
  const file = pointsFile(5);
  const hold = simulator.holdNext(({ template }) => template === POINTS);
  const first = points(simulator, file);
  await hold.held;
  const stopped = await points(
    simulator,
    file,
    stopAt('waiting for the lease of another process to run out'),
  );
  expect(stopped.message).toBe('Stopped while another process was waited for: nothing was settled or sent.');
  hold.release();
  expect((await first).message).toBe('');
});

test('two processes with the same file: one imports it, the other gives up', async () => {
  const simulator = await start();
  const file = pointsFile(5);
  const hold = simulator.holdNext(({ template }) => template === POINTS);
  const first = points(simulator, file);
  await hold.held;
  expect((await points(simulator, file)).message).toContain('Another process is at work on this import');
  hold.release();
  expect((await first).result).toMatchObject({ accepted: 1 });
  expect(paid(simulator)).toHaveLength(5);
});

test('a process that was thought dead and comes back writes nothing more', async () => {
  const simulator = await start();
  const file = pointsFile(20);
  const hold = simulator.holdNext(({ template }) => template === POINTS);
  const first = points(simulator, file);
  await hold.held;
  await db().rows('update talon_one_import set fence = fence + 1 where deployment = $1', simulator.url);
  expect((await first).message).toContain('Another process has taken this import over');
  hold.release();
  expect(simulator.requestCounts()[`POST ${POINTS}`]?.total).toBe(1);
  expect(await states(simulator)).toEqual(['sent', 'planned']);
});

test('the API’s own ID of an import is in the log even when it cannot be noted any more', async () => {
  const simulator = await start();
  simulator.onRequest(async ({ template }) => {
    if (template !== POINTS) return;
    await db().rows('update talon_one_import set fence = fence + 1 where deployment = $1', simulator.url);
  });
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const { message } = await points(simulator, pointsFile(5), { log });
  expect(message).toContain('Another process has taken this import over');
  expect(await states(simulator)).toEqual(['sent']);
  const apiImportId = simulator.imports.imports[0]?.id;
  expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ msg: 'part answered', part: 1, state: 'accepted', apiImportId }),
  );
});
