import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { runExport } from '../src/commands/export-run.js';
import { loadConfig } from '../src/config.js';
import { Output } from '../src/export/output.js';
import { FileSink, OutputClosedError, StreamSink } from '../src/export/sink.js';
import { testLog } from './support/sync.js';

// A file is complete or not there.

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-sink-'));
  path = join(folder, 'export.csv');
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

const text = (value: string) => Buffer.from(value);

test('the file has its name only when it is finished', async () => {
  const sink = await FileSink.create(path, false);
  await sink.write(text('id\n'));
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.export\.csv\.\w+\.part$/)]);
  await sink.write(text('1\n'));
  await sink.finish();
  expect(await readdir(folder)).toEqual(['export.csv']);
  expect(await readFile(path, 'utf8')).toBe('id\n1\n');
});

test('a file that exists is kept, also one that came meanwhile, unless force replaces it', async () => {
  const sink = await FileSink.create(path, false);
  await sink.write(text('new'));
  await writeFile(path, 'old');
  await expect(FileSink.create(path, false)).rejects.toThrow(
    'exists already: choose another name with --output',
  );
  await expect(sink.finish()).rejects.toThrow('--force');
  await sink.discard();
  expect(await readFile(path, 'utf8')).toBe('old');
  const forced = await FileSink.create(path, true);
  await forced.write(text('new'));
  expect(await readFile(path, 'utf8')).toBe('old');
  await forced.finish();
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(folder)).toEqual(['export.csv']);
});

test('what is discarded leaves nothing behind', async () => {
  const sink = await FileSink.create(path, false);
  await sink.write(text('half'));
  await sink.discard();
  expect(await readdir(folder)).toEqual([]);
});

test('a place that cannot be written is named, with its reason', async () => {
  await expect(FileSink.create(join(folder, 'no/such.csv'), false)).rejects.toThrow(
    /such\.csv .*ENOENT.*--output/,
  );
  await mkdir(path);
  await expect(FileSink.create(path, false)).rejects.toThrow('exists already');
});

test('a file goes back to a mark, with its rows, and on from there', async () => {
  const sink = await FileSink.create(path, false);
  const seen: number[] = [];
  const output = new Output(sink, (rows) => seen.push(rows));
  await output.write(text('id\n'), 0);
  const mark = output.mark();
  await output.write(text('1\n2\n3\n'), 3);
  expect(await output.rewind(mark)).toBe(true);
  await output.write(text('4\n'), 1);
  await sink.finish();
  expect(await readFile(path, 'utf8')).toBe('id\n4\n');
  expect([output.rows, output.bytes, seen]).toEqual([1, 5, [0, 3, 1]]);
});

test('a stream goes back only where nothing was written since', async () => {
  const sink = new StreamSink(new PassThrough());
  const output = new Output(sink, () => {});
  const mark = output.mark();
  expect(await output.rewind(mark)).toBe(true);
  await output.write(text('1\n'), 1);
  expect(await output.rewind(mark)).toBe(false);
});

test('a reader that has gone is told from other failures', async () => {
  const failWith = (code: string) => {
    const stream = new PassThrough({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
    });
    return new StreamSink(stream).write(text('1'));
  };
  await expect(failWith('EPIPE')).rejects.toBeInstanceOf(OutputClosedError);
  await expect(failWith('ENOSPC')).rejects.toThrow('ENOSPC');
});

test('nothing is left where the file was to be when the database cannot be reached', async () => {
  const config = loadConfig({
    TALON_ONE_BASE_URL: 'http://127.0.0.1:9',
    TALON_ONE_API_KEY: 'key',
    DATABASE_URL: 'postgresql://127.0.0.1:9/none',
  });
  const job = {
    name: 'events',
    prepared: { source: 'api', run: async () => {} } as const,
    values: {},
    destination: { kind: 'file', path, force: false } as const,
    idleMs: 1000,
  };
  const { signal } = new AbortController();
  await expect(runExport(job, config, testLog().log, signal)).rejects.toThrow('Postgres cannot be reached');
  expect(await readdir(folder)).toEqual([]);
});
