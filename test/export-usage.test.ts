import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../src/commands/command-line.js';
import { EXPORTS } from '../src/export/entries.js';
import { flagOf } from '../src/export/options.js';

// What the command line says about an export before any work is done.

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
  for (const name of Object.keys(process.env))
    if (/^(TALON_ONE_|DATABASE_URL)/.test(name)) vi.stubEnv(name, undefined);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('export alone lists every export', async () => {
  expect(await main(['export'])).toBe(2);
  for (const { name } of EXPORTS) expect(err).toMatch(new RegExp(`^  ${name} `, 'm'));
});

test.each(EXPORTS)('the help of $name has an example, and all its options', async (entry) => {
  expect(await main(['export', entry.name, '--help'])).toBe(0);
  expect(out).toContain(`talon-one-sync export ${entry.name} ${entry.example}`);
  for (const option of [...entry.required, ...entry.optional]) expect(out).toContain(`  ${flagOf(option)} `);
});

test.each(EXPORTS)('the example of $name is right', async (entry) => {
  vi.stubEnv('DATABASE_URL', 'nowhere');
  const words = entry.example.split(' ');
  expect(await main(['export', entry.name, ...words])).toBe(1);
  expect(err).toContain('Configuration is not usable');
});

describe('wrong usage ends with 2 and names the way out', () => {
  test.each<[words: string, complaint: string]>([
    ['sesions', 'Did you mean sessions?'],
    ['loyalty-balance --program 1', 'Did you mean loyalty-balances?'],
    ['sessions', "required option '--application <id>' not specified"],
    ['sessions --application my-app', 'It must be a number, as in the address of the Campaign Manager.'],
    ['sessions --application 1 --campaign 2', "unknown option '--campaign'"],
    [
      'sessions --application 1 --state paid',
      'Allowed choices are open, closed, partially_returned, cancelled',
    ],
    ['sessions --application 1 --from yesterday', 'It must be a day such as 2026-01-31'],
    ['sessions --application 1 --from 2026-02-01 --to 2026-02-01', '--from must be earlier than --to'],
    ['sessions --application 1 --idle-timeout 0', 'It must be a number of seconds up to 3600.'],
    ['sessions --application 1 --into-warehouse -o x.csv', 'leave out --output and --force'],
    ['loyalty-balances --program 1 --balances current', '"current" is none of: currentBalance'],
    ['loyalty-transactions --program 1 --customer a --card b', '--card does not go with the other options'],
    [
      'loyalty-transactions --program 1 --customer a --type manual',
      '--type does not go with the other options',
    ],
    ['loyalty-transactions --program 1 --date-format excel', '--date-format needs --customer or --card'],
    [
      'loyalty-transactions --program 1 --from 2026-02-01 --to 2026-01-01',
      '--from must be earlier than --to',
    ],
    ['loyalty-dashboard --program 1 --last week', '7d, 30d, 2w, 3m, 1y'],
    ['loyalty-dashboard --program 1 --last 7d --from 2026-01-01', '--last does not go with --from'],
    ['loyalty-dashboard --program 1 --to 2026-01-01', '--to needs --from as well'],
    ['loyalty-dashboard --program 1 --from 2026-01-02 --to 2026-01-01', '--from must not be later than --to'],
    ['loyalty-dashboard --program 1 --from 2026-13-01', 'It must be a day such as 2026-01-31.'],
    [
      'loyalty-dashboard --program 1 --parts money',
      '"money" is none of: members, totals, earned-redeemed, all',
    ],
    ['loyalty-projection --program 1 --days 0', 'It must be a whole number from 1 to 366.'],
    [
      'achievements --achievement 1 --application 2',
      'needs --achievement and --application and --campaign, or',
    ],
    ['events --source api', '--source api needs --application'],
    ['events --into-warehouse', 'are in the warehouse already'],
    ['profiles --source api --from 2026-01-01', 'need --source warehouse'],
    ['profiles --source api --application 1 --sandbox true', '--sandbox does not go with --application'],
    ['profiles --sandbox true', '--sandbox needs --source api'],
    ['profiles --source api --format ndjson --into-warehouse', 'leave out --format ndjson'],
    ['transactions-of cust-1 --program 1 --type manual', '--type needs --source api'],
    ['transactions-of --program 1', "missing required argument 'customer'"],
  ])('%s', async (words, complaint) => {
    expect(await main(['export', ...words.split(' ')])).toBe(2);
    expect(err).toContain(complaint);
    expect(err).toContain('--help');
    expect(out).toBe('');
  });
});
