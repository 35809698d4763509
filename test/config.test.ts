import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Config, type Environment, loadConfig, readEnvironment, servedAddress } from '../src/config.js';
import { ConfigError } from '../src/errors.js';
import { seconds } from '../src/instant.js';

const required = {
  TALON_ONE_BASE_URL: 'https://mycompany.europe-west1.talon.one',
  TALON_ONE_API_KEY: '4b7f1d2c9a',
};

function load(environment: Environment = {}): Config {
  return loadConfig({ ...required, ...environment });
}

function problemsOf(environment: Environment, options: { needsApi?: boolean } = {}): readonly string[] {
  try {
    loadConfig(environment, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Problems of an environment that is complete otherwise. */
function problemsWith(environment: Environment): readonly string[] {
  return problemsOf({ ...required, ...environment });
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'talon-one-sync-config-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function secretFile(text: string): string {
  const path = join(folder(), 'secret');
  writeFileSync(path, text);
  return path;
}

describe('defaults', () => {
  test('only the address and the key are needed', () => {
    expect(loadConfig(required)).toEqual({
      talonOne: {
        baseUrl: 'https://mycompany.europe-west1.talon.one',
        apiKey: '4b7f1d2c9a',
        applicationIds: 'all',
        pageSize: 1000,
        requestsPerSecond: 3,
        rateLimitScope: 'endpoint',
        requestTimeoutMs: 30_000,
      },
      database: { url: undefined, dataDir: './data', schema: 'public', poolSize: 10 },
      sync: {
        intervalMs: 60_000,
        start: undefined,
        lookback: seconds(120),
        sessionSource: 'auto',
        normalizeEffects: true,
        leaseMs: 30_000,
      },
      loyalty: { isOn: true, programIds: 'all', balancesHour: 3, projectionDays: 0 },
      reference: { intervalMs: 3_600_000, coupons: false },
      audit: { delay: seconds(3600) },
      refresh: { period: undefined },
      retentionMonths: undefined,
      http: { host: '0.0.0.0', port: 8080 },
      log: { level: 'info', pretty: false },
      shutdownTimeoutMs: 20_000,
      secrets: ['4b7f1d2c9a'],
    });
  });

  test('migrating needs neither, but what is given must be right', () => {
    expect(problemsOf({}, { needsApi: false })).toEqual([]);
    expect(problemsOf({ TALON_ONE_BASE_URL: 'x' }, { needsApi: false })).toHaveLength(1);
  });

  test('an empty value is the same as none', () => {
    const empty = {
      DATABASE_URL: '',
      SYNC_START: ' ',
      PAGE_SIZE: '',
      LOG_LEVEL: '\t',
      NORMALIZE_EFFECTS: '',
    };
    expect(load(empty)).toEqual(load());
  });

  test('an empty HTTP_PORT means no server, 0 any port', () => {
    expect(load({ HTTP_PORT: '' }).http.port).toBeUndefined();
    expect(load({ HTTP_PORT: ' ' }).http.port).toBeUndefined();
    expect(load({ HTTP_PORT: '0' }).http.port).toBe(0);
  });

  test('a reference interval of 0 means no reference data, and leaves nothing to coupons', () => {
    expect(load({ REFERENCE_INTERVAL_MINUTES: '0' }).reference.intervalMs).toBeUndefined();
    expect(load({ REFERENCE_INTERVAL_MINUTES: '0.5', COUPON_SYNC: 'true' }).reference).toEqual({
      intervalMs: 30_000,
      coupons: true,
    });
    expect(problemsWith({ REFERENCE_INTERVAL_MINUTES: '0', COUPON_SYNC: 'true' })).toEqual([
      'COUPON_SYNC=true needs REFERENCE_INTERVAL_MINUTES above 0, which says how often',
    ]);
  });

  test('the probe asks where the daemon listens, and not at all where it cannot know', () => {
    expect(servedAddress({})).toBe('127.0.0.1:8080');
    expect(servedAddress({ HTTP_HOST: '10.1.2.3', HTTP_PORT: '9' })).toBe('10.1.2.3:9');
    expect(servedAddress({ HTTP_HOST: '::' })).toBe('[::1]:8080');
    expect(servedAddress({ HTTP_PORT: '' })).toBeUndefined();
    expect(servedAddress({ HTTP_PORT: '0' })).toBeUndefined();
  });
});

describe('problems', () => {
  test('are all in one message, each under the name of its variable', () => {
    const names = [
      'TALON_ONE_API_KEY',
      'TALON_ONE_APPLICATION_IDS',
      'DATABASE_URL',
      'WAREHOUSE_SCHEMA',
      'DATABASE_POOL_SIZE',
      'SYNC_INTERVAL_SECONDS',
      'SYNC_START',
      'PAGE_SIZE',
      'RATE_LIMIT_SCOPE',
      'SESSION_SNAPSHOT_SOURCE',
      'NORMALIZE_EFFECTS',
      'LOYALTY_SYNC',
      'LOYALTY_PROGRAM_IDS',
      'LOYALTY_BALANCES_HOUR',
      'LOYALTY_PROJECTION_DAYS',
      'REFERENCE_INTERVAL_MINUTES',
      'COUPON_SYNC',
      'LEASE_SECONDS',
      'HTTP_PORT',
      'LOG_LEVEL',
      'SHUTDOWN_TIMEOUT_SECONDS',
    ];
    const wrong = Object.fromEntries(
      names.map((name) => [name, name === 'WAREHOUSE_SCHEMA' ? 'pg_x' : '!? ?']),
    );
    const problems = problemsOf({ ...wrong, TALON_ONE_BASE_URL: 'mycompany.talon.one' });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(['TALON_ONE_BASE_URL', ...names]);
    expect(new ConfigError(problems).message.split('\n')).toHaveLength(1 + problems.length);
  });

  test('of what is missing say how to set it, once', () => {
    expect(problemsOf({})).toEqual([
      'TALON_ONE_BASE_URL is not set: set it, for example https://mycompany.europe-west1.talon.one',
      'TALON_ONE_API_KEY is not set: set it, or TALON_ONE_API_KEY_FILE to the path of a file that holds it',
    ]);
    expect(problemsOf({ ...required, TALON_ONE_API_KEY: ' ' })[0]).toContain('TALON_ONE_API_KEY is empty');
  });

  test('show the value that was given', () => {
    expect(problemsWith({ PAGE_SIZE: '1001' })[0]).toBe(
      'PAGE_SIZE must be a whole number from 1 to 1000 (it is "1001")',
    );
  });

  test.each<[string, string, boolean]>([
    ['TALON_ONE_BASE_URL', 'https://mycompany.talon.one/', true],
    ['TALON_ONE_BASE_URL', ' https://mycompany.talon.one ', true],
    ['TALON_ONE_BASE_URL', 'https://mycompany.talon.one/v1', false],
    ['TALON_ONE_BASE_URL', 'https://mycompany.talon.one?x=1', false],
    ['TALON_ONE_BASE_URL', 'https://user@mycompany.talon.one', false],
    ['TALON_ONE_BASE_URL', 'ftp://mycompany.talon.one', false],
    ['TALON_ONE_API_KEY', 'ManagementKey-v1 4b7f', false],
    ['TALON_ONE_API_KEY', '4b7f\n1d2c', false],
    ['TALON_ONE_API_KEY', 'schlüssel', false],
    ['TALON_ONE_APPLICATION_IDS', '12, 34,12', true],
    ['TALON_ONE_APPLICATION_IDS', '12,,34', false],
    ['TALON_ONE_APPLICATION_IDS', '0', false],
    ['TALON_ONE_APPLICATION_IDS', '-1', false],
    ['TALON_ONE_APPLICATION_IDS', 'ALL', false],
    ['LOYALTY_PROGRAM_IDS', '139, 140', true],
    ['LOYALTY_PROGRAM_IDS', 'none', false],
    ['LOYALTY_BALANCES_HOUR', '23', true],
    ['LOYALTY_BALANCES_HOUR', '24', false],
    ['LOYALTY_BALANCES_HOUR', '3:30', false],
    ['LOYALTY_PROJECTION_DAYS', '31', true],
    ['LOYALTY_PROJECTION_DAYS', '-1', false],
    ['DATABASE_URL', 'postgres://h/d', true],
    ['DATABASE_URL', 'postgres://u:p@h/d?application_name=me@here', true],
    ['DATABASE_URL', 'postgres://u:1%2F2%3F3%23@h/d', true],
    ['DATABASE_URL', 'mysql://h/d', false],
    ['DATABASE_URL', 'host=h dbname=d', false],
    ['WAREHOUSE_SCHEMA', 'Talon "One"', true],
    ['WAREHOUSE_SCHEMA', 'ü'.repeat(31), true],
    ['WAREHOUSE_SCHEMA', 'ü'.repeat(32), false],
    ['WAREHOUSE_SCHEMA', 'PG_catalog', false],
    ['SYNC_INTERVAL_SECONDS', '0.5', true],
    ['SYNC_INTERVAL_SECONDS', '-1', false],
    ['SYNC_INTERVAL_SECONDS', 'NaN', false],
    ['SYNC_INTERVAL_SECONDS', 'Infinity', false],
    ['SYNC_START', '2026-01-31T00:00:00+02:00', true],
    ['SYNC_START', '2026-01-31', false],
    ['SYNC_START', '2026-02-30T00:00:00Z', false],
    ['PAGE_SIZE', '1', true],
    ['PAGE_SIZE', '0', false],
    ['PAGE_SIZE', '1e2', false],
    ['PAGE_SIZE', '10.5', false],
    ['REQUESTS_PER_SECOND', '0', true],
    ['REQUESTS_PER_SECOND', '0.5', true],
    ['RATE_LIMIT_SCOPE', 'key', true],
    ['RATE_LIMIT_SCOPE', 'account', false],
    ['REQUEST_TIMEOUT_SECONDS', '0', false],
    ['SESSION_SNAPSHOT_SOURCE', 'export', true],
    ['NORMALIZE_EFFECTS', 'Off', true],
    ['NORMALIZE_EFFECTS', 'maybe', false],
    ['LEASE_SECONDS', '0.5', false],
    ['HTTP_PORT', '65536', false],
    ['HTTP_PORT', '-1', false],
    ['LOG_LEVEL', 'verbose', false],
  ])('%s=%s', (name, value, isRight) => {
    expect(problemsWith({ [name]: value }).map((problem) => problem.split(' ')[0])).toEqual(
      isRight ? [] : [name],
    );
  });
});

describe('what the values become', () => {
  test('durations, ids, words', () => {
    const config = load({
      TALON_ONE_BASE_URL: ' https://MyCompany.talon.one/ ',
      TALON_ONE_APPLICATION_IDS: ' 12, 34,12 ',
      SYNC_INTERVAL_SECONDS: '0.25',
      SYNC_LOOKBACK_SECONDS: '0',
      NORMALIZE_EFFECTS: 'No',
      REQUEST_TIMEOUT_SECONDS: '1.5',
      LOG_PRETTY: '1',
    });
    expect(config.talonOne).toMatchObject({
      baseUrl: 'https://mycompany.talon.one',
      applicationIds: ['12', '34'],
      requestTimeoutMs: 1500,
    });
    expect(config.sync).toMatchObject({ intervalMs: 250, lookback: 0n, normalizeEffects: false });
    expect(config.log.pretty).toBe(true);
  });
});

describe('http://', () => {
  test.each([
    'http://localhost:8080',
    'http://LOCALHOST',
    'http://127.0.0.1:8080',
    'http://127.1',
    'http://127.1.2.3',
    'http://2130706433',
    'http://0x7f.1',
    'http://[::1]:80',
    'http://[0:0:0:0:0:0:0:1]',
  ])('is allowed for this machine: %s', (TALON_ONE_BASE_URL) => {
    expect(problemsWith({ TALON_ONE_BASE_URL })).toEqual([]);
  });

  test.each([
    'http://mycompany.talon.one',
    'http://10.0.0.1',
    'http://127.example.com',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://localhost.evil.com',
    'http://127.0.0.1.nip.io',
    'http://127-0-0-1.example.com',
    'http://notlocalhost',
    'http://localhost-1',
    'http://api.localhost',
    'http://0.0.0.0',
    'http://128.0.0.1',
    'http://[::2]',
    'http://[::]',
    'http://[::ffff:10.0.0.1]',
    'http://localhost\u3002evil.com',
  ])('is refused for another, unless TALON_ONE_ALLOW_HTTP says so: %s', (TALON_ONE_BASE_URL) => {
    const [problem, ...others] = problemsWith({ TALON_ONE_BASE_URL });
    expect(problem).toContain('TALON_ONE_BASE_URL must begin with https://');
    expect(others).toEqual([]);
    expect(problemsWith({ TALON_ONE_BASE_URL, TALON_ONE_ALLOW_HTTP: 'true' })).toEqual([]);
  });
});

describe('secrets', () => {
  test('may come from files, without the line break at their end', () => {
    const url = 'postgresql://user:password@warehouse:5432/analytics';
    const config = loadConfig({
      TALON_ONE_BASE_URL: required.TALON_ONE_BASE_URL,
      TALON_ONE_API_KEY_FILE: secretFile('4b7f1d2c9a\n'),
      DATABASE_URL_FILE: secretFile(`${url}\r\n`),
    });
    expect([config.talonOne.apiKey, config.database.url]).toEqual(['4b7f1d2c9a', url]);
  });

  test('in the variable itself win over the file', () => {
    expect(load({ TALON_ONE_API_KEY_FILE: secretFile('other') }).talonOne.apiKey).toBe('4b7f1d2c9a');
  });

  test('from a file that is missing or empty are one problem, which names the file', () => {
    const base = { TALON_ONE_BASE_URL: required.TALON_ONE_BASE_URL };
    const missing = join(folder(), 'nothing');
    expect(problemsOf({ ...base, TALON_ONE_API_KEY_FILE: missing })).toEqual([
      `TALON_ONE_API_KEY_FILE names a file that cannot be read (${missing}: ENOENT)`,
    ]);
    const empty = secretFile('\n');
    expect(problemsOf({ ...base, TALON_ONE_API_KEY_FILE: empty })).toEqual([
      `TALON_ONE_API_KEY_FILE names an empty file (${empty})`,
    ]);
  });

  test('only secrets are read from files', () => {
    expect(load({ LOG_LEVEL_FILE: secretFile('debug') }).log.level).toBe('info');
  });

  test('are never echoed, whatever is wrong with them or beside them', () => {
    const environments: Environment[] = [
      { TALON_ONE_API_KEY: 'ManagementKey-v1 hush-hush' },
      { TALON_ONE_API_KEY: 'hush hush-hush' },
      { DATABASE_URL: 'user:hush-hush@host/database' },
      { DATABASE_URL: 'mysql://user:hush-hush@host/database' },
      { DATABASE_URL: 'postgresql://user:12/hush-hush@host/database' },
      { DATABASE_URL: 'postgresql://user:12?hush-hush@host/database' },
      { DATABASE_URL: 'postgresql://user:12#hush-hush@host/database' },
      { TALON_ONE_BASE_URL: 'https://user:hush-hush@mycompany.talon.one' },
      { TALON_ONE_BASE_URL: 'user:hush-hush@mycompany.talon.one' },
      { TALON_ONE_API_KEY: 'hush-hush', PAGE_SIZE: '0' },
      { TALON_ONE_API_KEY_FILE: secretFile('hush hush-hush'), TALON_ONE_API_KEY: undefined },
    ];
    for (const environment of environments) {
      const problems = problemsWith(environment);
      expect(problems.length).toBeGreaterThan(0);
      expect(inspect(new ConfigError(problems), { depth: 10 })).not.toContain('hush-hush');
    }
  });

  test('are known to the log in every spelling they can have', () => {
    const { secrets } = load({ DATABASE_URL: 'postgresql://user:p%40ss%2Fword@h/d?password=other%20one' });
    expect(secrets).toEqual(
      expect.arrayContaining(['4b7f1d2c9a', 'p%40ss%2Fword', 'p@ss/word', 'other one']),
    );
  });

  test('of a stray per cent sign in the password are known all the same', () => {
    expect(load({ DATABASE_URL: 'postgresql://user:100%sure@h/d' }).secrets).toContain('100%sure');
  });

  test('too short to be told from ordinary text are not blanked', () => {
    expect(load({ DATABASE_URL: 'postgresql://user:a@h/d' }).secrets).toEqual(['4b7f1d2c9a']);
  });
});

test('a .env file in the working directory fills in what is not set, in silence', () => {
  const path = folder();
  writeFileSync(join(path, '.env'), 'LOG_LEVEL=debug\nPAGE_SIZE=7\n');
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(path);
  vi.stubEnv('PAGE_SIZE', '9');
  vi.stubEnv('LOG_LEVEL', undefined);
  const output = vi.spyOn(process.stdout, 'write');
  onTestFinished(() => {
    vi.unstubAllEnvs();
    cwd.mockRestore();
    output.mockRestore();
  });
  expect(readEnvironment()).toMatchObject({ LOG_LEVEL: 'debug', PAGE_SIZE: '9' });
  expect(output).not.toHaveBeenCalled();
  expect(process.env.LOG_LEVEL).toBeUndefined();
});
