import { describe, expect, test } from 'vitest';
import type { Daemon } from './support/daemon.js';
import { createRole, type Deployment, deploy } from './support/deployment.js';
import { setReadOnly } from './support/postgres.js';

const API = '/v1/applications/{applicationId}';
const EVERYTHING = 'Everything the daemon needs is there.';

interface Situation {
  /** Brings it about and starts the command. */
  start(deployment: Deployment): Daemon | Promise<Daemon>;
  code: 0 | 1;
  /** What the text must say: what is wrong, and what to do. */
  says: readonly (string | RegExp)[];
}

const withEnv =
  (env: Record<string, string>): Situation['start'] =>
  ({ start }) =>
    start(['check'], { env });

const situations: Record<string, Situation> = {
  'everything in order': {
    start: ({ start }) => start(['check']),
    code: 0,
    says: [
      EVERYTHING,
      'the first start creates the tables',
      '1 Applications',
      /ok +GET \/v1\/customer_profiles\/\S+ +the Integration API takes the key/,
    ],
  },
  'a host that does not exist': {
    start: withEnv({ TALON_ONE_BASE_URL: 'https://nowhere.invalid' }),
    code: 1,
    says: ['PROBLEM', 'nowhere.invalid', 'TALON_ONE_BASE_URL cannot be resolved'],
  },
  'a port where nothing listens': {
    start: withEnv({ TALON_ONE_BASE_URL: 'http://127.0.0.1:1' }),
    code: 1,
    says: ['PROBLEM', 'Nothing listens there: check host and port in TALON_ONE_BASE_URL'],
  },
  'a web site instead of the API': {
    start: ({ simulator, start }) => {
      simulator.addFault({ times: Infinity, action: { type: 'html200' } });
      return start(['check']);
    },
    code: 1,
    says: ['PROBLEM', 'TALON_ONE_BASE_URL does not lead to the API'],
  },
  'a redirect to a login page': {
    start: ({ simulator, start }) => {
      simulator.addFault({ times: Infinity, action: { type: 'redirect' } });
      return start(['check']);
    },
    code: 1,
    says: ['PROBLEM', 'TALON_ONE_BASE_URL does not lead to the API'],
  },
  'https where the server speaks plain HTTP': {
    start: ({ simulator, start }) =>
      start(['check'], { env: { TALON_ONE_BASE_URL: simulator.url.replace('http:', 'https:') } }),
    code: 1,
    says: ['PROBLEM', 'does not speak TLS'],
  },
  'a key without the right to some reference data, on an older deployment': {
    start: ({ simulator, start }) => {
      simulator.set({ forbidden: { [`${API}/stores`]: 403, '/v1/changes': 401 }, achievementsV2: '404' });
      return start(['check'], { env: { REFERENCE_INTERVAL_MINUTES: '60', COUPON_SYNC: 'true' } });
    },
    code: 0,
    says: [
      /note +GET \/v1\/applications\/\{applicationId\}\/stores .*403/,
      /note +GET \/v1\/changes .*401/,
      'Its table stays empty, everything else works.',
      /ok +GET \/v1\/applications\/\{applicationId\}\/campaigns +answers/,
      /ok +GET .*\/rulesets\/\{rulesetId\} +answers/,
      /ok +GET \/v2\/achievements +not known to this deployment/,
      /ok +GET .*\/export_coupons +answers/,
    ],
  },
  'a wrong key': {
    start: withEnv({ TALON_ONE_API_KEY: 'a-key-that-is-not-known' }),
    code: 1,
    says: [/PROBLEM +GET \/v1\/applications .*\(401\)/, 'TALON_ONE_API_KEY is wrong'],
  },
  'a wrong key, with Applications named': {
    start: withEnv({ TALON_ONE_API_KEY: 'a-key-that-is-not-known', TALON_ONE_APPLICATION_IDS: '1' }),
    code: 1,
    says: [/PROBLEM +GET \/v1\/applications\/1\/events\/no_total .*\(401\)/, 'TALON_ONE_API_KEY is wrong'],
  },
  'a key without the right to search profiles (403)': {
    start: ({ simulator, start }) => {
      simulator.set({ forbidden: { [`${API}/customer_search`]: 403 } });
      return start(['check']);
    },
    code: 1,
    says: [
      /PROBLEM +POST \/v1\/applications\/1\/customer_search .*\(403\)/,
      /ok +GET \/v1\/applications\/1\/events/,
      'allow them for the key in Campaign Manager',
    ],
  },
  'a key without the right to most endpoints (401 and 403)': {
    start: ({ simulator, start }) => {
      const forbidden = {
        [`${API}/events/no_total`]: 401,
        [`${API}/sessions`]: 403,
        [`${API}/sessions/{sessionId}`]: 401,
      } as const;
      simulator.set({ forbidden });
      return start(['check']);
    },
    code: 1,
    says: [
      /PROBLEM +GET \/v1\/applications\/1\/events\/no_total .*\(401\)/,
      /ok +POST \/v1\/applications\/1\/customer_search/,
      /PROBLEM +GET \/v1\/applications\/1\/sessions .*\(403\)/,
      /PROBLEM +GET \/v1\/applications\/1\/sessions\/\{sessionId\} .*\(401\)/,
      'allow them for the key in Campaign Manager',
    ],
  },
  'an Application that does not exist': {
    start: withEnv({ TALON_ONE_APPLICATION_IDS: '99' }),
    code: 1,
    says: [/PROBLEM +GET \/v1\/applications\/99 /, 'Mend TALON_ONE_APPLICATION_IDS'],
  },
  'a key of a sandbox': {
    start: ({ simulator, start }) => {
      simulator.removeApplication(1);
      simulator.addApplication({ id: 2, name: 'Playground', sandbox: true });
      return start(['check']);
    },
    code: 0,
    says: [/note +Application 2 +Playground is a sandbox/, 'use one of a live Application'],
  },
  'no TLS to the API and to the database': {
    // 0.0.0.0 leads to this machine, but not by a name of its own.
    start: ({ role, start }) => {
      const url = new URL(role.url);
      url.hostname = '0.0.0.0';
      return start(['check'], { env: { DATABASE_URL: url.href } });
    },
    code: 0,
    says: [
      /note +API address .*is not encrypted/,
      'Use https:// for a real deployment',
      /note +database .*no TLS/,
      'add ?sslmode=verify-full to DATABASE_URL',
    ],
  },
  'an unencrypted address of another machine': {
    start: withEnv({ TALON_ONE_BASE_URL: 'http://mycompany.invalid' }),
    code: 1,
    says: ['TALON_ONE_BASE_URL must begin with https://', 'TALON_ONE_ALLOW_HTTP=true'],
  },
  'a read-only database': {
    start: async ({ database, start }) => {
      await setReadOnly(database, true);
      return start(['check']);
    },
    code: 1,
    says: [/PROBLEM +schema public +the database is read-only/, 'DATABASE_URL must name the primary'],
  },
  'a role that may not create the schema': {
    start: async ({ database, start }) => {
      const guest = await createRole(database, 'guest');
      return start(['check'], { env: { DATABASE_URL: guest.url, WAREHOUSE_SCHEMA: 'warehouse' } });
    },
    code: 1,
    says: [
      /PROBLEM +schema warehouse +permission denied/,
      /create schema "warehouse" authorization ".*_guest";/,
    ],
  },
  'a role that may not create tables in the schema': {
    start: async ({ database, start }) => {
      const guest = await createRole(database, 'guest');
      await database.query(`create schema warehouse`);
      await database.query(`grant usage on schema warehouse to ${guest.name}`);
      return start(['check'], { env: { DATABASE_URL: guest.url, WAREHOUSE_SCHEMA: 'warehouse' } });
    },
    code: 1,
    says: [/PROBLEM +schema warehouse +permission denied/, /grant usage, create on schema "warehouse" to/],
  },
  'a role that may not write the tables': {
    start: async ({ database, start }) => {
      expect(await start(['migrate']).ended).toMatchObject({ code: 0 });
      const guest = await createRole(database, 'guest');
      await database.query(`grant select, insert on all tables in schema public to ${guest.name}`);
      return start(['check'], { env: { DATABASE_URL: guest.url } });
    },
    code: 1,
    says: [
      /PROBLEM +schema public .*may not write .*talon_one_event/,
      'grant select, insert, update, delete',
    ],
  },
  'a wrong database password': {
    start: ({ role, start }) => {
      const url = new URL(role.url);
      url.password = 'not-the-password-of-anybody';
      return start(['check'], { env: { DATABASE_URL: url.href } });
    },
    code: 1,
    says: [/PROBLEM +database +Postgres refuses the login/, 'Check user and password in DATABASE_URL'],
  },
  'a Postgres that is not there': {
    start: withEnv({ DATABASE_URL: 'postgresql://somebody@127.0.0.1:1/nothing' }),
    code: 1,
    says: [/PROBLEM +database +Postgres cannot be reached/, 'Check host and port in DATABASE_URL'],
  },
  'a schema that a newer version made': {
    start: async ({ database, start }) => {
      expect(await start(['migrate']).ended).toMatchObject({ code: 0 });
      await database.query(`insert into talon_one_migration (name) values ('9999_future.sql')`);
      return start(['check']);
    },
    code: 1,
    says: ['PROBLEM', '9999_future.sql', 'Deploy the newer version'],
  },
  'loyalty that the key may read': {
    start: withEnv({ LOYALTY_SYNC: 'true' }),
    code: 0,
    says: [
      /ok +GET \/v1\/loyalty_programs\/1\/transactions +answers/,
      /ok +GET \/v1\/loyalty_programs\/1\/export_join_dates +answers/,
      /ok +GET \/v1\/loyalty_programs\/2\/export_card_balances +answers/,
    ],
  },
  'loyalty that the key may not read (403): only a note': {
    start: ({ simulator, start }) => {
      simulator.addFault({
        path: /loyalty_programs\/(1\/transactions|2\/export)/,
        times: Infinity,
        action: { type: 'status', status: 403 },
      });
      return start(['check'], { env: { LOYALTY_SYNC: 'true', LOYALTY_PROGRAM_IDS: '1,2' } });
    },
    code: 0,
    says: [
      /note +GET \/v1\/loyalty_programs\/1\/transactions +the API refuses the key/,
      /note +GET \/v1\/loyalty_programs\/2\/export_card_balances +the API refuses the key/,
      /ok +GET \/v1\/loyalty_programs\/2\/transactions +answers/,
      'or set LOYALTY_SYNC=false',
    ],
  },
  'an Integration API key that is refused: only a note': {
    start: withEnv({ TALON_ONE_INTEGRATION_API_KEY: 'of-another-environment' }),
    code: 0,
    says: [/note +GET \S+inventory +the Integration API refuses the key/, '"import profiles"'],
  },
  'a clock behind that of the API': {
    start: ({ simulator, start }) => {
      simulator.set({ dateHeaderOffsetMs: 3_600_000 });
      return start(['check']);
    },
    code: 0,
    says: [/note +API clock +this machine's clock is 3[56]\d\d s behind the API's/, 'set the clock (NTP)'],
  },
  'a clock ahead of both the API and the database': {
    start: ({ start }) =>
      start(['check'], {
        preload: [new URL('./support/clock-shift.mjs?ms=3600000', import.meta.url)],
      }),
    code: 0,
    says: [
      /note +API clock +this machine's clock is 3[56]\d\d s ahead of the API's/,
      /note +database clock +3[56]\d\d s behind this machine/,
    ],
  },
};

describe.concurrent('check', () => {
  test.for(Object.entries(situations))('%s', async ([, situation], context) => {
    const deployment = await deploy(context, { emptyDatabase: true, history: { events: 20 } });
    const daemon = await situation.start(deployment);
    expect(await daemon.ended).toEqual({ code: situation.code, signal: null });
    expect(daemon.stderr).toBe('');
    for (const saying of situation.says) expect(daemon.stdout).toMatch(saying);
    expect(daemon.stdout.includes(EVERYTHING)).toBe(situation.code === 0);
  });

  test('--json prints one object with the same findings', async (context) => {
    const { simulator, start } = await deploy(context, { emptyDatabase: true, history: { events: 20 } });
    simulator.set({ forbidden: { [`${API}/customer_search`]: 403 } });
    const daemon = start(['check', '--json']);
    expect(await daemon.ended).toMatchObject({ code: 1 });
    const { isReady, findings } = JSON.parse(daemon.stdout) as { isReady: boolean; findings: unknown[] };
    expect(isReady).toBe(false);
    expect(findings).toContainEqual({
      what: 'POST /v1/applications/1/customer_search',
      state: 'problem',
      found: expect.stringContaining('403'),
      advice: expect.stringContaining('Campaign Manager'),
    });
    expect(findings).toContainEqual({ what: 'configuration', state: 'ok', found: 'complete' });
  });

  test('changes nothing in the database', async (context) => {
    const { database, start } = await deploy(context, { emptyDatabase: true, history: { events: 20 } });
    expect(await start(['check'], { env: { WAREHOUSE_SCHEMA: 'warehouse' } }).ended).toMatchObject({
      code: 0,
    });
    expect(await database.query(`select from pg_namespace where nspname = 'warehouse'`)).toEqual([]);
    expect(await database.query(`select from pg_class where relname like 'talon_one%'`)).toEqual([]);
  });
});
