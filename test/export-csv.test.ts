import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CsvPart, csvParts, FinalLineEnd } from '../src/export/csv-rows.js';
import { cellsOf } from '../src/export/csv-scanner.js';

// What an export sends is passed on byte for byte, but only if it is a complete CSV.

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

interface Read {
  readonly bytes: Buffer;
  readonly records: readonly Buffer[];
  readonly columns: readonly string[];
}

async function read(
  body: string | Buffer,
  options: { sizes?: readonly number[]; proof?: readonly string[]; ending?: FinalLineEnd } = {},
): Promise<Read> {
  const { sizes = [7], proof = ['id'], ending = new FinalLineEnd() } = options;
  const parts: CsvPart[] = [];
  const expected = { endpoint: 'GET /export', proof, ending };
  for await (const part of csvParts(chunksOf(Buffer.from(body), sizes), expected)) parts.push(part);
  return {
    bytes: Buffer.concat(parts.map((part) => part.bytes)),
    records: parts.flatMap((part) =>
      part.kind === 'rows'
        ? part.ends.map((end, index) => part.bytes.subarray(part.ends[index - 1] ?? 0, end))
        : [],
    ),
    columns: parts.flatMap((part) => (part.kind === 'header' ? part.columns : [])),
  };
}

const cell = fc.oneof(
  fc.constantFrom('', 'plain', 'ü 漢', '0001-01-01T00:00:00Z'),
  fc.constantFrom('a,b', 'a"b', '"', 'two\nlines', 'two\r\nlines', '{"a":[1,"x"]}').map(quoted),
);
const document = fc
  .record({
    rows: fc.array(fc.tuple(cell, cell, cell), { maxLength: 12 }),
    lineEnd: fc.constantFrom('\n', '\r\n'),
    mark: fc.constantFrom('', '\ufeff'),
    quotedHeader: fc.boolean(),
  })
  .map(({ rows, lineEnd, mark, quotedHeader }) => {
    const header = (quotedHeader ? ['id', 'name', 'note'].map(quoted) : ['id', 'name', 'note']).join(',');
    const lines = rows.map((cells, index) =>
      [`${index}${cells[0]}`.replace(/^\d+"/, '"'), cells[1], cells[2]].join(','),
    );
    return { text: `${mark}${[header, ...lines].map((line) => line + lineEnd).join('')}`, lines, lineEnd };
  });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

describe('any CSV, however it arrives in pieces', () => {
  test('comes out byte for byte, its rows where RFC 4180 ends them', async () => {
    await fc.assert(
      fc.asyncProperty(document, sizes, async ({ text, lines, lineEnd }, pieces) => {
        const { bytes, records, columns } = await read(text, { sizes: pieces });
        expect(bytes.toString()).toBe(text);
        expect(columns).toEqual(['id', 'name', 'note']);
        expect(records.map(String)).toEqual(lines.map((line) => line + lineEnd));
      }),
    );
  });

  test('has the cells that a CSV parser finds in it', async () => {
    await fc.assert(
      fc.asyncProperty(document, async ({ text }) => {
        const { records } = await read(text);
        const cells = records.map((record) =>
          cellsOf(record).map((one) => Buffer.from(one, 'latin1').toString('utf8')),
        );
        expect(cells).toEqual(parse(text, { bom: true }).slice(1));
      }),
    );
  });

  test('is refused when it is cut anywhere inside a row', async () => {
    await fc.assert(
      fc.asyncProperty(document, fc.nat(), sizes, async ({ text, lines, lineEnd }, at, pieces) => {
        const whole = Buffer.from(text);
        const ends = lines.map(
          (_, index) =>
            whole.length -
            Buffer.byteLength(
              lines
                .slice(index)
                .map((line) => line + lineEnd)
                .join(''),
            ),
        );
        const cut = at % whole.length;
        fc.pre(!ends.includes(cut));
        await expect(read(whole.subarray(0, cut), { sizes: pieces })).rejects.toMatchObject({
          failure: 'body',
        });
      }),
    );
  });
});

test.each([
  ['a page of HTML', '<!DOCTYPE html>\n<html><body>id,name</body></html>\n', 'begins with: <!DOCTYPE'],
  ['an error as JSON', '{"message":"id,try later","errors":[]}\n', 'begins with: {"message"'],
  ['a line of a proxy', 'upstream connect error\n', 'no column "id"'],
  ['nothing', '', 'it is empty'],
  ['line ends alone', '\n\n', 'it is empty'],
  ['another export', 'code,name\nx,y\n', 'no column "id"'],
])('%s is never taken for an export', async (_, body, complaint) => {
  await expect(read(body)).rejects.toThrow(complaint);
});

test('an export without documented columns needs a header of more than one', async () => {
  expect((await read('anything,else\n1,2\n', { proof: [] })).records).toHaveLength(1);
  await expect(read('upstream connect error\n', { proof: [] })).rejects.toThrow('no header');
});

test('documented oddities pass: a cell more than the header has, JSON without quotes, year 1', async () => {
  const text =
    'id,attributes,note\n1,{"ForumPosts": 17},5" nail\n2,,0001-01-01T00:00:00Z,active,9\n3,{"a": 1, "b": 2},\n';
  const { bytes, records } = await read(text);
  expect(bytes.toString()).toBe(text);
  expect(records).toHaveLength(3);
});

describe('a last row without a line end', () => {
  const text = 'id,name\n1,a\n2,b';

  test('is believed once a second answer of the same length ends so, and then always', async () => {
    const ending = new FinalLineEnd();
    await expect(read(text, { ending })).rejects.toThrow('may be cut short');
    expect((await read(text, { ending })).bytes.toString()).toBe(text);
    expect((await read('id,name\n7,seven', { ending })).records.map(String)).toEqual(['7,seven']);
  });

  test('is not believed when the answers differ, or when it lacks cells', async () => {
    const ending = new FinalLineEnd();
    await expect(read(text, { ending })).rejects.toThrow('may be cut short');
    await expect(read(`${text}c`, { ending })).rejects.toThrow('may be cut short');
    for (const cut of ['id,name\n1,a\n2', 'id,name\n1,a\n2,"b']) {
      await expect(read(cut, { ending })).rejects.toThrow('inside a row');
      await expect(read(cut, { ending })).rejects.toThrow('inside a row');
    }
  });
});
