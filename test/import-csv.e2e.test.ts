import { expect, test } from 'vitest';
import { csvImports } from '../src/import/csv-imports.js';
import { deploy } from './support/deployment.js';
import { besides, importFile, textOf } from './support/import-file.js';

// Every CSV import of the table, from a file as people have them to what arrives at the API.

interface Sample {
  readonly words: readonly string[];
  /** Where it has to arrive, with the query. */
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly file: string;
  /** What the API is sent. */
  readonly sent: string;
}

const campaign = ['--application', '1', '--campaign', '7'];
const CAMPAIGN = '/v1/applications/1/campaigns/7';

const SAMPLES: Record<string, Sample> = {
  'loyalty-points': {
    words: ['--program', '1', '--without-notifications'],
    path: '/v1/loyalty_programs/1/import_points',
    query: { notificationsEnabled: 'false' },
    // Byte order mark, CR LF, quotes, another spelling of the columns, no end of the last line.
    file: '\ufeffCustomerProfileId,AMOUNT,reason,ValidityDuration\r\nanna,10.50,"a ""gift"", for\r\nyou",30D\r\nbob,7,,',
    sent: 'customerprofileid,amount,validityDuration,reason\nanna,10.50,30D,"a ""gift"", for\r\nyou"\nbob,7,,\n',
  },
  'customer-tiers': {
    words: ['--program', '1'],
    path: '/v1/loyalty_programs/1/import_customers_tiers',
    file: 'customerprofileid,tiername,expirydate\nanna,Gold,2126-01-01T00:00:00+02:00\n',
    sent: 'customerprofileid,tiername,expirydate\nanna,Gold,2126-01-01T00:00:00+02:00\n',
  },
  'join-dates': {
    words: ['--program', '1'],
    path: '/v1/loyalty_programs/1/import_join_dates',
    file: 'customerprofileid,newjoindate\nanna,2024-03-21T07:32:14Z\n',
    sent: 'customerprofileid,newjoindate\nanna,2024-03-21T07:32:14Z\n',
  },
  'loyalty-cards': {
    words: ['--program', '2', '--map', 'card=identifier', '--ignore', 'remarks'],
    path: '/v1/loyalty_programs/2/import_cards',
    file: 'card,state,customerprofileids,attributes,remarks\nCARD-1@shop,active,anna;bob,"{""colour"":""red""}",x\n',
    sent: 'identifier,state,customerprofileids,attributes\nCARD-1@shop,active,anna;bob,"{""colour"":""red""}"\n',
  },
  coupons: {
    words: [...campaign, '--skip-duplicates'],
    path: `${CAMPAIGN}/import_coupons`,
    query: { skipDuplicates: 'true' },
    file: 'value,limitval,discountlimit,attributes\nWELCOME10,0,2.40,"{""Category"":\n""10_off""}"\n',
    sent: 'value,limitval,discountlimit,attributes\nWELCOME10,0,2.40,"{""Category"":\n""10_off""}"\n',
  },
  referrals: {
    words: campaign,
    path: `${CAMPAIGN}/import_referrals`,
    file: 'code,advocateprofileintegrationid\nREF-1,anna\n',
    sent: 'code,advocateprofileintegrationid\nREF-1,anna\n',
  },
  giveaways: {
    words: ['--pool', '3'],
    path: '/v1/giveaways/pools/3/import',
    file: 'code,enddate\nGIFT,2126-01-01T00:00:00Z\nGIFT,2126-01-01T00:00:00Z\n',
    sent: 'code,enddate\nGIFT,2126-01-01T00:00:00Z\nGIFT,2126-01-01T00:00:00Z\n',
  },
  audience: {
    words: ['--audience', '4', '--replace'],
    path: '/v1/audiences/4/memberships/import',
    file: 'profileintegrationid\nanna\nbob\n',
    sent: 'profileintegrationid\nanna\nbob\n',
  },
  collection: {
    words: ['--collection', '5', '--replace'],
    path: '/v1/collections/5/import',
    file: 'item\nAdidas\n"Nike, Inc."\n',
    sent: 'item\nAdidas\n"Nike, Inc."\n',
  },
  'campaign-collection': {
    words: [...campaign, '--collection', '6', '--replace'],
    path: `${CAMPAIGN}/collections/6/import`,
    file: 'item\nAsics\n',
    sent: 'item\nAsics\n',
  },
  'allowed-values': {
    words: ['--attribute', '302', '--replace', '--delimiter', ';'],
    path: '/v1/attributes/302/allowed_list/import',
    file: '"item"\n"a;b"\nc\n',
    sent: 'item\na;b\nc\n',
  },
  'campaign-stores': {
    words: [...campaign, '--replace'],
    path: `${CAMPAIGN}/stores/import`,
    file: 'store_integration_id\nSTORE-001\n',
    sent: 'store_integration_id\nSTORE-001\n',
  },
  'store-budgets': {
    words: [...campaign, '--replace', '--action', 'setDiscount', '--period', 'monthly'],
    path: `${CAMPAIGN}/stores/budgets/import`,
    query: { action: 'setDiscount', period: 'monthly' },
    file: 'store_integration_id,limit\nSTORE-001,1000.50\n',
    sent: 'store_integration_id,limit\nSTORE-001,1000.50\n',
  },
};

test('every CSV import has a sample here', () => {
  expect(Object.keys(SAMPLES)).toEqual(csvImports.map(({ name }) => name));
});

test('every CSV import arrives as it stands in the file, in the API’s spelling, at its documented path', async (context) => {
  const { simulator, database, start } = await deploy(context);
  // Join dates need a customer who exists.
  simulator.addLoyaltyTransaction(1, { profile: 'anna' });
  await start(['migrate']).ended;
  await Promise.all(
    Object.entries(SAMPLES).map(async ([name, { words, file }]) => {
      const child = start(['import', name, importFile(`${name}.csv`, file), ...words]);
      expect([name, await child.ended, child.stderr]).toEqual([name, { code: 0, signal: null }, '']);
      const last = { msg: 'import finished', kind: name, accepted: 1, refused: 0 };
      expect(child.lines.at(-1)).toMatchObject(last);
    }),
  );
  const arrived = simulator.imports.imports.map(({ path, query, text, fileName }) => [
    fileName,
    { path, query, text },
  ]);
  const expected = Object.entries(SAMPLES).map(([name, { path, query = {}, sent }]) => [
    `${name}.csv`,
    { path, query, text: sent },
  ]);
  expect(Object.fromEntries(arrived)).toEqual(Object.fromEntries(expected));
  expect(simulator.imports.imports).toHaveLength(expected.length);
  expect(simulator.loyaltyBalance(1, 'anna').active).toBe(10 + 10.5);
  const parts = await database.query<{ kind: string; target: string; amount: string }>(
    `select kind, target, api_amount as amount from talon_one_import
     join talon_one_import_part using (import_id) where finished_at is not null and state = 'accepted'
       and api_import_id is not null`,
  );
  expect(parts.map(({ kind }) => kind).sort()).toEqual(Object.keys(SAMPLES).sort());
  expect(parts).toContainEqual({ kind: 'loyalty-points', target: 'loyaltyProgramId=1', amount: '2' });
}, 180_000);

test('a bad file is told every mistake with its place, also in a report; nothing is sent and no database is needed', async (context) => {
  const { simulator, start } = await deploy(context);
  const rows = Array.from({ length: 30 }, (_, index) => `customer-${index},${index % 10 === 0 ? '' : 'x'}`);
  const file = importFile('points.csv', `customerprofileid,amount\n${rows.join('\n')}\n`);
  const report = besides(file, 'report.csv');
  const child = start(['import', 'loyalty-points', file, '--program', '1', '--dry-run', '--report', report], {
    env: { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' },
  });
  expect(await child.ended).toMatchObject({ code: 1 });
  const lines = child.stderr.trim().split('\n');
  expect(lines[0]).toBe('line 2, amount: must not be empty');
  expect(lines[20]).toBe(`… and 10 more: see ${report}`);
  expect(lines.at(-1)).toBe('points.csv has 30 problems. Nothing was sent.');
  const careless = start(['import', 'loyalty-points', file, '--program', '1', '--dry-run', '--report', file]);
  expect(await careless.ended).toMatchObject({ code: 1 });
  expect(careless.stderr).toContain('there is a file that is no report of an import');
  expect(textOf(file)).toMatch(/^customerprofileid,amount\n/);
  const reported = textOf(report).trim().split('\n');
  expect(reported).toHaveLength(31);
  expect(reported[2]).toBe('3,amount,x,"must be a number above 0, with a point and no thousands separators"');
  expect(simulator.requests).toEqual([]);
});

test('what adds is not sent without DATABASE_URL: a journal in some folder would not know it elsewhere', async (context) => {
  const { simulator, start } = await deploy(context);
  const file = importFile('gifts.csv', 'code\nGIFT\n');
  const child = start(['import', 'giveaways', file, '--pool', '3'], { env: { DATABASE_URL: undefined } });
  expect(await child.ended).toMatchObject({ code: 1 });
  expect(child.stderr).toContain('DATABASE_URL is not set: set it, or DATABASE_URL_FILE');
  expect(child.stderr).toContain('never sent twice');
  expect(simulator.requests).toEqual([]);
});
