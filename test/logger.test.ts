import { AxiosError, AxiosHeaders, type InternalAxiosRequestConfig } from 'axios';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogger, type Logger, type LogOptions, scrubber } from '../src/logger.js';
import { ApiError } from '../src/talon-one/api-error.js';

const secret = '9f1c"\\ü/?&=key';

function recorded(options: Partial<LogOptions> = {}): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line) };
  return {
    log: createLogger({ level: 'info', pretty: false, secrets: [secret], ...options }, output),
    lines,
  };
}

function onlyLine(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('a line', () => {
  test('is one JSON object with level, time, message and the fields, and nothing else', () => {
    const { log, lines } = recorded();
    log.child({ applicationId: 7 }).warn({ pages: 3 }, 'cycle finished');
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    const { time, ...rest } = onlyLine(lines);
    expect(rest).toEqual({ level: 'warn', applicationId: 7, pages: 3, msg: 'cycle finished' });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('is written only from the level on that was asked for', () => {
    const { log, lines } = recorded({ level: 'warn' });
    log.info('no');
    log.error('yes');
    expect(onlyLine(lines).msg).toBe('yes');
  });

  test('has an error’s kind, message, code and stack, and what our own errors tell', () => {
    const { log, lines } = recorded();
    const error = new ApiError('no answer', {
      failure: 'network',
      endpoint: 'GET /v1/x',
      code: 'ECONNRESET',
    });
    log.info({ err: error }, 'request failed');
    expect(onlyLine(lines).err).toEqual({
      type: 'ApiError',
      message: 'no answer',
      code: 'ECONNRESET',
      failure: 'network',
      endpoint: 'GET /v1/x',
      stack: expect.stringContaining('logger.test.ts') as string,
    });
  });

  test('has nothing that foreign errors carry about: requests, headers, rows', () => {
    const { log, lines } = recorded({ secrets: [] });
    const config = { headers: new AxiosHeaders({ Authorization: 'ManagementKey-v1 abc' }) };
    const fromAxios = new AxiosError('timeout', 'ECONNABORTED', config as InternalAxiosRequestConfig, {
      path: '/x',
    });
    const fromPg = Object.assign(new Error('duplicate'), {
      code: '23505',
      detail: 'Key (email)=(a@b.c)',
      where: 'x',
    });
    log.info({ err: fromAxios }, 'one');
    log.info({ err: fromPg }, 'two');
    for (const line of lines) {
      expect(Object.keys((JSON.parse(line) as { err: object }).err).sort()).toEqual([
        'code',
        'message',
        'stack',
        'type',
      ]);
    }
    expect(lines.join('')).not.toMatch(/ManagementKey|a@b\.c/);
  });

  test('has whatever was thrown, even if it is no error', () => {
    const { log, lines } = recorded();
    log.info({ err: 'just text' }, 'odd');
    log.info({ err: undefined }, 'none');
    expect((JSON.parse(lines[0] ?? '') as { err: unknown }).err).toEqual({ message: 'just text' });
  });

  test('for people is no JSON, but has the same content', () => {
    const { log, lines } = recorded({ pretty: true });
    log.warn({ pages: 3, note: secret }, 'cycle finished');
    const text = lines.join('');
    expect(text).toContain('cycle finished');
    expect(text).toMatch(/pages.*3/);
    expect(text).not.toContain('{"level"');
    expect(text).toContain('***');
  });
});

describe('secrets', () => {
  const error = new Error(`cannot reach https://user:${encodeURIComponent(secret)}@host`);
  const appearances: [string, object, string][] = [
    ['a message', {}, `key ${secret}`],
    ['a field', { key: secret }, 'x'],
    ['a nested field', { request: { headers: { authorization: `ManagementKey-v1 ${secret}` } } }, 'x'],
    ['the name of a field', { [secret]: 1 }, 'x'],
    ['an error’s message and stack', { err: new Error(secret) }, 'x'],
    ['an error’s cause', { err: new Error('outer', { cause: new Error(secret) }) }, 'x'],
    ['a URL', { err: error }, 'x'],
    ['base64', { header: Buffer.from(secret).toString('base64') }, 'x'],
    ['JSON within JSON', { body: JSON.stringify({ key: secret }) }, 'x'],
  ];

  test.each(appearances)('do not appear as %s', (_, fields, message) => {
    for (const pretty of [false, true]) {
      const { log, lines } = recorded({ pretty });
      log.info(fields, message);
      const text = lines.join('');
      expect(text).toContain('***');
      expect(text).not.toContain('9f1c');
    }
  });

  test('of which one is a part of another are blanked whole', () => {
    expect(scrubber(['abcd', 'abcdefgh'])('abcdefgh abcd')).toBe('*** ***');
  });

  test('are blanked in any text, in every spelling', () => {
    const word = fc.string({ minLength: 4, unit: 'grapheme-ascii' }).filter((text) => !text.includes('*'));
    fc.assert(
      fc.property(word, fc.string(), fc.string(), (key, before, after) => {
        fc.pre(!(before + after).includes('*'));
        const scrub = scrubber([key]);
        const spellings = [
          key,
          encodeURIComponent(key),
          JSON.stringify(key).slice(1, -1),
          Buffer.from(key).toString('base64'),
        ];
        for (const spelling of spellings) {
          const scrubbed = scrub(`${before}${spelling}${after}`);
          expect(scrubbed).not.toContain(key);
          expect(scrubbed).toContain('***');
        }
      }),
    );
  });

  test('none given, nothing is changed', () => {
    expect(scrubber([])('text')).toBe('text');
  });
});
