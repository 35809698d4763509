import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { importProgress } from '../src/commands/import-progress.js';
import { csvLine } from '../src/import/csv-line.js';
import { inOrder } from '../src/import/in-order.js';
import { SeenIds } from '../src/import/seen-ids.js';
import { membersOf } from '../src/json/members.js';

test('texts are known again among hundreds of thousands, and none is taken for another', () => {
  const seen = new SeenIds();
  const ids = Array.from({ length: 200_000 }, (_, index) => `customer-${index}`);
  expect(ids.filter((id) => !seen.add(id))).toEqual([]);
  expect(ids.filter((id) => seen.add(id))).toEqual([]);
  expect(seen.add('')).toBe(true);
  expect(seen.add('')).toBe(false);
});

test('whatever is in the cells, a written line reads back the same', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 5 }), (cells) => {
      expect(parse(`${csvLine(cells)}\n`, { record_delimiter: '\n' })).toEqual([cells]);
    }),
  );
});

test('members keep their text, nested ones and escapes included', () => {
  const text = '{ "a" : 1.10, "b":{"a":[1,{"c":"}"}]}, "\\u0063" : [ ] ,"d":"x\\"y" }';
  expect(membersOf(text)).toEqual([
    ['a', '1.10'],
    ['b', '{"a":[1,{"c":"}"}]}'],
    ['c', '[ ]'],
    ['d', '"x\\"y"'],
  ]);
  expect(membersOf('{}')).toEqual([]);
});

test('work of one key keeps its order, never two at once; all in all so many at most', async () => {
  const items = Array.from({ length: 200 }, (_, index) => ({ index, key: `key-${(index * index) % 13}` }));
  const running: string[] = [];
  const done = new Map<string, number[]>();
  let most = 0;
  await inOrder(
    items,
    ({ key }) => key,
    4,
    async ({ index, key }) => {
      expect(running).not.toContain(key);
      running.push(key);
      most = Math.max(most, running.length);
      for (let turn = 0; turn < index % 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      running.splice(running.indexOf(key), 1);
      done.set(key, [...(done.get(key) ?? []), index]);
      return true;
    },
  );
  expect(most).toBe(4);
  expect([...done.values()].flat()).toHaveLength(200);
  for (const list of done.values()) expect(list).toEqual([...list].sort((a, b) => a - b));
});

test('when one says stop or fails, no new one is begun, and those under way are waited for', async () => {
  const begun: number[] = [];
  let ended = 0;
  const work = async (item: number) => {
    begun.push(item);
    await new Promise((resolve) => setImmediate(resolve));
    ended += 1;
    if (item === 1) throw new Error('broken');
    return true;
  };
  await expect(inOrder([0, 1, 2, 3, 4, 5], String, 2, work)).rejects.toThrow('broken');
  expect(begun.length).toBeLessThan(6);
  expect(ended).toBe(begun.length);
});

test('without a terminal nothing is drawn', () => {
  const written: string[] = [];
  const output = {
    isTTY: false,
    write: (text: string) => written.push(text),
  } as unknown as NodeJS.WriteStream;
  const progress = importProgress(100, output);
  progress.checked(50);
  progress.found(10);
  progress.sent(10);
  progress.end();
  expect(written).toEqual([]);
});
