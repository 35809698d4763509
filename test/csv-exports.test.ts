import { describe, expect, test } from 'vitest';
import { ApiError } from '../src/talon-one/api-error.js';
import { CsvExports, type CsvRow } from '../src/talon-one/csv-exports.js';
import { quickRetry } from './support/management-client.js';

const request = {
  template: '/v1/loyalty_programs/{loyaltyProgramId}/export_join_dates',
  parameters: { loyaltyProgramId: '1' },
  query: {},
  required: ['profileintegrationid', 'joindate'],
};
const HEADER = 'profileIntegrationID,joinDate';

async function* inPieces(text: string, length: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(text: string, length = 7): Promise<{ rows: CsvRow[]; pages: number[] }> {
  const exports = new CsvExports(async () => inPieces(text, length), quickRetry);
  const pages: CsvRow[][] = [];
  for await (const page of exports.pages(request, { signal: new AbortController().signal })) pages.push(page);
  return { rows: pages.flat(), pages: pages.map((page) => page.length) };
}

test.each([
  ['as documented', `${HEADER}\nada,2024\nbob,2025\n`],
  ['with a byte order mark and CRLF', `\ufeff${HEADER}\r\nada,2024\r\nbob,2025\r\n`],
  ['without a last line end', `${HEADER}\nada,2024\nbob,2025`],
  ['columns in another order and spelling', 'JOINDATE, profileintegrationid\n2024,ada\n2025,bob\n'],
  ['more values than columns', `${HEADER}\nada,2024,5\nbob,2025,5\n`],
  ['everything in quotes', `"profileIntegrationID","joinDate"\n"ada","2024"\n"bob","2025"\n`],
])('rows are read by the names of their columns: %s', async (_name, text) => {
  expect((await read(text)).rows).toEqual([
    { profileintegrationid: 'ada', joindate: '2024' },
    { profileintegrationid: 'bob', joindate: '2025' },
  ]);
});

test('cells with quotes, line ends and letters of several bytes survive any cut between pieces', async () => {
  const text = `${HEADER},note\n"a ""b"", c",2024,"first\nsecond"\nzoë 🍀,2025,{}\n`;
  for (const length of [1, 2, 3, 5, 1000]) {
    expect((await read(text, length)).rows).toEqual([
      { profileintegrationid: 'a "b", c', joindate: '2024', note: 'first\nsecond' },
      { profileintegrationid: 'zoë 🍀', joindate: '2025', note: '{}' },
    ]);
  }
});

test('a large file is handed on in pages', async () => {
  const rows = Array.from({ length: 2500 }, (_, index) => `cust-${index},2024`);
  expect((await read(`${HEADER}\n${rows.join('\n')}\n`, 4096)).pages).toEqual([1000, 1000, 500]);
});

test('a file without rows is a file', async () => {
  expect((await read(`${HEADER}\n`)).rows).toEqual([]);
});

describe('what is not the whole file is an error that says so', () => {
  test.each([
    ['nothing at all', '', /it is empty/],
    ['a web page', '<html><body>Please log in</body></html>', /no column "profileintegrationid"/],
    ['an error as JSON', '{"message":"internal"}', /Invalid Opening Quote/],
    ['another export', 'loyaltyProgramID,profileIntegrationID\n1,ada\n', /no column "joindate"/],
    ['an end inside a row', `${HEADER}\nada,2024\nbo`, /line 3/],
    ['an end inside quotes', `${HEADER}\nada,2024\n"bob`, /quote/i],
  ])('%s', async (_name, text, problem) => {
    const error = await read(text).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).message).toMatch(problem);
    expect((error as ApiError).message).toContain('export_join_dates');
  });
});

test('a reader that stops early closes the connection', async () => {
  let isClosed = false;
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      yield Buffer.from(`${HEADER}\n`);
      for (;;) yield Buffer.from('ada,2024\n'.repeat(500));
    } finally {
      isClosed = true;
    }
  }
  const exports = new CsvExports(async () => endless(), quickRetry);
  for await (const page of exports.pages(request, { signal: new AbortController().signal })) {
    expect(page).toHaveLength(1000);
    break;
  }
  await expect.poll(() => isClosed).toBe(true);
});
