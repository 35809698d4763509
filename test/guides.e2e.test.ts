import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deploy } from './support/deployment.js';
import { guideTable } from './support/guide-table.js';

// Every command of the README's table of the guides is run as it stands there, word for word, against an account that
// has what it names. A row that is added to the table is run too; one that names a file needs it here.

const FILES: Readonly<Record<string, string>> = {
  'customers.csv': 'integrationId,attributes.Language\nclara,german\n',
  'orders.csv': 'sessionId,profileId,total\norder-1,clara,12.50\n',
  'points.csv': 'customerprofileid,amount\nanna,10.50\n',
  'cards.csv': 'identifier,state\nCARD-0002,active\n',
  'tiers.csv': 'customerprofileid,tiername\nanna,Gold\n',
  'joined.csv': 'customerprofileid,newjoindate\nanna,2024-03-21T07:32:14Z\n',
  'coupons.csv': 'value\nWELCOME10\n',
  'referrals.csv': 'code,advocateprofileintegrationid\nREF-1,anna\n',
  'giveaways.csv': 'code\nGIFT\n',
  'members.csv': 'profileintegrationid\nanna\n',
  'items.csv': 'item\nAdidas\n',
  'values.csv': 'item\na\n',
  'stores.csv': 'store_integration_id\nSTORE-001\n',
};
/** What runs until it is stopped or fills the tables, before all others. */
const FIRST = ['run', 'once'];
/** Campaign 7 has caused no effect here, and audience 5 has no member; all other exports must have rows. */
const EMPTY: readonly string[] = ['effects', 'audience'];
const AT_ONCE = 3;

const rows = guideTable();
const commands = rows.flatMap((row) => row.commands);

test('every procedure of the guides has a command in the README', () => {
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter((row) => row.commands.length === 0).map(({ procedure }) => procedure)).toEqual([]);
  const files = commands.flatMap((command) => command.match(/\S+\.csv/g) ?? []);
  expect(files.sort()).toEqual(Object.keys(FILES).sort());
});

test('every command of that table works as it stands there', async (context) => {
  const { simulator, database, start } = await deploy(context, {
    applications: [{ id: 42 }],
    history: { events: 60 },
    loyaltyPrograms: [{ id: 139 }, { id: 140, cardBased: true }],
  });
  for (const [kind, id] of [
    ['campaign', 7],
    ['achievement', 12],
    ['collection', 9],
  ] as const)
    simulator.addReference(kind, 42, { id });
  simulator.addLoyaltyTransaction(139, { profile: 'anna', amount: 5 });
  simulator.addLoyaltyTransaction(140, { card: 'CARD-0001', amount: 5 });
  const folder = mkdtempSync(join(tmpdir(), 'talon-one-guides-'));
  context.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);
  const env = { LOYALTY_SYNC: 'true', REFERENCE_INTERVAL_MINUTES: '60' };

  const daemon = start(['run'], { env, cwd: folder });
  await daemon.waitForLine('cycle finished');
  expect(await daemon.end()).toEqual({ code: 0, signal: null });
  expect(await start(['once'], { env, cwd: folder }).ended).toEqual({ code: 0, signal: null });

  const left = commands.filter((command) => !FIRST.includes(command));
  expect(left).toHaveLength(commands.length - FIRST.length);
  const wrong: string[] = [];
  const runOne = async (command: string, number: number) => {
    const [group, name] = command.split(' ');
    // Into a file of its own where the line does not say where to.
    const output = group === 'export' && !command.includes(' -o ') ? ['-o', `${number}.out`] : [];
    const child = start([...command.split(' '), ...output], { env, cwd: folder });
    const { code } = await child.ended;
    const written = output.length > 0 ? readFileSync(join(folder, `${number}.out`), 'utf8') : child.stdout;
    const lines = written.trim().split('\n').length;
    const isDone =
      group === 'import'
        ? written.includes('"import finished"')
        : lines > (EMPTY.includes(name ?? '') ? 0 : 1);
    if (code !== 0 || !isDone) wrong.push(`${command}: ${child.describe()}`);
  };
  const numbered = left.map((command, number) => [command, number] as const);
  const takeTurns = async () => {
    for (let next = numbered.shift(); next !== undefined; next = numbered.shift()) await runOne(...next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
  expect(wrong).toEqual([]);

  // The tables that the daemon keeps are there and have rows.
  for (const table of rows.flatMap(({ tables }) => tables)) {
    const [row] = await database.query<{ exists: boolean }>(`select exists (select from ${table}) as exists`);
    expect(row, table).toEqual({ exists: true });
  }
}, 300_000);
