import { expect, test } from 'vitest';
import { pagedRecords } from '../src/export/paged-records.js';
import type { ListPage, Paging } from '../src/talon-one/management.js';

// Lists that are read by offset. What shifts under the reading is tried with the simulator.

type Answer = { data: readonly { id?: number }[]; hasMore?: boolean; total?: number };

async function read(answer: (paging: Paging, request: number) => Answer): Promise<string[]> {
  let requests = 0;
  const list = async (paging: Paging): Promise<ListPage> => {
    requests += 1;
    const { data, hasMore, total } = answer(paging, requests);
    if (requests > 20) throw new Error('the list is read for ever');
    const text = JSON.stringify({ data });
    return { text, data, hasMore, total, serverTime: undefined, source: 'GET', mayChange: false };
  };
  const records: string[] = [];
  const keyOf = (record: unknown) => (record as { id?: number }).id;
  for await (const page of pagedRecords(list, 2, keyOf)) records.push(...page);
  return records;
}

const three = [{ id: 1 }, { id: 2 }, { id: 3 }];
const all = three.map((record) => JSON.stringify(record));

test.each<[string, (rest: Answer['data'], read: number) => Answer]>([
  ['hasMore', (data, read) => ({ data, hasMore: read < 3 })],
  ['a total', (data) => ({ data, total: 3 })],
  ['nothing but a page that is not full', (data) => ({ data })],
])('a list whose end is told by %s is read to its end', async (_, answer) => {
  expect(await read(({ skip }) => answer(three.slice(skip, skip + 2), Math.min(3, skip + 2)))).toEqual(all);
});

test('an empty page that promises more is asked for again, and never taken for the end', async () => {
  const hiccup = await read(({ skip }, request) =>
    request === 2 ? { data: [], hasMore: true } : { data: three.slice(skip, skip + 2), hasMore: skip < 2 },
  );
  expect(hiccup).toEqual(all);
  const endless = read(({ skip }) => ({ data: three.slice(skip, skip + 2), hasMore: true }));
  await expect(endless).rejects.toThrow('empty pages although it says that more follows');
});

test('records without a key are never taken for one another', async () => {
  const records = [{}, {}, {}, {}, {}];
  expect(await read(({ skip }) => ({ data: records.slice(skip, skip + 2), hasMore: skip < 4 }))).toHaveLength(
    5,
  );
});
