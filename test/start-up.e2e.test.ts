import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { findDifferences } from './support/copy-audit.js';
import type { Daemon } from './support/daemon.js';
import { createRole, deploy } from './support/deployment.js';

const commands = ['run', 'once', 'migrate'];

describe('bad configuration', () => {
  const bad = {
    TALON_ONE_BASE_URL: 'mycompany.talon.one/v1',
    TALON_ONE_API_KEY: 'two words-with-a-secret',
    TALON_ONE_APPLICATION_IDS: 'first',
    DATABASE_URL: 'host=warehouse password=another-secret',
    SYNC_INTERVAL_SECONDS: 'often',
    SYNC_START: 'yesterday',
    PAGE_SIZE: '1001',
    REQUESTS_PER_SECOND: '-1',
    RATE_LIMIT_SCOPE: 'everything',
    SESSION_SNAPSHOT_SOURCE: 'guess',
    NORMALIZE_EFFECTS: 'perhaps',
    LEASE_SECONDS: '0',
    HTTP_PORT: '70000',
    LOG_LEVEL: 'loud',
    SHUTDOWN_TIMEOUT_SECONDS: 'soon',
  };

  test.for(['run', 'once', 'check'])(
    '%s names every wrong variable in one message and echoes no secret',
    async (command, context) => {
      const { start } = await deploy(context, { emptyDatabase: true });
      const secrets = ['two words-with-a-secret', 'another-secret'];
      const daemon = start([command], { env: bad, secrets });
      expect(await daemon.ended).toEqual({ code: 1, signal: null });
      const message = command === 'check' ? daemon.stdout : daemon.stderr;
      for (const name of Object.keys(bad)) expect(message).toContain(`- ${name} `);
      for (const secret of secrets) expect(daemon.stdout + daemon.stderr).not.toContain(secret);
      if (command !== 'check') expect(daemon.stdout).toBe('');
    },
  );

  test('keeps run, once and migrate from talking to the API or to Postgres', async (context) => {
    const { simulator, start } = await deploy(context, { emptyDatabase: true });
    const listener = await countConnections(context);
    const env = {
      DATABASE_URL: `postgresql://somebody@127.0.0.1:${listener.port}/x`,
      LEASE_SECONDS: 'long',
    };
    for (const daemon of commands.map((command) => start([command], { env }))) {
      expect(await daemon.ended).toMatchObject({ code: 1 });
      expect(daemon.stderr).toMatch(/^Configuration is not usable:\n {2}- LEASE_SECONDS .*\n$/);
    }
    expect(listener.connections()).toBe(0);
    expect(simulator.requests).toEqual([]);
  });

  test('what is required and missing is named together with what is wrong', async (context) => {
    const { start } = await deploy(context, { emptyDatabase: true });
    const env = { TALON_ONE_BASE_URL: undefined, TALON_ONE_API_KEY: '', PAGE_SIZE: 'x' };
    const daemon = start(['run'], { env });
    expect(await daemon.ended).toMatchObject({ code: 1 });
    expect(daemon.stderr).toContain('- TALON_ONE_BASE_URL is not set: ');
    expect(daemon.stderr).toContain('- TALON_ONE_API_KEY is empty: ');
    expect(daemon.stderr).toContain('- PAGE_SIZE ');
  });
});

describe('a database that cannot be used ends run, once and migrate with 1 and one line that says why', () => {
  test('wrong password', async (context) => {
    const { role, start } = await deploy(context, { emptyDatabase: true });
    const url = new URL(role.url);
    url.password = 'not-the-password-of-anybody';
    const daemons = commands.map((command) => start([command], { env: { DATABASE_URL: url.href } }));
    const line = /^Postgres refuses the login: .*Check user and password in DATABASE_URL\.$/;
    for (const daemon of daemons) await expectOneLine(daemon, line);
  });

  test('unknown database', async (context) => {
    const { role, start } = await deploy(context, { emptyDatabase: true });
    const url = new URL(role.url);
    url.pathname = '/nowhere_to_be_found';
    const daemons = commands.map((command) => start([command], { env: { DATABASE_URL: url.href } }));
    const line = /nowhere_to_be_found.*Create it, or name another one in DATABASE_URL\.$/;
    for (const daemon of daemons) await expectOneLine(daemon, line);
  });

  test('a schema that a newer version made', async (context) => {
    const { simulator, database, start } = await deploy(context, { emptyDatabase: true });
    expect(await start(['migrate']).ended).toMatchObject({ code: 0 });
    await database.query(`insert into talon_one_migration (name) values ('9999_future.sql')`);
    const daemons = commands.map((command) => start([command]));
    const line = /newer than this program: it has 9999_future\.sql.*Deploy the newer version again\.$/;
    for (const daemon of daemons) await expectOneLine(daemon, line);
    expect(simulator.requests).toEqual([]);
  });

  test('a migration that fails, and leaves nothing behind', async (context) => {
    const { simulator, database, role, start } = await deploy(context, { emptyDatabase: true });
    await database.query('create table talon_one_sync_cursor (mine text)');
    await database.query(`alter table talon_one_sync_cursor owner to ${role.name}`);
    const daemons = commands.map((command) => start([command]));
    for (const daemon of daemons) await expectOneLine(daemon, /"talon_one_sync_cursor" already exists/);
    expect(simulator.requests).toEqual([]);
    const relations = await database.query(`select relname from pg_class where relname like 'talon_one%'`);
    expect(relations).toEqual([{ relname: 'talon_one_sync_cursor' }]);
  });

  test('a role that may not create', async (context) => {
    const { database, start } = await deploy(context, { emptyDatabase: true });
    const guest = await createRole(database, 'guest');
    const env = { DATABASE_URL: guest.url, WAREHOUSE_SCHEMA: 'warehouse' };
    const daemons = commands.map((command) => start([command], { env }));
    const line = /^The role may not do what is needed in schema "warehouse": .*grant it/;
    for (const daemon of daemons) await expectOneLine(daemon, line);
  });
});

test('migrate brings the schema up to date, needs nothing of the API, and may be repeated', async (context) => {
  const { simulator, database, start } = await deploy(context, { emptyDatabase: true });
  const env = { TALON_ONE_BASE_URL: undefined, TALON_ONE_API_KEY: undefined };
  for (let time = 1; time <= 2; time += 1) {
    const migrate = start(['migrate'], { env });
    expect(await migrate.ended).toEqual({ code: 0, signal: null });
    expect(migrate.lines.at(-1)).toMatchObject({ msg: 'schema is up to date', schema: 'public' });
  }
  expect(simulator.requests).toEqual([]);
  expect(await database.query('select name from talon_one_migration')).not.toEqual([]);
});

test('the warehouse can be a schema of any name, whatever the search_path of the role', async (context) => {
  const { simulator, database, role, start } = await deploy(context, { emptyDatabase: true });
  const schema = 'Talon "One"';
  const daemon = start(['once'], { env: { WAREHOUSE_SCHEMA: schema } });
  expect(await daemon.ended).toMatchObject({ code: 0 });
  await database.query(`alter role ${role.name} set search_path to pg_catalog`);
  simulator.emit(1, 5);
  expect(await start(['once'], { env: { WAREHOUSE_SCHEMA: schema } }).ended).toMatchObject({ code: 0 });
  const [row] = await database.query<{ count: string }>(
    'select count(*) from "Talon ""One""".talon_one_event',
  );
  expect(row?.count).toBe('305');
});

test('variables may stand in a .env file of the working folder, and secrets in files of their own', async (context) => {
  const { simulator, database, role, start } = await deploy(context, { emptyDatabase: true });
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-env-'));
  context.onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '.env'), 'TALON_ONE_API_KEY_FILE=key\nDATABASE_URL_FILE=url\nPAGE_SIZE=30\n');
  await writeFile(join(folder, 'key'), `${simulator.apiKey}\n`);
  await writeFile(join(folder, 'url'), `${role.url}\n`);
  const once = start(['once'], {
    env: { TALON_ONE_API_KEY: undefined, DATABASE_URL: undefined, PAGE_SIZE: undefined },
    secrets: [simulator.apiKey, role.password],
    cwd: folder,
  });
  expect(await once.ended).toMatchObject({ code: 0 });
  expect(await findDifferences(simulator, database)).toEqual([]);
  expect(simulator.requests.some(({ query }) => query.includes('pageSize=30'))).toBe(true);
});

/** One line on stderr, JSON alone on stdout, exit code 1. */
async function expectOneLine(daemon: Daemon, line: RegExp): Promise<void> {
  expect(await daemon.ended).toEqual({ code: 1, signal: null });
  expect(daemon.stderr.trimEnd()).toMatch(line);
  expect(daemon.stderr.trimEnd()).not.toContain('\n');
  expect(daemon.lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'talon-one-sync ends' });
}

/** A place where a Postgres could listen. */
async function countConnections(context: TestContext): Promise<{ port: number; connections(): number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, connections: () => connections };
}
