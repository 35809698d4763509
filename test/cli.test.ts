import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../src/commands/command-line.js';
import { csvImports } from '../src/import/csv-imports.js';
import { packageRoot, packageVersion } from '../src/package-info.js';

// What the command line answers without doing any work. The commands themselves run in the e2e tests.

let out = '';
let err = '';

beforeEach(() => {
  [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  // No configuration from where the test happens to run.
  vi.spyOn(process, 'cwd').mockReturnValue('/nonexistent');
  for (const name of Object.keys(process.env)) {
    if (/^(TALON_ONE_|DATABASE_URL|PAGE_SIZE)/.test(name)) vi.stubEnv(name, undefined);
  }
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('help', () => {
  test('lists every command and the exit codes', async () => {
    expect(await main(['--help'])).toBe(0);
    for (const command of ['run', 'once', 'snapshot-loyalty', 'migrate', 'check', 'export', 'import'])
      expect(out).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(out).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage.');
    expect(err).toBe('');
  });

  test.each(['run', 'once', 'snapshot-loyalty', 'migrate', 'check'])(
    'exists for %s, with an example',
    async (command) => {
      expect(await main([command, '--help'])).toBe(0);
      expect(out).toContain(`talon-one-sync ${command}`);
    },
  );

  test.each(csvImports)('import $name tells its options and columns', async ({ name, path, columns }) => {
    expect(await main(['import', name, '--help'])).toBe(0);
    for (const { option } of path) expect(out).toContain(`--${option} <id>`);
    for (const column of columns) expect(out).toContain(column.name);
    expect(out).toContain('--dry-run');
  });

  test('the version is that of package.json', async () => {
    expect(await main(['--version'])).toBe(0);
    const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(out.trim()).toBe(manifest.version);
    expect(packageVersion()).toBe(manifest.version);
  });
});

describe('wrong usage', () => {
  const imports: [words: string[], complaint: string][] = [
    [['loyalty-points', 'a.csv'], "required option '--program <id>' not specified"],
    [['loyalty-points', '--program', '1'], "missing required argument 'file'"],
    [['collection', 'a.csv', '--collection', '5'], 'say so with --replace'],
    [['collection', 'a.csv', '--collection', 'five', '--replace'], 'Expected a whole number'],
    [['profiles', 'a.csv', '--map', 'No'], 'Expected COLUMN=NAME'],
    [['profiles', 'a.csv', '--type', 'Age=integer'], 'Expected NAME=TYPE'],
    [['profiles', 'a.csv', '--delimiter', ';;'], 'Expected one character'],
    [['coupons', 'a.csv', '--application', '1', '--campaign', '2', '--settle', 'maybe'], 'Allowed choices'],
    [['nothing', 'a.csv'], "unknown command 'nothing'"],
  ];

  test.each(imports)('import %j ends with 2: %s', async (words, complaint) => {
    expect(await main(['import', ...words])).toBe(2);
    expect(err).toContain(complaint);
  });

  test.each([
    [['sync']],
    [['snapshot-loyalty', '--program', 'one']],
    [['snapshot-loyalty', '--kind', 'points']],
    [['run', '--fast']],
    [['check', '--json', 'extra']],
    [['--verbose']],
  ])('%j ends with 2 and says where to look', async (words) => {
    expect(await main(words)).toBe(2);
    expect(err).toContain('--help');
    expect(out).toBe('');
  });
});

describe('bad configuration', () => {
  test.each([[[]], [['run']], [['once']]])('%j ends with 1 before anything else happens', async (words) => {
    expect(await main(words)).toBe(1);
    expect(err).toContain('TALON_ONE_BASE_URL is not set');
    expect(err).toContain('TALON_ONE_API_KEY is not set');
    expect(out).toBe('');
  });

  test('migrate ends with 1 as well, but does not ask for the API', async () => {
    vi.stubEnv('DATABASE_URL', 'mysql://user:hush-hush@host/d');
    expect(await main(['migrate'])).toBe(1);
    expect(err).toContain('DATABASE_URL must be a URL');
    expect(err).not.toContain('TALON_ONE');
    expect(err).not.toContain('hush');
  });

  test('check says it among its findings, for people or as JSON', async () => {
    vi.stubEnv('PAGE_SIZE', '0');
    expect(await main(['check'])).toBe(1);
    expect(out).toMatch(/^PROBLEM +configuration/m);
    out = '';
    expect(await main(['check', '--json'])).toBe(1);
    const report = JSON.parse(out) as { isReady: boolean; findings: { what: string; found: string }[] };
    expect(report.isReady).toBe(false);
    expect(report.findings).toHaveLength(1);
    expect(report.findings[0]).toMatchObject({ what: 'configuration', state: 'problem' });
    expect(report.findings[0]?.found).toContain('PAGE_SIZE must be a whole number');
  });
});
