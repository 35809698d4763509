import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { expect, test } from 'vitest';
import { loadConfig, variables } from '../src/config.js';
import { envExampleFile, renderEnvExample } from './support/env-example.js';

const required = {
  TALON_ONE_BASE_URL: 'https://mycompany.europe-west1.talon.one',
  TALON_ONE_API_KEY: '4b7f1d2c9a',
};

// The names users rely on, in the order in which they are documented.
const documented = [
  'TALON_ONE_BASE_URL',
  'TALON_ONE_API_KEY',
  'TALON_ONE_INTEGRATION_API_KEY',
  'TALON_ONE_APPLICATION_IDS',
  'DATABASE_URL',
  'DATA_DIR',
  'WAREHOUSE_SCHEMA',
  'DATABASE_POOL_SIZE',
  'SYNC_INTERVAL_SECONDS',
  'SYNC_START',
  'SYNC_LOOKBACK_SECONDS',
  'PAGE_SIZE',
  'REQUESTS_PER_SECOND',
  'RATE_LIMIT_SCOPE',
  'REQUEST_TIMEOUT_SECONDS',
  'SESSION_SNAPSHOT_SOURCE',
  'NORMALIZE_EFFECTS',
  'LOYALTY_SYNC',
  'LOYALTY_PROGRAM_IDS',
  'LOYALTY_BALANCES_HOUR',
  'LOYALTY_PROJECTION_DAYS',
  'REFERENCE_INTERVAL_MINUTES',
  'COUPON_SYNC',
  'AUDIT_DELAY_MINUTES',
  'PROFILE_REFRESH_DAYS',
  'RETENTION_MONTHS',
  'LEASE_SECONDS',
  'HTTP_HOST',
  'HTTP_PORT',
  'LOG_LEVEL',
  'LOG_PRETTY',
  'SHUTDOWN_TIMEOUT_SECONDS',
];

test('.env.example says what config.ts says, in the same order', () => {
  const hint = 'renew it: npm run build && node dist/test/support/env-example.js';
  expect(readFileSync(envExampleFile, 'utf8'), hint).toBe(renderEnvExample());
});

test('the variables stand in their documented order, and none is missing', () => {
  const names: string[] = Object.keys(variables);
  expect(names.filter((name) => documented.includes(name))).toEqual(documented);
});

test('used as it is, .env.example changes nothing', () => {
  const example = parse(readFileSync(envExampleFile));
  expect(loadConfig({ ...example, ...required })).toEqual(loadConfig(required));
});

test('every example is a value that is accepted', () => {
  const examples = Object.entries(variables).flatMap(([name, variable]) =>
    'example' in variable ? [[name, variable.example] as const] : [],
  );
  expect(() => loadConfig(Object.fromEntries(examples))).not.toThrow();
});
