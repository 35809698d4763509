import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OptionValues } from '../src/export/options.js';
import { formatInstant, type Instant, parseInstant, SECOND } from '../src/instant.js';
import { ApiError } from '../src/talon-one/api-error.js';
import type { HttpRequest, OpenStream } from '../src/talon-one/http.js';
import { runExportHere } from './support/export-run.js';
import { quickRetry } from './support/management-client.js';

// A range that a server cannot deliver at once is read in windows. What came out must be what one answer would have had.

const START = parseInstant('2026-03-01T00:00:00Z') ?? 0n;
const END = START + 60n * SECOND;

interface Row {
  readonly created: Instant;
  readonly text: string;
}

interface Server {
  readonly rows: readonly Row[];
  /** More rows than these take too long. */
  readonly limit: number;
  readonly after: 'inclusive' | 'exclusive';
  readonly before: 'inclusive' | 'exclusive';
  /** Bounds and times are compared in whole seconds. */
  readonly wholeSeconds: boolean;
  readonly dateFormat: 'ISO8601' | 'excel';
  readonly failure: 'timeout' | 504 | 'cut';
  /** Whether the last row has a line end. */
  readonly endsLine: boolean;
}

function answer(server: Server, { query = {} }: HttpRequest): readonly Row[] {
  const bound = (name: string) => parseInstant(String(query[name] ?? ''));
  const comparable = (at: Instant) => (server.wholeSeconds ? at / SECOND : at);
  const [after, before] = [bound('createdAfter'), bound('createdBefore')];
  return server.rows.filter(({ created }) => {
    const at = comparable(created);
    const isAfter = after === undefined || at > comparable(after);
    const isBefore = before === undefined || at < comparable(before);
    return (
      (isAfter || (server.after === 'inclusive' && after !== undefined && at === comparable(after))) &&
      (isBefore || (server.before === 'inclusive' && before !== undefined && at === comparable(before)))
    );
  });
}

function serve(server: Server, asked: HttpRequest[]): OpenStream {
  return async (request) => {
    asked.push(request);
    const endpoint = `GET ${request.template}`;
    const rows = answer(server, request);
    if (rows.length > server.limit && server.failure !== 'cut') {
      const failure = server.failure === 'timeout' ? 'timeout' : 'status';
      throw new ApiError('too long', { failure, endpoint, status: failure === 'status' ? 504 : undefined });
    }
    return (async function* () {
      const lines = ['id,eventid,created,note', ...rows.map(({ text }) => text)];
      const body = lines.join('\n') + (server.endsLine ? '\n' : '');
      if (rows.length > server.limit) {
        yield Buffer.from(body.slice(0, body.length / 2));
        throw new ApiError('cut', { failure: 'network', endpoint });
      }
      for (let at = 0; at < body.length; at += 50) yield Buffer.from(body.slice(at, at + 50));
    })();
  };
}

async function run(name: string, values: OptionValues, open: OpenStream): Promise<string[]> {
  const retry = { ...quickRetry, retries: 1, minDelayMs: 0, maxDelayMs: 0 };
  const { text, rows } = await runExportHere(name, values, { open, retry, now: END + 3600n * SECOND });
  const lines = text.replace(/\n$/, '').split('\n');
  expect(rows).toBe(lines.length - 1);
  return lines;
}

function timeText(created: Instant, format: Server['dateFormat']): string {
  const text = formatInstant(created - (created % SECOND));
  return format === 'excel' ? text.replace('T', ' ').replace('Z', '') : text;
}

const servers = fc
  .record({
    // Many in the same second, some in the same microsecond, some on the very borders.
    offsets: fc.array(
      fc.oneof(
        fc.nat(60).map((s) => s * 1_000_000),
        fc.nat(60_000_000),
      ),
      { minLength: 1, maxLength: 60 },
    ),
    copies: fc.nat(2),
    after: fc.constantFrom('inclusive' as const, 'exclusive' as const),
    before: fc.constantFrom('inclusive' as const, 'exclusive' as const),
    wholeSeconds: fc.boolean(),
    dateFormat: fc.constantFrom('ISO8601' as const, 'excel' as const),
    failure: fc.constantFrom('timeout' as const, 504 as const, 'cut' as const),
    endsLine: fc.boolean(),
  })
  .map(({ offsets, copies, dateFormat, ...server }) => {
    const rows = offsets.flatMap((offset, index) => {
      const created = START + BigInt(offset);
      // Effects have no key: the same row twice is two effects.
      const text = `${index},9,${timeText(created, dateFormat)},"a ""note"""`;
      return new Array<Row>(1 + (index % 3 === 0 ? copies : 0)).fill({ created, text });
    });
    // The shortest windows are some seconds long, and what they hold has to come at once.
    const fullest = Math.max(...rows.map((row) => rows.filter((other) => within(row, other, 12n)).length));
    return { ...server, dateFormat, rows, limit: fullest };
  });

function within(a: Row, b: Row, seconds: bigint): boolean {
  const distance = a.created - b.created;
  return distance <= seconds * SECOND && distance >= -seconds * SECOND;
}

test('the windows bring every row of the range, as often as it is there, and the header once', async () => {
  const values = { application: '1', from: formatInstant(START - SECOND), to: formatInstant(END + SECOND) };
  let splits = 0;
  await fc.assert(
    fc.asyncProperty(servers, async (server) => {
      const asked: HttpRequest[] = [];
      const lines = await run('effects', values, serve(server, asked));
      if (asked.length > 1) splits += 1;
      expect(lines[0]).toBe('id,eventid,created,note');
      expect(lines.slice(1).sort()).toEqual(server.rows.map((row) => row.text).sort());
    }),
  );
  expect(splits).toBeGreaterThan(10);
});

test('a range without bounds is cut as well, and its outer windows stay open', async () => {
  const rows = Array.from({ length: 40 }, (_, index) => {
    const created = END + 3600n * SECOND - BigInt(index) * 86_400n * SECOND;
    return { created, text: `${index},9,${timeText(created, 'ISO8601')},` };
  });
  const server: Server = {
    rows,
    limit: 15,
    after: 'exclusive',
    before: 'exclusive',
    wholeSeconds: false,
    dateFormat: 'ISO8601',
    failure: 504,
    endsLine: true,
  };
  const asked: HttpRequest[] = [];
  const lines = await run('effects', { application: '1' }, serve(server, asked));
  expect(lines.slice(1).sort()).toEqual(rows.map((row) => row.text).sort());
  const answered = asked.filter((request) => answer(server, request).length <= server.limit);
  expect(answered.some(({ query }) => query?.createdAfter === undefined)).toBe(true);
  expect(answered.some(({ query }) => query?.createdBefore === undefined)).toBe(true);
});

test('a session that changes between two windows is there once', async () => {
  const created = START + 30n * SECOND;
  let reading = 0;
  const open: OpenStream = async ({ query = {} }) => {
    if (query.createdAfter === formatInstant(START) && query.createdBefore === formatInstant(END))
      throw new ApiError('too long', { failure: 'timeout', endpoint: 'GET' });
    reading += 1;
    const body = `id,integrationid,created,total\n7,s-7,${timeText(created, 'ISO8601')},${reading}.00\n`;
    return (async function* () {
      yield Buffer.from(body);
    })();
  };
  const values = { application: '1', from: formatInstant(START), to: formatInstant(END) };
  const lines = await run('sessions', values, open);
  expect(reading).toBe(2);
  expect(lines).toEqual(['id,integrationid,created,total', `7,s-7,${timeText(created, 'ISO8601')},1.00`]);
});

test('a server that never answers is not asked for ever shorter ranges', async () => {
  const asked: HttpRequest[] = [];
  const open: OpenStream = async (request) => {
    asked.push(request);
    throw new ApiError('too long', { failure: 'timeout', endpoint: 'GET' });
  };
  await expect(run('sessions', { application: '1' }, open)).rejects.toThrow('too long');
  expect(asked.length).toBeLessThan(20);
});
