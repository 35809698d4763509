import { expect, test } from 'vitest';
import { BorderRows } from '../src/export/border-rows.js';
import { Output } from '../src/export/output.js';
import { RecordWriter } from '../src/export/record-writer.js';
import { parseInstant } from '../src/instant.js';
import { testLog } from './support/sync.js';

test('a member that shows up after the header is out is told by name, once, and its record is written', async () => {
  const { log, lines } = testLog();
  let text = '';
  const sink = {
    position: 0,
    write: async (bytes: Buffer) => {
      text += bytes.toString();
    },
    rewind: async () => false,
    finish: async () => {},
    discard: async () => {},
  };
  const writer = new RecordWriter(new Output(sink, () => {}), 'csv', ['id', 'name'], log);
  await writer.write(['{"id":1,"extra":2}']);
  await writer.write(['{"id":2,"late":3}', '{"id":3,"late":4,"name":"x","later":5}']);
  await writer.end();
  expect(text).toBe('id,name,extra\n1,,2\n2,,\n3,x,\n');
  expect(lines.map(({ level, msg, members }) => ({ level, msg, members }))).toEqual([
    { level: 'warn', msg: 'later records have members without a column', members: ['late', 'later'] },
  ]);
});

test('rows whose times cannot be read are remembered up to a bound, and then the export says so', () => {
  const border = parseInstant('2026-03-01T00:00:00Z');
  const rows = new BorderRows(['id', 'created'], { key: ['id'], time: 'created' }, undefined, border);
  const row = (id: number) => Buffer.from(`${id},01.03.2026\n`);
  let fresh = 0;
  for (let id = 1; id <= 100_000; id += 1) fresh += rows.isNew(row(id)) ? 1 : 0;
  expect(fresh).toBe(100_000);
  expect(() => rows.isNew(row(100_001))).toThrow('by times such as "01.03.2026": ask for shorter ranges');
});
