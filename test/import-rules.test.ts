import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

// The rules of ARCHITECTURE.md, read from the sources. A failure names the file and the rule it breaks.

const src = fileURLToPath(new URL('../src', import.meta.url));

interface Source {
  /** Path below src/. */
  readonly file: string;
  /** First folder of the path, or the file itself where it lies in src/. */
  readonly part: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

interface Import {
  /** Path below src/, or the name of a package. */
  readonly target: string;
  readonly isOwn: boolean;
}

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map(readSource);

function readSource(file: string): Source {
  const text = readFileSync(join(src, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return {
    file,
    part: partOf(file),
    text,
    imports: specifiers.map((specifier) => toImport(file, specifier)),
  };
}

function toImport(file: string, specifier: string): Import {
  if (!specifier.startsWith('.')) return { target: specifier, isOwn: false };
  const target = relative(src, resolve(src, dirname(file), specifier)).replace(/\.js$/, '.ts');
  return { target, isOwn: true };
}

function partOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file;
}

function breaches(rule: string, isBreach: (source: Source, one: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((one) => isBreach(source, one))
      .map((one) => `${source.file} imports ${one.target}: ${rule}`),
  );
}

function linesWith(pattern: RegExp, rule: string, isAllowed: (source: Source) => boolean): string[] {
  return sources
    .filter((source) => !isAllowed(source))
    .flatMap((source) =>
      source.text
        .split('\n')
        .filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line) && pattern.test(line))
        .map((line) => `${source.file} has "${line.trim()}": ${rule}`),
    );
}

const FOLDERS = ['commands', 'sync', 'talon-one', 'warehouse', 'health', 'json'];
const isLeaf = (part: string) => !FOLDERS.includes(part) && part !== 'main.ts';

/** What each part may import beside itself and the leaves. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['commands'],
  commands: ['sync', 'talon-one', 'warehouse', 'health', 'json'],
  sync: ['talon-one', 'warehouse', 'json'],
  'talon-one': ['json'],
  warehouse: ['json'],
  health: [],
  json: [],
};

describe('import rules', () => {
  test('there is something to check', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(sources.flatMap((source) => source.imports).length).toBeGreaterThan(100);
  });

  test('imports go one way: main, commands, sync, talon-one | warehouse, leaves', () => {
    const rule = 'imports go main → commands → sync → talon-one | warehouse → leaves';
    expect(
      breaches(rule, ({ part }, { target, isOwn }) => {
        const to = partOf(target);
        if (!isOwn || to === part || isLeaf(to)) return false;
        return isLeaf(part) || !(MAY_IMPORT[part] ?? []).includes(to);
      }),
    ).toEqual([]);
  });

  test('every import of our own leads to a file', () => {
    const files = new Set(sources.map((source) => source.file));
    expect(breaches('there is no such file', (_, one) => one.isOwn && !files.has(one.target))).toEqual([]);
  });

  test('axios is known to talon-one/http.ts alone, pg to warehouse/', () => {
    expect(
      breaches('axios only in talon-one/http.ts', ({ file }, { target }) => {
        return target === 'axios' && file !== 'talon-one/http.ts';
      }),
    ).toEqual([]);
    expect(
      breaches('pg only in warehouse/', ({ part }, { target }) => target === 'pg' && part !== 'warehouse'),
    ).toEqual([]);
  });

  test('the environment is read in config.ts alone', () => {
    const rule = 'process.env only in config.ts';
    expect(linesWith(/process\.env/, rule, ({ file }) => file === 'config.ts')).toEqual([]);
  });

  test('the time of day is read in clock.ts alone', () => {
    const rule = 'time only through clock.ts';
    const pattern =
      /Date\.now\(|new Date\(\)|performance\.now\(|process\.hrtime|timers\/promises|setInterval\(/;
    expect(linesWith(pattern, rule, ({ file }) => file === 'clock.ts')).toEqual([]);
  });

  test('SQL is written in warehouse/ alone', () => {
    const rule = 'SQL only in warehouse/ and migrations/';
    const pattern =
      /['"`]\s*(select|insert into|update|delete from|with \w+ as|begin|commit|create table)\b/i;
    const texts = linesWith(pattern, rule, ({ part }) => part === 'warehouse' || part === 'commands');
    expect(texts).toEqual([]);
    expect(linesWith(/\.query\(/, rule, ({ part }) => part === 'warehouse')).toEqual([]);
  });
});
