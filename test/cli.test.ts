import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
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

/** Names in the list that --help shows. */
function commandsIn(help: string): string[] {
  const [, list = ''] = help.split(/^Commands:$/m);
  return [...(list.split(/\n\n/)[0]?.matchAll(/^ {2}([a-z][a-z-]+)/gm) ?? [])].map(([, name = '']) => name);
}

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

  test('of every command, and of those within export and import, has an example that begins with the command', async () => {
    expect(await main(['--help'])).toBe(0);
    const commands = commandsIn(out);
    expect(commands).toEqual(
      expect.arrayContaining(['status', 'verify', 'backfill', 'forget', 'retention', 'config']),
    );
    const lacking: string[] = [];
    const look = async (...words: string[]) => {
      out = '';
      expect(await main([...words, '--help'])).toBe(0);
      const [usage = '', example = ''] = out.split(/^Examples?:$/m);
      // Variables may stand before it.
      if (!example.includes(`talon-one-sync ${words.join(' ')}`)) lacking.push(words.join(' '));
      return commandsIn(usage);
    };
    for (const command of commands) {
      if (command === 'help') continue;
      for (const inner of await look(command)) if (inner !== 'help') await look(command, inner);
    }
    expect(lacking).toEqual([]);
  });

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
    [['stauts'], '(Did you mean status?)'],
    [['verfy'], '(Did you mean verify?)'],
    [['verify', '--repiar'], '(Did you mean --repair?)'],
    [['retention', '--dry-rnu'], '(Did you mean --dry-run?)'],
    [['exprot'], '(Did you mean export?)'],
    [['forget', '--profil', 'anna'], '(Did you mean --profile?)'],
    [['backfill', '--form', '2026-11-22'], '(Did you mean --from?)'],
    [['export', 'sessions', '--aplication', '1'], '(Did you mean --application?)'],
    [['export', 'sesions'], '(Did you mean sessions?)'],
    [['export', 'sessions', '--application', '1', '--updated-form', 'x'], '(Did you mean --updated-from?)'],
    [['import', 'profile', 'a.csv'], '(Did you mean profiles?)'],
  ])('%j ends with 2: %s', async (words, nearest) => {
    expect(await main(words)).toBe(2);
    expect(err).toContain(nearest);
  });

  test.each([
    [['verify', '--from', 'yesterday'], 'It must be a day such as 2026-01-31'],
    [['verify', '--application', 'shop'], 'It must be a number'],
    [['backfill'], "required option '--from <time>' not specified"],
    [['verify', '--from', '2026-11-22', '--to', '2026-11-20'], 'is not after --from 2026-11-22T00:00:00Z'],
    [['backfill', '--from', '2026-11-22', '--to', '2026-11-22'], 'is not after --from 2026-11-22T00:00:00Z'],
    [['forget'], "required option '--profile <integrationId>' not specified"],
  ])('%j ends with 2: %s', async (words, complaint) => {
    expect(await main(words)).toBe(2);
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

describe('config', () => {
  const settings = async (): Promise<Record<string, { value?: string; origin: string }>> => {
    out = '';
    await main(['config', '--json']);
    const report = JSON.parse(out) as { settings: { name: string; value?: string; origin: string }[] };
    return Object.fromEntries(report.settings.map(({ name, ...rest }) => [name, rest]));
  };

  test('says of each variable what it is and where it comes from', async () => {
    vi.stubEnv('TALON_ONE_BASE_URL', 'https://a.talon.one');
    vi.stubEnv('TALON_ONE_API_KEY', 'hush-hush-key');
    expect(await main(['config'])).toBe(0);
    expect(out).toMatch(/^TALON_ONE_BASE_URL +environment +https:\/\/a\.talon\.one$/m);
    expect(out).toMatch(/^TALON_ONE_API_KEY +environment +\*\*\*$/m);
    expect(out).toMatch(/^SYNC_INTERVAL_SECONDS +default +60$/m);
    expect(out).toMatch(/^SYNC_START +not set$/m);
    expect(out).not.toContain('hush');
  });

  test('a value of the .env file is told from the environment, and a secret from its file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    writeFileSync(join(folder, '.env'), 'SYNC_INTERVAL_SECONDS=30\nPAGE_SIZE=50\n');
    writeFileSync(join(folder, 'key'), 'hush-hush-key\n');
    vi.stubEnv('PAGE_SIZE', '100');
    vi.stubEnv('TALON_ONE_API_KEY_FILE', join(folder, 'key'));
    expect(await settings()).toMatchObject({
      SYNC_INTERVAL_SECONDS: { value: '30', origin: '.env file' },
      PAGE_SIZE: { value: '100', origin: 'environment' },
      TALON_ONE_API_KEY: { value: '***', origin: `file ${join(folder, 'key')}` },
    });
    expect(out).not.toContain('hush');
  });

  test.each([
    [
      'postgresql://user:hush-hush@host:5432/d?sslmode=verify-full',
      'postgresql://user:***@host:5432/d?sslmode=verify-full',
    ],
    ['postgresql://user@host/d?password=hush-hush', 'postgresql://user:***@host/d?password=***'],
    ['postgresql://user:hush-h/ush@host/d', '***'],
    ['mysql://user:hush-hush@host/d', '***'],
  ])('of %s nothing secret is shown', async (url, shown) => {
    vi.stubEnv('DATABASE_URL', url);
    expect((await settings()).DATABASE_URL).toEqual({ value: shown, origin: 'environment' });
    expect(out + err).not.toContain('hush');
  });

  test('what is not usable is said, and the exit code is 1', async () => {
    vi.stubEnv('PAGE_SIZE', '0');
    expect(await main(['config'])).toBe(1);
    expect(out).toContain('PROBLEM  PAGE_SIZE must be a whole number');
    expect(out).toContain('PROBLEM  TALON_ONE_API_KEY is not set');
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
