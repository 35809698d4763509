import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CsvImport, csvImports } from '../src/import/csv-imports.js';
import { csvKind } from '../src/import/csv-kind.js';
import { CsvUnits } from '../src/import/csv-units.js';
import { Problems } from '../src/import/problems.js';
import { checkReportPath } from '../src/import/report-file.js';
import { besides, importFile, textOf } from './support/import-file.js';
import { problemsOf, type ReadOptions, readAs } from './support/import-units.js';

const POINTS = 'customerprofileid,amount';

describe('every import refuses what its documentation forbids', () => {
  const cases: [name: string, content: string, complaint: string][] = [
    ['loyalty-points', `${POINTS}\nanna,"1,50"\n`, 'line 2, amount: must be a number above 0'],
    ['loyalty-points', `${POINTS}\nanna,0\n`, 'line 2, amount: must be a number above 0'],
    ['loyalty-points', `${POINTS},identifier\nanna,1,card\n`, 'either customerprofileid or identifier'],
    ['loyalty-points', `${POINTS}\n,1\n`, 'either customerprofileid or identifier'],
    [
      'loyalty-points',
      `${POINTS},startdate\nanna,1,tomorrow\n`,
      'startdate: must be immediate, on_action or',
    ],
    [
      'loyalty-points',
      `${POINTS},expirydate\nanna,1,2026-02-30T00:00:00Z\n`,
      'expirydate: must be unlimited or',
    ],
    [
      'loyalty-points',
      `${POINTS},validityduration\nanna,1,30 days\n`,
      'validityDuration: must be a whole number',
    ],
    [
      'loyalty-points',
      `${POINTS},validityDuration\nanna,1,7W_D\n`,
      'validityDuration: must be a whole number',
    ],
    [
      'loyalty-points',
      `${POINTS},expirydate,validityDuration\nanna,1,unlimited,30D\n`,
      'validityDuration: must be empty when expirydate is given',
    ],
    [
      'customer-tiers',
      'customerprofileid,tiername,expirydate\nanna,Gold,2020-01-01T00:00:00Z\n',
      'expirydate: must be in the future',
    ],
    [
      'join-dates',
      'customerprofileid,newjoindate\nanna,21.03.2024\n',
      'newjoindate: must be an RFC 3339 time',
    ],
    ['loyalty-cards', 'identifier,state\nCARD 1,active\n', 'identifier: must be made of letters'],
    ['loyalty-cards', 'identifier,state\nCARD-1,blocked\n', 'state: must be active or inactive'],
    ['coupons', 'value\nWELCOME\nOTHER\nWELCOME\n', 'line 4, value: is there twice'],
    ['coupons', 'value,limitval\nAB,-1\n', 'value: must have 3 to'],
    [
      'referrals',
      'code,advocateprofileintegrationid\nREF-1,\n',
      'advocateprofileintegrationid: must not be empty',
    ],
    ['giveaways', 'code,attributes\nGIFT,[1]\n', 'attributes: must be a JSON object'],
    ['audience', 'profileintegrationid,name\nanna,Anna\n', 'name: no such column in this import'],
    ['collection', 'brand\nAdidas\n', 'item: this column is missing'],
    ['campaign-collection', 'item\n', 'file: there is nothing to import in it'],
    ['allowed-values', 'item\na,b\n', 'line 2: the row has 2 cells, the header 1'],
    ['campaign-stores', 'store_integration_id\n""\n', 'store_integration_id: must not be empty'],
    ['store-budgets', 'store_integration_id,limit\nSTORE-001,-1\n', 'limit: must be a number from 0'],
  ];

  test.each(cases)('%s: %j', async (name, content, complaint) => {
    expect((await problemsOf(name, content)).join('\n')).toContain(complaint);
  });

  test('and none of them was left out', () => {
    expect([...new Set(cases.map(([name]) => name))]).toEqual(csvImports.map(({ name }) => name));
  });

  test('a list that is longer than allowed is told the line where it is too long', () => {
    const problems = new Problems();
    const short = { ...csvImports.filter(({ maxRows }) => maxRows === 500_000)[0], maxRows: 2 } as CsvImport;
    const units = new CsvUnits(short, { map: new Map(), ignore: new Set() }, problems);
    units.begin({ firstLine: 1, lastLine: 1, cells: ['item'] });
    for (const line of [2, 3, 4, 5]) units.take({ firstLine: line, lastLine: line, cells: ['x'] });
    expect(problems.lines()).toEqual(['line 4: the list is limited to 2 rows']);
  });
});

describe('a CSV file as people have it', () => {
  const units = async (content: string | Buffer, options: ReadOptions = {}) => {
    const { problems, units: found, header } = await readAs('loyalty-points', content, options);
    expect(problems.lines()).toEqual([]);
    return [header, ...found.map((unit) => [unit.firstLine, unit.lastLine, unit.text])];
  };

  test('byte order mark, CR LF, blank lines and a missing end of the last line change nothing', async () => {
    expect(await units('\ufeffCustomerProfileId,AMOUNT\r\nanna,1\r\n\r\n\r\nbob,2')).toEqual([
      POINTS,
      [2, 2, 'anna,1'],
      [5, 5, 'bob,2'],
    ]);
  });

  test('quotes, commas and line breaks in a cell are kept, and the lines after it still count right', async () => {
    const content = `${POINTS},reason\r\nanna,1,"a ""gift"",\r\nfor\r\nyou"\r\nbob,2,\r\n`;
    expect(await units(content)).toEqual([
      `${POINTS},reason`,
      [2, 4, 'anna,1,"a ""gift"",\r\nfor\r\nyou"'],
      [5, 5, 'bob,2,'],
    ]);
  });

  test('characters and cells that are split between two chunks of the file arrive whole', async () => {
    // 64 KiB are read at a time; rows of an odd number of bytes put the border at every place within a row.
    const rows = Array.from({ length: 6_000 }, (_, index) => `Żółć-${index},1,"é ""${index}"" 😀"`);
    const found = await units(`${POINTS},reason\n${rows.join('\n')}\n`, {
      limits: { units: 2000, bytes: 1e9 },
    });
    expect(found.slice(1).map((unit) => unit[2])).toEqual(rows);
  });

  test('columns are taken for others by --map, left out by --ignore, separated by --delimiter', async () => {
    const options = { map: { Customer: 'customerprofileid' }, ignore: ['Remarks'], delimiter: ';' };
    expect(await units('Customer;Remarks;amount\nanna;x;1\n', options)).toEqual([POINTS, [2, 2, 'anna,1']]);
  });
});

describe('a file that cannot be read right is told so', () => {
  const cases: [what: string, content: string | Buffer, complaints: string[], options?: ReadOptions][] = [
    ['empty', '', ['file: there is nothing to import in it']],
    ['only blank lines', '\n\r\n', ['file: there is nothing to import in it']],
    ['only a header', `${POINTS}\n`, ['file: there is nothing to import in it']],
    [
      'semicolons',
      'customerprofileid;amount\nanna;1\n',
      ['line 1: the columns are separated by ";", not by commas: give --delimiter ";"'],
    ],
    ['a column twice', `${POINTS},Amount\nanna,1,2\n`, ['line 1, Amount: is there twice']],
    ['a column without a name', `${POINTS},\nanna,1,2\n`, ['line 1: column 3 has no name']],
    [
      'a mapped column that is not there',
      `${POINTS}\nanna,1\n`,
      ['line 1, Customer: is named by an option, but there is no such column'],
      { map: { Customer: 'customerprofileid' } },
    ],
    [
      'too many and too few cells',
      `${POINTS}\nanna,1,50\nbob\n`,
      ['line 2: the row has 3 cells, the header 2', 'line 3: the row has 1 cells, the header 2'],
    ],
    [
      'a quote that is never closed',
      `${POINTS}\nanna,1\n"bob,2\ncarl,3\n`,
      ['line 3: a quote is opened here'],
    ],
    ['a quote inside a cell', `${POINTS}\nan"na,1\n`, ['line 2: a quote stands inside a cell']],
    ['text after a quoted cell', `${POINTS}\n"anna"x,1\n`, ['line 2: a quote stands inside a cell']],
    ['Latin-1', Buffer.from(`${POINTS}\nJos\xe9,1\n`, 'latin1'), ['the file is not UTF-8 text']],
    [
      'cut inside a character',
      Buffer.from(`${POINTS}\nJosé`).subarray(0, -1),
      ['the file is not UTF-8 text'],
    ],
    ['a row without end', `${POINTS}\n"${'x'.repeat(5_000_000)}`, ['the row is longer than']],
  ];

  test.each(cases)('%s', async (_what, content, complaints, options = {}) => {
    const lines = await problemsOf('loyalty-points', content, options);
    expect(lines).toHaveLength(complaints.length);
    complaints.forEach((complaint, index) => {
      expect(lines[index]).toContain(complaint);
    });
  });
});

describe('parts', () => {
  const content = `${POINTS}\n${Array.from({ length: 25 }, (_, index) => `customer-${index},1`).join('\n')}\n`;

  test('hold so many rows at most, tell their lines, and depend on nothing but the file', async () => {
    const limits = { units: 10, bytes: 1e6 };
    const { inspection, parts } = await readAs('loyalty-points', content, { limits });
    const places = inspection.parts.map(({ part, firstLine, lastLine, units }) => [
      part,
      firstLine,
      lastLine,
      units,
    ]);
    expect(places).toEqual([
      [1, 2, 11, 10],
      [2, 12, 21, 10],
      [3, 22, 26, 5],
    ]);
    expect(parts.flat()).toHaveLength(25);
    expect((await readAs('loyalty-points', content, { limits })).inspection).toEqual(inspection);
  });

  test('hold so many bytes at most', async () => {
    const { parts } = await readAs('loyalty-points', content, { limits: { units: 1000, bytes: 100 } });
    const bytes = parts.map((units) => units.reduce((sum, unit) => sum + unit.text.length + 1, 0));
    expect(Math.max(...bytes)).toBeLessThanOrEqual(100);
    expect(parts.flat()).toHaveLength(25);
  });
});

test('a list that is replaced and does not fit into one upload is a problem: a second part would replace the first', async () => {
  const what = csvImports.find(({ name }) => name === 'audience');
  if (!what) throw new TypeError('no such import');
  const choice = { map: new Map<string, string>(), ignore: new Set<string>() };
  const { limits } = csvKind(what, { path: { audienceId: '4' }, query: {}, choice, partRows: 1 });
  const file = 'profileintegrationid\nanna\nbob\ncarl\n';
  expect(await problemsOf('audience', file, { limits: { ...limits, bytes: 14 } })).toEqual([]);
  expect(await problemsOf('audience', file, { limits: { ...limits, bytes: 13 } })).toEqual([
    'line 4: the list has to go in one upload of at most 13 bytes',
  ]);
});

test('a report overwrites an earlier report or an empty file, and no other: not the file that is imported', () => {
  const file = importFile('points.csv', 'line,column\n1,2\n');
  expect(() => checkReportPath(file)).toThrow('there is a file that is no report of an import');
  expect(() => checkReportPath(join(file, '..'))).toThrow('The report cannot be written');
  expect(() => checkReportPath(join(file, '..', 'no-folder', 'report.csv'))).toThrow(
    'The report cannot be written',
  );
  const report = besides(file, 'report.csv');
  const problems = new Problems(report);
  checkReportPath(report);
  problems.add(2, 'amount', 'x', 'must be a number');
  problems.close();
  checkReportPath(report);
  checkReportPath(importFile('empty.csv', ''));
  expect(textOf(file)).toBe('line,column\n1,2\n');
});
